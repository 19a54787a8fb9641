// The rows of one dialect's table for one model, and what they do to arrays.
#pragma once
#include <compare>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files/named_array.h"
#include "weights/dialects_patterns.h"
#include "weights/dialects_tables.h"

namespace swin::weights {

inline constexpr std::string_view kEncoderPrefix = "encoder.";  ///< of SimMIM's model

/// A NamePair for one model, its names apart and with @ replaced.
struct Row {
  std::vector<std::string> ours, theirs;
  Transform transform;
};
std::vector<Row> rows_of(Dialect dialect, unsigned model);

/// Which name of which row one name is.
struct Place {
  size_t row = 0;
  Binding binding;
  auto operator<=>(const Place&) const = default;
};
struct Found {
  Place place;
  size_t part = 0;  ///< of the row's names
};
/// The first row that has `name`. @param names &Row::ours or &Row::theirs.
std::optional<Found> find_row(const std::vector<Row>& rows, std::vector<std::string> Row::*names,
                              std::string_view name);

/// The elements of `parts`, one after the other, as one array.
files::NamedArray joined(std::span<const files::NamedArray* const> parts,
                         std::vector<int64_t> shape);
/// Rows [first, first + count) of an array, as a view.
files::NamedArray rows_of_array(const files::NamedArray& array, int64_t first, int64_t count);

/// An array that keeps its own numbers.
template <class T>
files::NamedArray owned(std::string name, std::vector<int64_t> shape, std::vector<T> values) {
  auto kept = std::make_shared<std::vector<T>>(std::move(values));
  files::NamedArray array =
      files::NamedArray::of(std::move(name), std::move(shape), std::span<const T>(*kept));
  array.owner = std::move(kept);
  return array;
}

}  // namespace swin::weights
