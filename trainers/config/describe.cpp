// What is made from the table of fields: the texts of errors, the resolved config, origins,
// differences, the JSON Schema and the rows of configs/README.md.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/text.h"
#include "trainers/config/config.h"
#include "trainers/config/fields.h"

namespace swin::trainers {

using base::Json;

namespace {

Json bound_json(double bound) {
  return bound == std::floor(bound) && std::abs(bound) < 1e15 ? Json(static_cast<int64_t>(bound))
                                                              : Json(bound);
}

std::string bound_text(double bound) { return base::to_text(bound_json(bound)); }

std::string range_text(const Field& field) {
  const bool both = std::isfinite(field.minimum) && std::isfinite(field.maximum);
  if (both && !field.above_minimum && !field.below_maximum)
    return " from " + bound_text(field.minimum) + " to " + bound_text(field.maximum);
  std::string text;
  if (std::isfinite(field.minimum))
    text = (field.above_minimum ? " above " : " of at least ") + bound_text(field.minimum);
  if (std::isfinite(field.maximum))
    text += (text.empty() ? " " : " and ") +
            std::string(field.below_maximum ? "below " : "at most ") + bound_text(field.maximum);
  return text;
}

std::string count_text(const Field& field) {
  if (field.least_items == field.most_items) return std::to_string(field.least_items);
  return std::to_string(field.least_items) + " to " + std::to_string(field.most_items);
}

std::string expected_value(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "an integer" + range_text(field);
    case Kind::number:
      return "a number" + range_text(field);
    case Kind::text:
      return "a string";
    case Kind::choice:
      return (field.choices.size() > 1 ? "one of " : "") + base::joined(field.choices);
    case Kind::integers:
      return "a list of " + count_text(field) + " integers, each" + range_text(field);
    case Kind::numbers:
      return "a list of " + count_text(field) + " numbers, each" + range_text(field);
    case Kind::texts:
      return "a list of strings";
    case Kind::size:
      return "n or [h, w], each an integer" + range_text(field);
    case Kind::sizes:
      return "a list of " + count_text(field) + " n or [h, w], each an integer" + range_text(field);
    case Kind::ratios:
      return "a number" + range_text(field) + ", or a list of " + count_text(field);
    case Kind::fraction:
      return "a fraction above 0 and at most 1, or [begin, end] with 0 ≤ begin < end ≤ 1";
    case Kind::colors:
      return "a list of at most " + std::to_string(field.most_items) +
             " [red, green, blue], each from 0 to 255";
    case Kind::init_std:
      return "a number" + range_text(field) + ", or \"fan_in\"";
  }
  return "";
}

std::string type_of_value(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
      return "integer";
    case Kind::number:
      return "number";
    case Kind::text:
      return "string";
    case Kind::choice:
      return "`" + base::joined(field.choices, "`, `") + "`";
    case Kind::integers:
      return "list of integers";
    case Kind::numbers:
      return "list of numbers";
    case Kind::texts:
      return "list of strings";
    case Kind::size:
      return "integer or [h, w]";
    case Kind::sizes:
      return "list of integers or [h, w]";
    case Kind::ratios:
      return "number or list of numbers";
    case Kind::fraction:
      return "number or [begin, end]";
    case Kind::colors:
      return "list of [r, g, b]";
    case Kind::init_std:
      return "number or `fan_in`";
  }
  return "";
}

/// The names of a dotted path.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= path.size(); begin += parts.back().size() + 1)
    parts.push_back(path.substr(begin, path.find('.', begin) - begin));
  return parts;
}

}  // namespace

std::string Field::expected() const {
  return expected_value(*this) + (nullable ? ", or null" : "");
}
std::string Field::type_text() const { return type_of_value(*this) + (nullable ? " or null" : ""); }

const Json* find_path(const Json& document, const std::string& path) {
  const Json* at = &document;
  for (const std::string& part : parts_of(path))
    if (at) at = at->find(part);
  return at;
}

std::string origin_of(const Json& value) {
  if (value.source.empty() || value.position.line == 0) return value.source;
  return value.source + ":" + std::to_string(value.position.line);
}

std::string where_of(const Json& document, const std::string& path) {
  for (std::string part = path;; part.resize(part.rfind('.'))) {
    if (const Json* value = find_path(document, part)) {
      const std::string origin = origin_of(*value);
      return origin.empty() ? path : origin + ": " + path;
    }
    if (part.find('.') == std::string::npos) break;
  }
  return document.source.empty() ? path : document.source + ": " + path;
}

// ---- The resolved config -----------------------------------------------------------------------

namespace {

/// The member at a dotted path; made if it is absent.
Json& make_path(Json& root, const std::string& path) {
  Json* at = &root;
  for (const std::string& part : parts_of(path)) at = &(*at)[part];
  return *at;
}

}  // namespace

Json to_json(const Config& config, WithRuntime runtime) {
  Json root = Json::object();
  for (const Field& field : all_fields()) {
    if (runtime == WithRuntime::no && field.section() == "runtime") continue;
    if (field.present(config))
      make_path(root, field.path) = field.get(config);
    else if (field.rows.empty() && !config.data.train.format.empty())  // else without data
      make_path(root, field.section()) = Json();
  }
  return root;
}

Json to_json(const layers::ModelConfig& model) {
  Config config;
  config.model = model;
  Json root = Json::object();
  for (const Field& field : all_fields())
    if (field.section() == "model") make_path(root, field.path) = field.get(config);
  return root;
}

std::vector<Origin> origins(const Json& document, const Config& config) {
  std::vector<Origin> list;
  for (const Field& field : all_fields()) {
    if (!field.present(config)) continue;
    const Json* written = find_path(document, field.path);
    std::string origin = written ? origin_of(*written) : "default";
    if (origin.empty()) origin = "stored config";
    list.push_back({field.path, field.get(config), origin});
  }
  return list;
}

namespace {

/// The leaves of a config that belong to a run's identity.
void flatten(const Json& json, const std::string& path,
             std::vector<std::pair<std::string, Json>>& leaves) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.members())
      flatten(value, path.empty() ? key : path + "." + key, leaves);
    return;
  }
  Identity identity = Identity::value;  // of a field that this version does not know
  for (const Field& field : all_fields())
    if (field.path == path || field.path.starts_with(path + ".")) {  // null stands for a section
      identity = field.identity;
      if (identity == Identity::value) break;
    }
  if (identity == Identity::none) return;
  const bool named = identity == Identity::presence && !json.is_null();
  leaves.emplace_back(path, named ? Json("set") : json);
}

}  // namespace

Json with_defaults(const Json& stored) {
  try {
    return to_json(parse_config_without_data(stored), WithRuntime::no);
  } catch (const base::UsageError&) {
    return stored;
  }
}

std::string difference(const Json& now, const Json& before) {
  std::vector<std::pair<std::string, Json>> ours, theirs;
  flatten(now, "", ours);
  flatten(before, "", theirs);
  std::vector<std::string> found;
  const auto look_up = [](const auto& leaves, const std::string& path) -> const Json* {
    for (const auto& [name, value] : leaves)
      if (name == path) return &value;
    return nullptr;
  };
  for (const auto& [path, value] : ours) {
    const Json* old = look_up(theirs, path);
    if (old && *old == value) continue;
    found.push_back(path + " is " + base::to_text(*find_path(now, path)) + ", was " +
                    (old ? base::to_text(*find_path(before, path)) : "absent"));
  }
  for (const auto& [path, value] : theirs)
    if (!look_up(ours, path)) found.push_back(path + " is absent, was " + base::to_text(value));
  return base::listing(found, 3, "; ");
}

// ---- Schema and list ---------------------------------------------------------------------------

namespace {

Json typed(const std::string& type, bool nullable) {
  if (!nullable) return Json(type);
  return Json::array_of(std::vector<std::string>{type, "null"});
}

/// {"name": value}
Json object_with(const char* name, Json value) {
  Json object = Json::object();
  object[name] = std::move(value);
  return object;
}

void add_bounds(Json& schema, const Field& field) {
  if (std::isfinite(field.minimum))
    schema[field.above_minimum ? "exclusiveMinimum" : "minimum"] = bound_json(field.minimum);
  if (std::isfinite(field.maximum))
    schema[field.below_maximum ? "exclusiveMaximum" : "maximum"] = bound_json(field.maximum);
}

Json scalar(const std::string& type, const Field& field, bool nullable = false) {
  Json schema = object_with("type", typed(type, nullable));
  add_bounds(schema, field);
  return schema;
}

Json list_of(Json items, size_t least, size_t most) {
  Json schema = object_with("type", "array");
  schema["items"] = std::move(items);
  schema["minItems"] = static_cast<int64_t>(least);
  schema["maxItems"] = static_cast<int64_t>(most);
  return schema;
}

Json any_of(const std::vector<Json>& choices) {
  return object_with("anyOf", Json::array_of(choices));
}

Json size_schema(const Field& field) {
  return any_of({scalar("integer", field), list_of(scalar("integer", field), 2, 2)});
}

Json or_null(const Field& field, Json schema) {
  return field.nullable ? any_of({std::move(schema), object_with("type", "null")}) : schema;
}

Json field_schema(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::number:
    case Kind::text:
      return scalar(type_of_value(field), field, field.nullable);
    case Kind::choice: {
      Json names = Json::array_of(field.choices);
      if (field.nullable) names.push_back(Json());
      return object_with("enum", std::move(names));
    }
    case Kind::integers:
      return or_null(field, list_of(scalar("integer", field), field.least_items, field.most_items));
    case Kind::numbers:
      return or_null(field, list_of(scalar("number", field), field.least_items, field.most_items));
    case Kind::texts:
      return list_of(object_with("type", "string"), field.least_items, field.most_items);
    case Kind::size:
      return or_null(field, size_schema(field));
    case Kind::sizes:
      return or_null(field, list_of(size_schema(field), field.least_items, field.most_items));
    case Kind::ratios:
      return any_of({scalar("number", field),
                     list_of(scalar("number", field), field.least_items, field.most_items)});
    case Kind::fraction: {
      Field part;
      part.minimum = 0;
      part.maximum = 1;
      Json end = scalar("number", part);
      part.above_minimum = true;
      return any_of({scalar("number", part), list_of(std::move(end), 2, 2)});
    }
    case Kind::colors: {
      Field value;
      value.minimum = 0;
      value.maximum = 255;
      return list_of(list_of(scalar("integer", value), 3, 3), field.least_items, field.most_items);
    }
    case Kind::init_std:
      return any_of({scalar("number", field), object_with("const", "fan_in")});
  }
  return Json::object();
}

Json section_schema(bool nullable) {
  Json schema = object_with("type", typed("object", nullable));
  schema["additionalProperties"] = false;
  schema["properties"] = Json::object();
  return schema;
}

/// A config in which every section is present, so that every field has a default.
Config default_config() {
  Config config;
  config.data.validation.emplace();
  config.data.test.emplace();
  config.augment.random_resized_crop.emplace();
  return config;
}

}  // namespace

Json config_schema() {
  const Config defaults = default_config();
  Json root = section_schema(false);
  root.members().insert(
      root.members().begin(),
      {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "swin config"}});
  Json& properties = root["properties"];
  const Json text = object_with("type", "string");
  properties["$schema"] = text;
  Json extends = any_of({text, list_of(text, 1, 64)});
  extends["description"] = "other configs, relative to this file, that this one changes";
  properties["extends"] = std::move(extends);
  for (const Field& field : all_fields()) {
    Json* at = &root;
    std::string path;
    for (const std::string& part : parts_of(field.section())) {
      path += (path.empty() ? "" : ".") + part;
      Json& child = (*at)["properties"][part];
      if (child.is_null())
        child = section_schema(path == "data.validation" || path == "data.test" ||
                               path == "augment.random_resized_crop");
      at = &child;
    }
    Json schema = field_schema(field);
    schema["description"] = field.meaning;
    if (field.default_text.empty()) schema["default"] = field.get(defaults);
    (*at)["properties"][field.name()] = std::move(schema);
  }
  return root;
}

std::vector<FieldDescription> describe_fields() {
  const Config defaults = default_config();
  std::vector<FieldDescription> rows;
  for (const Field& field : all_fields()) {
    std::string text = field.default_text;
    if (text.empty())  // lists on one line, with spaces
      text = "`" + base::to_text(field.get(defaults), 2) + "`";
    rows.push_back({field.path, field.type_text(), text, field.meaning, field.official});
  }
  return rows;
}

}  // namespace swin::trainers
