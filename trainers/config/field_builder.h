// Builds the rows of the field table. The type of a struct's member decides its kind, how it is
// read from JSON and how it is written. For the files fields*.cpp alone.
#pragma once
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "trainers/config/fields.h"

namespace swin::trainers::table {

using base::Json;
using layers::PadMode;
using layers::Size2;
using layers::WindowShrink;

inline constexpr double kMany = 1 << 30;
inline constexpr double kLargestSeed = 4294967295;

/// The path, with a leading "~" replaced by the home folder.
inline std::string with_home(const std::string& path) {
  if (path != "~" && path.rfind("~/", 0) != 0) return path;
  const char* home = std::getenv("HOME");
  return home ? home + path.substr(1) : path;
}

// ---- How a member of each type is read and written ---------------------------------------------

inline const std::vector<std::string> kPadModes = {"pad_then_roll", "roll_then_pad", "masked",
                                                   "assert"};
inline const std::vector<std::string> kWindowShrinks = {"official", "per_dimension", "never",
                                                        "always_shift"};

inline size_t index_in(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

inline void read(const Json& json, bool& value) { value = json.as_bool(); }
inline void read(const Json& json, int64_t& value) { value = json.as_int(); }
inline void read(const Json& json, double& value) { value = json.as_real(); }
inline void read(const Json& json, std::string& value) { value = json.as_string(); }
inline void read(const Json& json, PadMode& value) {
  value = static_cast<PadMode>(index_in(kPadModes, json.as_string()));
}
inline void read(const Json& json, WindowShrink& value) {
  value = static_cast<WindowShrink>(index_in(kWindowShrinks, json.as_string()));
}
inline void read(const Json& json, Size2& value) {
  if (json.is_array()) {
    value = {json.items()[0].as_int(), json.items()[1].as_int()};
  } else {
    value = {json.as_int(), json.as_int()};
  }
}
inline void read(const Json& json, std::array<double, 2>& value) {
  value = {json.items()[0].as_real(), json.items()[1].as_real()};
}
inline void read(const Json& json, std::array<uint8_t, 3>& value) {
  for (size_t c = 0; c < 3; ++c) value[c] = static_cast<uint8_t>(json.items()[c].as_int());
}
template <class T>
void read(const Json& json, std::vector<T>& value) {
  value.clear();
  for (const Json& item : json.items()) read(item, value.emplace_back());
}
template <class T>
void read(const Json& json, std::optional<T>& value) {
  if (json.is_null()) {
    value.reset();
    return;
  }
  T item{};
  read(json, item);
  value = std::move(item);
}

template <class T>
Json written(const T& value) {
  return Json(value);
}
inline Json written(PadMode value) { return kPadModes[static_cast<size_t>(value)]; }
inline Json written(WindowShrink value) { return kWindowShrinks[static_cast<size_t>(value)]; }
inline Json written(const Size2& value) {
  if (value[0] == value[1]) return Json(value[0]);
  return Json::array_of(std::vector<int64_t>(value.begin(), value.end()));
}
inline Json written(const std::array<double, 2>& value) {
  return Json::array_of(std::vector<double>(value.begin(), value.end()));
}
template <class T>
Json written(const std::vector<T>& value) {
  return Json::array_of(value);
}
inline Json written(const std::vector<Size2>& value) {
  Json list = Json::array();
  for (const Size2& size : value) list.push_back(written(size));
  return list;
}
inline Json written(const std::vector<std::array<uint8_t, 3>>& value) {
  Json list = Json::array();
  for (const auto& color : value)
    list.push_back(Json::array_of(std::vector<int64_t>(color.begin(), color.end())));
  return list;
}
template <class T>
Json written(const std::optional<T>& value) {
  return value ? written(*value) : Json();
}

inline Kind kind_of(bool) { return Kind::boolean; }
inline Kind kind_of(int64_t) { return Kind::integer; }
inline Kind kind_of(double) { return Kind::number; }
inline Kind kind_of(const std::string&) { return Kind::text; }
inline Kind kind_of(PadMode) { return Kind::choice; }
inline Kind kind_of(WindowShrink) { return Kind::choice; }
inline Kind kind_of(const Size2&) { return Kind::size; }
inline Kind kind_of(const std::vector<Size2>&) { return Kind::sizes; }
inline Kind kind_of(const std::vector<std::array<uint8_t, 3>>&) { return Kind::colors; }
inline Kind kind_of(const std::array<double, 2>&) { return Kind::numbers; }
inline Kind kind_of(const std::vector<int64_t>&) { return Kind::integers; }
inline Kind kind_of(const std::vector<double>&) { return Kind::numbers; }
inline Kind kind_of(const std::vector<std::string>&) { return Kind::texts; }
template <class T>
Kind kind_of(const std::optional<T>&) {
  return kind_of(T{});
}

// ---- How the value of a row field is read and written ------------------------------------------

inline Kind kind_of(const base::RowField& field) {
  switch (field.kind) {
    case base::RowField::Kind::boolean:
      return Kind::boolean;
    case base::RowField::Kind::integer:
      return Kind::integer;
    case base::RowField::Kind::number:
      return Kind::number;
    case base::RowField::Kind::choice:
      return Kind::choice;
    case base::RowField::Kind::size:
      return Kind::size;
    case base::RowField::Kind::integers:
      return Kind::integers;
    case base::RowField::Kind::numbers:
      return Kind::numbers;
  }
  return Kind::number;
}

inline std::vector<double> row_value(const base::RowField& field, const Json& json) {
  if (json.is_null()) return {};
  if (kind_of(field) == Kind::size) {
    Size2 size{};
    read(json, size);
    return {static_cast<double>(size[0]), static_cast<double>(size[1])};
  }
  if (json.is_string()) {
    const std::vector<std::string> names(field.choices.begin(), field.choices.end());
    return {static_cast<double>(index_in(names, json.as_string()))};
  }
  if (!json.is_array()) return {json.is_boolean() ? json.as_bool() : json.as_real()};
  std::vector<double> values;
  read(json, values);
  return values;
}

inline Json written(const base::RowField& field, const std::vector<double>& value) {
  if (value.empty() && field.nullable) return Json();
  const std::vector<int64_t> integers(value.begin(), value.end());
  switch (kind_of(field)) {
    case Kind::boolean:
      return Json(value[0] != 0);
    case Kind::integer:
      return Json(integers[0]);
    case Kind::choice:
      return Json(field.choices[static_cast<size_t>(integers[0])]);
    case Kind::size:
      return written(Size2{integers[0], integers[1]});
    case Kind::integers:
      return written(integers);
    case Kind::numbers:
      return written(value);
    default:
      return Json(value[0]);
  }
}

// ---- How a row is written ----------------------------------------------------------------------

/// A row under construction; each call adds one property.
class Row {
 public:
  explicit Row(Field& field) : field_(field) {}
  Row& says(const std::string& meaning, const char* official = "") {
    field_.meaning = meaning;
    field_.official = official;
    return *this;
  }
  Row& range(double least, double most) { return at_least(least).at_most(most); }
  Row& at_least(double minimum) { return field_.minimum = minimum, *this; }
  Row& above(double minimum) { return field_.above_minimum = true, at_least(minimum); }
  Row& at_most(double maximum) { return field_.maximum = maximum, *this; }
  Row& below(double maximum) { return field_.below_maximum = true, at_most(maximum); }
  Row& items(size_t least, size_t most) {
    field_.least_items = least;
    field_.most_items = most;
    return *this;
  }
  Row& one_of(std::vector<std::string> choices) {
    field_.kind = Kind::choice;
    field_.choices = std::move(choices);
    return *this;
  }
  Row& null_too() { return field_.nullable = true, *this; }
  Row& identity(Identity part) { return field_.identity = part, *this; }
  Row& by_default(const std::string& text) { return field_.default_text = text, *this; }

 private:
  Field& field_;
};

/// The names of a table's rows.
template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}
/// "`a` says this, `b` that", of a table's rows.
template <class Rows>
std::string meanings_of(const Rows& rows) {
  std::vector<std::string> texts;
  for (const base::ConfigRow& row : rows)
    texts.push_back("`" + std::string(row.name) + "`: " + row.meaning);
  return base::joined(texts, "; ");
}

/// Adds the rows of one section; `access` gives the section of a config.
template <class S>
class Section {
 public:
  using Access = S& (*)(Config&);
  Section(
      std::vector<Field>& fields, std::string path, Access access,
      bool (*present)(const Config&) = [](const Config&) { return true; })
      : fields_(fields), path_(std::move(path)), access_(access), present_(present) {}

  template <class M>
  Row operator()(const char* name, M S::*member) {
    return member_row(name, member, [](const Json& json) { return json; });
  }
  /// A member whose empty value, such as 0 or no items, is null in configs.
  template <class M>
  Row or_null(const char* name, M S::*member) {
    return custom(
               name, kind_of(M{}),
               [member](S& section, const Json& json) {
                 section.*member = M{};
                 if (!json.is_null()) read(json, section.*member);
               },
               [member](const S& section) {
                 return section.*member == M{} ? Json() : written(section.*member);
               })
        .null_too();
  }
  /// A path whose leading "~" is the home folder.
  template <class M>
  Row path(const char* name, M S::*member) {
    return member_row(name, member, [](const Json& json) {
      return json.is_null() ? json : Json(with_home(json.as_string()));
    });
  }
  /// Adds the fields that belong to rows of a table, with the values in S::own.
  template <class ConfigRows>
  void row_fields(const ConfigRows& table) {
    std::vector<const base::RowField*> fields;
    for (const base::ConfigRow& row : table)
      for (const base::RowField& field : row.fields)
        if (std::none_of(fields.begin(), fields.end(), [&](const base::RowField* other) {
              return std::string_view(other->name) == field.name;
            }))
          fields.push_back(&field);
    for (const base::RowField* field : fields) add_row_field(*field, table);
  }
  template <class Set, class Get>
  Row custom(const char* name, Kind kind, Set set, Get get) {
    Field field;
    field.path = path_ + "." + name;
    field.kind = kind;
    field.set = [access = access_, set](Config& config, const Json& json) {
      set(access(config), json);
    };
    // One accessor serves reading and writing; reading through it changes nothing.
    field.get = [access = access_, get](const Config& config) {
      return get(static_cast<const S&>(access(const_cast<Config&>(config))));
    };
    field.present = present_;
    return Row(fields_.emplace_back(std::move(field)));
  }

 private:
  template <class M, class Prepare>
  Row member_row(const char* name, M S::*member, Prepare prepare) {
    Row row = custom(
        name, kind_of(M{}),
        [=](S& section, const Json& json) { read(prepare(json), section.*member); },
        [=](const S& section) { return written(section.*member); });
    return std::is_convertible_v<std::nullopt_t, M> ? row.null_too() : row;
  }

  template <class ConfigRows>
  void add_row_field(const base::RowField& field, const ConfigRows& table) {
    custom(
        field.name, kind_of(field),
        [&field](S& section, const Json& json) {
          section.own.set(field.name, row_value(field, json));
        },
        [&field](const S& section) {
          const std::vector<double>* set = section.own.find(field.name);
          return written(field, set ? *set : field.initial);
        });
    Field& added = fields_.back();
    added.row_section = path_;
    added.nullable = field.nullable;
    added.choices.assign(field.choices.begin(), field.choices.end());
    added.minimum = field.minimum;
    added.maximum = field.maximum;
    added.above_minimum = field.above_minimum;
    added.below_maximum = field.below_maximum;
    added.least_items = field.least_items;
    added.most_items = field.most_items;
    added.meaning = field.meaning;
    added.official = field.official;
    for (const base::ConfigRow& row : table)
      if (row.find(field.name)) added.rows.emplace_back(row.name);
    if (added.rows.size() < table.size())
      added.meaning = base::joined(added.rows) + ": " + added.meaning;
    added.present = [access = access_, rows = added.rows](const Config& config) {
      const std::string& name = access(const_cast<Config&>(config)).name;
      return std::find(rows.begin(), rows.end(), name) != rows.end();
    };
  }

  std::vector<Field>& fields_;
  std::string path_;
  Access access_;
  bool (*present_)(const Config&);
};

}  // namespace swin::trainers::table
