// Parses a document: each member is looked up in the table of fields and stored, then the fields
// are checked against each other.
#include <algorithm>
#include <cctype>

#include "base/errors.h"
#include "base/text.h"
#include "trainers/config/check_value.h"
#include "trainers/config/config.h"
#include "trainers/config/cross_check.h"
#include "trainers/config/fields.h"

namespace swin::trainers {

using base::Json;
using base::UsageError;

namespace {

/// Names directly below `prefix` ("" or "data.train"), in the order of the table.
std::vector<std::string> children(const std::string& prefix) {
  std::vector<std::string> names;
  const std::string start = prefix.empty() ? "" : prefix + ".";
  for (const Field& field : all_fields()) {
    if (field.path.compare(0, start.size(), start) != 0) continue;
    const std::string name =
        field.path.substr(start.size(), field.path.find('.', start.size()) - start.size());
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The field that an unknown name most likely means: a field of nearly that name in the
/// same section, else one in another section, else the field with that name in the official code.
std::string guess(const std::string& prefix, const std::string& name) {
  const std::vector<std::string> siblings = children(prefix);
  const std::string close = base::nearest_if_close(lower(name), siblings);
  if (!close.empty()) return prefix.empty() ? close : prefix + "." + close;
  std::vector<std::string> leaves;
  for (const Field& field : all_fields()) leaves.push_back(field.name());
  const std::string leaf = base::nearest_if_close(lower(name), leaves);
  for (const Field& field : all_fields())
    if (!leaf.empty() && field.name() == leaf) return field.path;
  for (const Field& field : all_fields()) {
    const std::string official = field.official.substr(field.official.rfind('.') + 1);
    if (!official.empty() && lower(official) == lower(name)) return field.path;
  }
  return "";
}

/// Refuses a field of rows of which the section's `name` chooses none. A name that no row has is
/// refused by its own field.
void check_row(const Field& field, const Json& document, const Json& value) {
  if (field.rows.empty()) return;
  const auto& fields = all_fields();
  const auto name = std::find_if(fields.begin(), fields.end(), [&](const Field& f) {
    return f.path == field.row_section + ".name";
  });
  const Json* written = find_path(document, name->path);
  const Json chosen = written ? *written : name->get(Config{});
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), chosen.as_string()) != names.end();
  };
  if (!chosen.is_string() || !has(name->choices) || has(field.rows)) return;
  throw UsageError(where_is(value, field.path),
                   "found a field of " + base::alternatives(field.rows) + ", expected none with " +
                       name->path + " \"" + chosen.as_string() + "\"",
                   "remove it, or set " + name->path);
}

void walk(const Json& document, const Json& object, const std::string& prefix, Config& config) {
  for (const auto& [name, value] : object.members()) {
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (name.find('.') != std::string::npos)
      throw UsageError(where_is(value, "\"" + path + "\""), "found a name with a dot",
                       "nest objects: {\"trainer\": {\"batch_size\": 64}}");
    const auto& fields = all_fields();
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.path == path; });
    if (field != fields.end()) {
      check_row(*field, document, value);
      store_value(*field, value, config);
      continue;
    }
    const std::vector<std::string> names = children(prefix);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string meant = guess(prefix, name);
      throw UsageError(where_is(value, path),
                       "unknown field, expected one of " + base::listing(names, names.size()),
                       meant.empty() ? "" : "did you mean " + meant + "?");
    }
    const bool optional =
        path == "data.validation" || path == "data.test" || path == "augment.random_resized_crop";
    if (optional && value.is_null()) continue;
    if (!value.is_object())
      throw UsageError(where_is(value, path),
                       found_text(value) + ", expected an object" + (optional ? " or null" : ""));
    if (path == "data.validation") config.data.validation.emplace();
    if (path == "data.test") config.data.test.emplace();
    if (path == "augment.random_resized_crop") config.augment.random_resized_crop.emplace();
    walk(document, value, path, config);
  }
}

Config parse(const Json& document, bool with_data) {
  if (!document.is_object())
    throw UsageError(where_is(document, "config"),
                     std::string("found ") + document.type_name() + ", expected an object");
  Config config;
  walk(document, document, "", config);
  complete_and_cross_check(document, config, with_data);
  return config;
}

}  // namespace

Config parse_config(const Json& document) { return parse(document, true); }
Config parse_config_without_data(const Json& document) { return parse(document, false); }

}  // namespace swin::trainers
