// Merges files into one document: extends, --set, and the origin of every value.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "trainers/config/config.h"
#include "trainers/config/fields.h"

namespace swin::trainers {

using base::Json;
using base::UsageError;

namespace {

constexpr int kMaxFiles = 64;  // per config: lists of bases that list bases could grow without end

/// Two fields of which one may be set. A later file or --set that sets one removes the other.
struct Alternatives {
  const char *object, *one, *other;
};
constexpr Alternatives kAlternatives[] = {{"schedule", "epochs", "steps"},
                                          {"schedule", "warmup_epochs", "warmup_steps"}};

void drop_overridden(Json& base, const Json& over, const std::string& path) {
  const auto sets = [&](const char* name) {
    const Json* value = over.find(name);
    return value && !value->is_null();
  };
  for (const Alternatives& pair : kAlternatives) {
    if (path != pair.object || sets(pair.one) == sets(pair.other)) continue;
    const char* dropped = sets(pair.one) ? pair.other : pair.one;
    std::erase_if(base.members(), [&](const Json::Member& m) { return m.first == dropped; });
  }
}

/// Another `name` in a section removes the fields of rows that the new one does not have. Those of
/// the same command line stay and are refused later: --set must not drop one silently.
void drop_other_rows(Json& base, const Json& over, const std::string& path) {
  const Json* name = over.find("name");
  if (!name || !name->is_string()) return;
  for (const Field& field : all_fields()) {
    if (field.rows.empty() || field.section() != path ||
        std::count(field.rows.begin(), field.rows.end(), name->as_string()) > 0)
      continue;
    std::erase_if(base.members(), [&](const Json::Member& m) {
      return m.first == field.name() && m.second.source != "--set";
    });
  }
}

/// Merges objects; everything else replaces what was there.
void merge(Json& base, const Json& over, const std::string& path = "") {
  if (!base.is_object() || !over.is_object()) {
    base = over;
    return;
  }
  drop_overridden(base, over, path);
  drop_other_rows(base, over, path);
  for (const auto& [key, value] : over.members()) {
    if (Json* old = base.find(key)) {
      merge(*old, value, path.empty() ? key : path + "." + key);
    } else {
      base.members().emplace_back(key, value);
    }
  }
}

std::string at(const std::string& file, const Json::Position& position) {
  return file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

/// The text of a file. @param wanted_by "x.json:2: extends", or empty for the file of the command
/// line.
std::string read_file(const std::string& file, const std::string& wanted_by) {
  const std::string where = wanted_by.empty() ? file : wanted_by;
  const std::string name = wanted_by.empty() ? "" : file + ": ";
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw UsageError(where, name + "found no such file, expected a JSON config",
                     wanted_by.empty() ? "see configs/ for examples"
                                       : "extends is relative to the file that contains it");
  if (status.type() == std::filesystem::file_type::directory)
    throw UsageError(where, name + "found a directory, expected a JSON config");
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  // Reads a little more than parse_json accepts, so that an endless file is refused there.
  char part[16384];
  while (stream && text.size() <= base::JsonLimits{}.max_bytes) {
    stream.read(part, sizeof part);
    text.append(part, static_cast<size_t>(stream.gcount()));
  }
  if (!stream && !stream.eof())
    throw UsageError(where, name + "cannot be read (" + std::strerror(errno) + ")");
  return text;
}

class Loader {
 public:
  Json load(const std::string& file, const std::string& wanted_by) {
    if (++files_ > kMaxFiles)
      throw UsageError(wanted_by, "found more than " + std::to_string(kMaxFiles) +
                                      " files, expected a shorter chain of extends");
    std::error_code error;
    const std::string canonical = std::filesystem::weakly_canonical(file, error).string();
    if (std::find(open_.begin(), open_.end(), canonical) != open_.end())
      throw UsageError(wanted_by, "found a cycle: " + file + " extends itself",
                       "remove one of the extends");
    Json own;
    const std::string text = read_file(file, wanted_by);
    try {
      base::JsonLimits limits;
      limits.comments = true;
      own = base::parse_json(text, file, limits);
    } catch (const base::JsonSyntaxError& e) {
      throw UsageError(at(file, e.position), e.what);
    }
    if (!own.is_object())
      throw UsageError(file + ":" + std::to_string(own.position.line),
                       std::string("found ") + own.type_name() + ", expected an object");

    open_.push_back(canonical);
    Json merged = Json::object();
    merged.position = own.position;
    merged.source = own.source;
    for (const Json& base : bases(own)) {
      const auto folder = std::filesystem::path(file).parent_path();
      merge(merged, load((folder / base.as_string()).string(), origin_of(base) + ": extends"));
    }
    open_.pop_back();
    // "$schema" is for editors; no field.
    std::erase_if(own.members(), [](const Json::Member& m) {
      return m.first == "extends" || (m.first == "$schema" && m.second.is_string());
    });
    merge(merged, own);
    return merged;
  }

 private:
  static std::vector<Json> bases(const Json& own) {
    const Json* extends = own.find("extends");
    if (!extends) return {};
    std::vector<Json> list;
    if (extends->is_string()) {
      list = {*extends};
    } else if (extends->is_array()) {
      list = extends->items();
    }
    const bool good = (extends->is_string() || extends->is_array()) &&
                      std::all_of(list.begin(), list.end(), [](const Json& item) {
                        return item.is_string() && !item.as_string().empty();
                      });
    if (!good)
      throw UsageError(
          origin_of(*extends) + ": extends",
          "found " + base::to_text(*extends) + ", expected a file name or a list of them");
    return list;
  }

  std::vector<std::string> open_;
  int files_ = 0;
};

void mark_set(Json& json) {
  json.source = "--set";
  json.position = {};
  if (json.is_array())
    for (Json& item : json.items()) mark_set(item);
  if (json.is_object())
    for (auto& [key, value] : json.members()) mark_set(value);
}

/// {"a": {"b": value}} of "a.b=value".
Json set_document(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError("--set " + text, "found no value for a path, expected path.to.field=value",
                     "for example --set trainer.batch_size=64");
  Json value;
  const std::string value_text = text.substr(equals + 1);
  try {
    value = base::parse_json(value_text, "--set");
  } catch (const base::JsonSyntaxError&) {
    value = Json(value_text);
  }
  std::string path = text.substr(0, equals);
  if (std::count(path.begin(), path.end(), '.') > 8)
    throw UsageError("--set " + text.substr(0, 60),
                     "found too deep a path, expected path.to.field=value");
  while (true) {
    const size_t dot = path.rfind('.');
    const std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
    if (name.empty())
      throw UsageError("--set " + text,
                       "found an empty name in the path, expected path.to.field=value");
    Json object = Json::object();
    object[name] = std::move(value);
    value = std::move(object);
    if (dot == std::string::npos) break;
    path.resize(dot);
  }
  mark_set(value);
  return value;
}

}  // namespace

void apply_sets(Json& document, const std::vector<std::string>& sets) {
  for (const std::string& text : sets) merge(document, set_document(text));
}

Json load_config_json(const std::string& file, const std::vector<std::string>& sets) {
  Json document = Loader().load(file, "");
  apply_sets(document, sets);
  return document;
}

Config load_config(const std::string& file, const std::vector<std::string>& sets) {
  return parse_config(load_config_json(file, sets));
}

}  // namespace swin::trainers
