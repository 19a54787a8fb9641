// Fields of the JSON files in a folder of Hugging Face or timm. For weights/hub_*.cpp alone.
#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"

namespace swin::weights {

/// Reads fields of one object; every error names the file and the field.
class HubReader {
 public:
  static constexpr int64_t kLargest = 65536;  // value of any whole number

  /// @param remedy what to do about any error.
  HubReader(const base::Json& json, std::string where, std::string remedy)
      : json_(json), where_(std::move(where)), remedy_(std::move(remedy)) {}

  /// Null pointer if the field is absent or null.
  const base::Json* find(const char* field) const {
    const base::Json* found = json_.find(field);
    return found && found->is_null() ? nullptr : found;
  }

  /// The whole numbers of a field that holds one or a list; empty if the field is absent or null.
  std::vector<int64_t> numbers(const char* field, int64_t least) const {
    const base::Json* found = find(field);
    std::vector<int64_t> result;
    if (!found) return result;
    if (!found->is_array()) return {number(*found, field, least)};
    for (const base::Json& item : found->items()) result.push_back(number(item, field, least));
    return result;
  }

  std::optional<int64_t> one(const char* field) const {
    const std::vector<int64_t> found = numbers(field, 1);
    if (found.size() > 1) refuse_number(field, "a list", 1);
    return found.empty() ? std::nullopt : std::optional(found[0]);
  }

  std::optional<bool> flag(const char* field) const {
    const base::Json* found = find(field);
    if (!found) return std::nullopt;
    if (!found->is_boolean()) refuse(field, "true or false");
    return found->as_bool();
  }

  std::optional<double> real(const char* field, const char* expected = "a number") const {
    const base::Json* found = find(field);
    if (!found) return std::nullopt;
    if (!found->is_number() || !std::isfinite(found->as_real())) refuse(field, expected);
    return found->as_real();
  }

  /// One number or a list of them; empty if absent.
  std::vector<double> reals(const char* field) const {
    const base::Json* found = find(field);
    if (!found) return {};
    if (found->is_number()) return {found->as_real()};
    std::vector<double> result;
    const bool is_list = found->is_array() && found->size() > 0 && found->size() <= 1024;
    if (is_list)
      for (const base::Json& item : found->items())
        if (item.is_number()) result.push_back(item.as_real());
    if (!is_list || result.size() != found->size()) refuse(field, "numbers");
    return result;
  }

  /// Empty if absent.
  std::string text(const char* field) const {
    const base::Json* found = find(field);
    if (!found) return "";
    if (!found->is_string()) refuse(field, "a text");
    return found->as_string();
  }

  /// "found size [1,2], expected …".
  [[noreturn]] void refuse(const char* field, const std::string& expected) const {
    const base::Json* found = json_.find(field);
    fail(std::string("found ") + field + " " +
         (found ? base::printable(base::to_text(*found).substr(0, 60)) : "nowhere") +
         ", expected " + expected);
  }
  [[noreturn]] void fail(const std::string& found) const {
    throw base::WeightError(where_, found, remedy_);
  }

  const base::Json& json() const { return json_; }
  const std::string& where() const { return where_; }
  const std::string& remedy() const { return remedy_; }

 private:
  int64_t number(const base::Json& json, const char* field, int64_t least) const {
    if (!json.is_integer() || json.as_int() < least || json.as_int() > kLargest)
      refuse_number(field, base::printable(base::to_text(json).substr(0, 40)), least);
    return json.as_int();
  }

  [[noreturn]] void refuse_number(const char* field, const std::string& found,
                                  int64_t least) const {
    fail(std::string("found ") + field + " " + found + ", expected a whole number from " +
         std::to_string(least) + " to " + std::to_string(kLargest));
  }

  const base::Json& json_;
  std::string where_, remedy_;
};

/// The document of a file. @throws base::WeightError if it is not a JSON object.
inline base::Json parse_hub_json(const std::string& text, const std::string& where,
                                 const std::string& remedy) {
  base::Json json;
  try {
    json = base::parse_json(text, where);
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where + ":" + std::to_string(error.position.line), error.what, remedy);
  }
  if (!json.is_object())
    throw base::WeightError(
        where, std::string("found ") + json.type_name() + ", expected a JSON object", remedy);
  return json;
}

}  // namespace swin::weights
