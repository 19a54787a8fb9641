#include "trainers/config/check_value.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"

namespace swin::trainers {

using base::Json;
using base::UsageError;

namespace {

bool in_range(const Field& field, double value) {
  if (field.above_minimum ? value <= field.minimum : value < field.minimum) return false;
  return field.below_maximum ? value < field.maximum : value <= field.maximum;
}

bool fits(const Field& field, const Json& value) {
  const auto integer = [&](const Json& v) {
    return v.is_integer() && in_range(field, v.as_real());
  };
  const auto number = [&](const Json& v) { return v.is_number() && in_range(field, v.as_real()); };
  const auto list_of = [&](size_t least, size_t most, const auto& fits_item) {
    return value.is_array() && value.size() >= least && value.size() <= most &&
           std::all_of(value.items().begin(), value.items().end(), fits_item);
  };
  const auto text = [](const Json& v) {
    return v.is_string() && v.as_string().find('\0') == std::string::npos;
  };
  const auto size = [&](const Json& v) {
    return integer(v) ||
           (v.is_array() && v.size() == 2 && integer(v.items()[0]) && integer(v.items()[1]));
  };
  if (value.is_null()) return field.nullable;
  switch (field.kind) {
    case Kind::boolean:
      return value.is_boolean();
    case Kind::integer:
      return integer(value);
    case Kind::number:
      return number(value);
    case Kind::text:
      return text(value);
    case Kind::texts:
      return list_of(field.least_items, field.most_items, text);
    case Kind::choice:
      return value.is_string() &&
             std::count(field.choices.begin(), field.choices.end(), value.as_string()) > 0;
    case Kind::integers:
      return list_of(field.least_items, field.most_items, integer);
    case Kind::numbers:
      return list_of(field.least_items, field.most_items, number);
    case Kind::size:
      return size(value);
    case Kind::sizes:
      return list_of(field.least_items, field.most_items, size);
    case Kind::ratios:
      return number(value) || list_of(field.least_items, field.most_items, number);
    case Kind::fraction: {
      if (value.is_number()) return value.as_real() > 0 && value.as_real() <= 1;
      const auto any = [](const Json& v) { return v.is_number(); };
      return list_of(2, 2, any) && value.items()[0].as_real() >= 0 &&
             value.items()[0].as_real() < value.items()[1].as_real() &&
             value.items()[1].as_real() <= 1;
    }
    case Kind::colors:
      return list_of(field.least_items, field.most_items, [](const Json& color) {
        return color.is_array() && color.size() == 3 &&
               std::all_of(color.items().begin(), color.items().end(), [](const Json& v) {
                 return v.is_integer() && v.as_int() >= 0 && v.as_int() <= 255;
               });
      });
    case Kind::init_std:
      return number(value) || (value.is_string() && value.as_string() == "fan_in");
  }
  return false;
}

}  // namespace

std::string found_text(const Json& value) {
  std::string text = base::to_text(value);
  if (text.size() > 60) {
    size_t end = 57;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // whole characters
    text = text.substr(0, end) + "…";
  }
  return "found " + text;
}

std::string where_is(const Json& value, const std::string& path) {
  const std::string origin = origin_of(value);
  return origin.empty() ? path : origin + ": " + path;
}

void store_value(const Field& field, const Json& value, Config& config) {
  if (!fits(field, value)) {
    std::string remedy;
    if (field.kind == Kind::choice && value.is_string()) {
      const std::string close = base::nearest_if_close(value.as_string(), field.choices);
      if (!close.empty()) remedy = "did you mean \"" + close + "\"?";
    }
    throw UsageError(where_is(value, field.path),
                     found_text(value) + ", expected " + field.expected(), remedy);
  }
  field.set(config, value);
}

}  // namespace swin::trainers
