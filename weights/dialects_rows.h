// The rows of a dialect's table that apply to one model, and the operations on arrays they need.
#pragma once
#include <compare>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weights/dialects_patterns.h"
#include "weights/dialects_tables.h"

namespace swin::weights {

inline constexpr std::string_view kEncoderPrefix = "encoder.";  ///< in SimMIM's model

/// A NamePair for one model, split into its names and with @ replaced, or a name of the heads of a
/// segmenter or a detector.
struct Row {
  std::vector<std::string> ours, theirs;
  Transform transform;
};
/// @param heads of a detector whose backbone has the names of `dialect` and its heads those of
///     another.
std::vector<Row> rows_of(Dialect dialect, unsigned model, std::optional<Dialect> heads = {});

/// The row that a name belongs to, and the values of its placeholders.
struct TableEntry {
  size_t row = 0;
  Binding binding;
  auto operator<=>(const TableEntry&) const = default;
};
struct Found {
  TableEntry entry;
  size_t part = 0;  ///< index into the row's names
};
/// The first row with a pattern that matches `name`. @param names &Row::ours or &Row::theirs.
std::optional<Found> find_row(const std::vector<Row>& rows, std::vector<std::string> Row::*names,
                              std::string_view name);

/// The elements of `parts`, concatenated.
NamedArray joined(std::span<const NamedArray* const> parts, std::vector<int64_t> shape);
/// Rows [first, first + count) of an array, as a view.
NamedArray rows_of_array(const NamedArray& array, int64_t first, int64_t count);

/// The elements of a floating-point array. @param where the file, for errors.
std::vector<double> values_of(const NamedArray& array, const std::string& where);

/// An array that owns its values.
template <class T>
NamedArray owned(std::string name, std::vector<int64_t> shape, std::vector<T> values) {
  auto kept = std::make_shared<std::vector<T>>(std::move(values));
  NamedArray array = NamedArray::of(std::move(name), std::move(shape), std::span<const T>(*kept));
  array.owner = std::move(kept);
  return array;
}

}  // namespace swin::weights
