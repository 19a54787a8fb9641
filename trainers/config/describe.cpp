// What is made from the table of fields: the texts of errors, the resolved config, origins,
// differences, the JSON Schema and the rows of configs/README.md.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/errors.h"
#include "base/text.h"
#include "trainers/config/config.h"
#include "trainers/config/fields.h"

namespace swin::trainers {

using base::Json;

namespace {

std::string bound_text(double bound) {
  return bound == std::floor(bound) && std::abs(bound) < 1e15
             ? std::to_string(static_cast<int64_t>(bound))
             : base::to_text(Json(bound));
}

Json bound_json(double bound) {
  return bound == std::floor(bound) && std::abs(bound) < 1e15 ? Json(static_cast<int64_t>(bound))
                                                              : Json(bound);
}

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

}  // namespace

std::string Field::expected() const {
  std::string text;
  switch (kind) {
    case Kind::boolean:
      text = "true or false";
      break;
    case Kind::integer:
      text = "an integer" + range_text(*this);
      break;
    case Kind::number:
      text = "a number" + range_text(*this);
      break;
    case Kind::text:
      text = "a string";
      break;
    case Kind::choice:
      for (const std::string& choice : choices) text += (text.empty() ? "" : ", ") + choice;
      text = (choices.size() > 1 ? "one of " : "") + text;
      break;
    case Kind::integers:
      text = "a list of " + count_text(*this) + " integers, each" + range_text(*this);
      break;
    case Kind::numbers:
      text = "a list of " + count_text(*this) + " numbers, each" + range_text(*this);
      break;
    case Kind::texts:
      text = "a list of strings";
      break;
    case Kind::size:
      text = "n or [h, w], each an integer" + range_text(*this);
      break;
    case Kind::sizes:
      text = "a list of " + count_text(*this) + " n or [h, w], each an integer" + range_text(*this);
      break;
    case Kind::ratios:
      text = "a number" + range_text(*this) + ", or a list of " + count_text(*this);
      break;
    case Kind::fraction:
      text = "a fraction above 0 and at most 1, or [begin, end] with 0 ≤ begin < end ≤ 1";
      break;
    case Kind::init_std:
      text = "a number" + range_text(*this) + ", or \"fan_in\"";
      break;
  }
  return nullable ? text + ", or null" : text;
}

std::string Field::type_text() const {
  std::string text;
  switch (kind) {
    case Kind::boolean:
      text = "boolean";
      break;
    case Kind::integer:
      text = "integer";
      break;
    case Kind::number:
      text = "number";
      break;
    case Kind::text:
      text = "string";
      break;
    case Kind::choice:
      for (const std::string& choice : choices) text += (text.empty() ? "`" : ", `") + choice + "`";
      break;
    case Kind::integers:
      text = "list of integers";
      break;
    case Kind::numbers:
      text = "list of numbers";
      break;
    case Kind::texts:
      text = "list of strings";
      break;
    case Kind::size:
      text = "integer or [h, w]";
      break;
    case Kind::sizes:
      text = "list of integers or [h, w]";
      break;
    case Kind::ratios:
      text = "number or list of numbers";
      break;
    case Kind::fraction:
      text = "number or [begin, end]";
      break;
    case Kind::init_std:
      text = "number or `fan_in`";
      break;
  }
  return nullable ? text + " or null" : text;
}

const Json* find_path(const Json& document, const std::string& path) {
  const Json* at = &document;
  for (size_t begin = 0; at && begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    at = at->find(path.substr(begin, end - begin));
    begin = end + 1;
  }
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
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    at = &(*at)[path.substr(begin, end - begin)];
    begin = end + 1;
  }
  return *at;
}

}  // namespace

Json to_json(const Config& config, WithRuntime runtime) {
  Json root = Json::object();
  for (const Field& field : all_fields()) {
    if (runtime == WithRuntime::no && field.section() == "runtime") continue;
    if (field.present(config)) {
      make_path(root, field.path) = field.get(config);
    } else if (config.data.train.format.empty()) {
      continue;  // a config without data
    } else {
      make_path(root, field.section()) = Json();
    }
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

void flatten(const Json& json, const std::string& path,
             std::vector<std::pair<std::string, const Json*>>& leaves) {
  if (path == "runtime" || path == "checkpoint") return;
  // After bad images stopped a run, it may be resumed with another limit: no image changes.
  if (path == "data.max_bad_fraction") return;
  if (!json.is_object()) {
    leaves.emplace_back(path, &json);
    return;
  }
  for (const auto& [key, value] : json.members())
    flatten(value, path.empty() ? key : path + "." + key, leaves);
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
  std::vector<std::pair<std::string, const Json*>> ours, theirs;
  flatten(now, "", ours);
  flatten(before, "", theirs);
  std::vector<std::string> found;
  const auto look_up = [](const auto& leaves, const std::string& path) -> const Json* {
    for (const auto& [name, value] : leaves)
      if (name == path) return value;
    return nullptr;
  };
  for (const auto& [path, value] : ours) {
    const Json* old = look_up(theirs, path);
    if (old && *old == *value) continue;
    found.push_back(path + " is " + base::to_text(*value) + ", was " +
                    (old ? base::to_text(*old) : "absent"));
  }
  for (const auto& [path, value] : theirs)
    if (!look_up(ours, path)) found.push_back(path + " is absent, was " + base::to_text(*value));
  return base::listing(found, 3, "; ");
}

// ---- Schema and list ---------------------------------------------------------------------------

namespace {

Json typed(const char* type, bool nullable) {
  if (!nullable) return Json(type);
  return Json::array_of(std::vector<std::string>{type, "null"});
}

void add_bounds(Json& schema, const Field& field) {
  if (std::isfinite(field.minimum))
    schema[field.above_minimum ? "exclusiveMinimum" : "minimum"] = bound_json(field.minimum);
  if (std::isfinite(field.maximum))
    schema[field.below_maximum ? "exclusiveMaximum" : "maximum"] = bound_json(field.maximum);
}

Json scalar(const char* type, const Field& field, bool nullable = false) {
  Json schema = Json::object();
  schema["type"] = typed(type, nullable);
  add_bounds(schema, field);
  return schema;
}

Json list_of(Json items, size_t least, size_t most) {
  Json schema = Json::object();
  schema["type"] = "array";
  schema["items"] = std::move(items);
  schema["minItems"] = static_cast<int64_t>(least);
  schema["maxItems"] = static_cast<int64_t>(most);
  return schema;
}

Json any_of(std::vector<Json> choices) {
  Json schema = Json::object();
  schema["anyOf"] = Json::array_of(choices);
  return schema;
}

Json size_schema(const Field& field) {
  return any_of({scalar("integer", field), list_of(scalar("integer", field), 2, 2)});
}

Json or_null(const Field& field, Json schema) {
  if (!field.nullable) return schema;
  Json null = Json::object();
  null["type"] = "null";
  return any_of({std::move(schema), std::move(null)});
}

Json field_schema(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
      return scalar("boolean", field, field.nullable);
    case Kind::integer:
      return scalar("integer", field, field.nullable);
    case Kind::number:
      return scalar("number", field, field.nullable);
    case Kind::text:
      return scalar("string", field, field.nullable);
    case Kind::choice: {
      Json schema = Json::object();
      Json names = Json::array_of(field.choices);
      if (field.nullable) names.push_back(Json());
      schema["enum"] = std::move(names);
      return schema;
    }
    case Kind::integers:
      return or_null(field, list_of(scalar("integer", field), field.least_items, field.most_items));
    case Kind::numbers:
      return list_of(scalar("number", field), field.least_items, field.most_items);
    case Kind::texts: {
      Json text = Json::object();
      text["type"] = "string";
      return list_of(std::move(text), field.least_items, field.most_items);
    }
    case Kind::size:
      return size_schema(field);
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
    case Kind::init_std: {
      Json name = Json::object();
      name["const"] = "fan_in";
      return any_of({scalar("number", field), std::move(name)});
    }
  }
  return Json::object();
}

Json section_schema(bool nullable) {
  Json schema = Json::object();
  schema["type"] = typed("object", nullable);
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
  Json text = Json::object();
  text["type"] = "string";
  properties["$schema"] = text;
  Json extends = any_of({text, list_of(text, 1, 64)});
  extends["description"] = "other configs, relative to this file, that this one changes";
  properties["extends"] = std::move(extends);
  for (const Field& field : all_fields()) {
    Json* at = &root;
    const std::string section = field.section();
    for (size_t begin = 0; begin <= section.size();) {
      const size_t end = std::min(section.find('.', begin), section.size());
      Json& child = (*at)["properties"][section.substr(begin, end - begin)];
      const std::string path = section.substr(0, end);
      if (child.is_null())
        child = section_schema(path == "data.validation" || path == "data.test" ||
                               path == "augment.random_resized_crop");
      at = &child;
      begin = end + 1;
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
    if (text.empty()) {
      text = base::to_text(field.get(defaults), 2);  // lists on one line, with spaces
      text = "`" + text + "`";
    }
    rows.push_back({field.path, field.type_text(), text, field.meaning, field.official});
  }
  return rows;
}

}  // namespace swin::trainers
