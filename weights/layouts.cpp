#include "weights/layouts.h"

#include <cstring>
#include <memory>
#include <vector>

namespace swin::weights {

namespace {

/// @param source (i) is the index of the element that element i becomes.
template <class Source>
NamedArray reordered(const NamedArray& array, const Source& source) {
  const auto element_bytes = static_cast<size_t>(files::size_bytes_of(array.dtype));
  auto bytes = std::make_shared<std::vector<std::byte>>(array.bytes.size());
  for (size_t i = 0; i < array.bytes.size() / element_bytes; ++i)
    std::memcpy(bytes->data() + i * element_bytes, array.bytes.data() + source(i) * element_bytes,
                element_bytes);
  NamedArray result = array;
  result.bytes = *bytes;
  result.owner = std::move(bytes);
  return result;
}

/// (rows, columns) of a matrix become (columns, rows).
NamedArray transposed(const NamedArray& array, size_t rows, size_t columns) {
  return reordered(array, [=](size_t i) { return i % rows * columns + i / rows; });
}

}  // namespace

NamedArray from_unfold_order(const NamedArray& array) {
  const size_t last = static_cast<size_t>(array.shape.back()), channels = last / 4;
  return reordered(array, [=](size_t i) {
    const size_t pixel = i % last / channels, channel = i % last % channels;
    const size_t column = pixel / 2, row = pixel % 2;
    return i - i % last + channel * 4 + row * 2 + column;
  });
}

NamedArray to_unfold_order(const NamedArray& array) {
  const size_t last = static_cast<size_t>(array.shape.back()), channels = last / 4;
  return reordered(array, [=](size_t i) {
    const size_t channel = i % last / 4, row = i % 4 / 2, column = i % 2;
    return i - i % last + (column * 2 + row) * channels + channel;
  });
}

NamedArray first_row_last(const NamedArray& array) {
  const auto rows = static_cast<size_t>(array.shape[0]);
  const size_t width = static_cast<size_t>(array.num_elements()) / rows;
  return reordered(array, [=](size_t i) { return (i + width) % (rows * width); });
}

NamedArray last_row_first(const NamedArray& array) {
  const auto rows = static_cast<size_t>(array.shape[0]);
  const size_t width = static_cast<size_t>(array.num_elements()) / rows;
  return reordered(array, [=](size_t i) { return (i + (rows - 1) * width) % (rows * width); });
}

NamedArray with_zero_rows_first(const NamedArray& array, int64_t count) {
  const size_t row_bytes = array.bytes.size() / static_cast<size_t>(array.shape[0]);
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(count) * row_bytes);
  bytes->insert(bytes->end(), array.bytes.begin(), array.bytes.end());
  NamedArray result = array;
  result.shape[0] += count;
  result.bytes = *bytes;
  result.owner = std::move(bytes);
  return result;
}

NamedArray positions_as_rows(const NamedArray& map) {
  const int64_t channels = map.shape[1], positions = map.shape[2] * map.shape[3];
  NamedArray rows = transposed(map, static_cast<size_t>(channels), static_cast<size_t>(positions));
  rows.shape = {1, positions, channels};
  return rows;
}

NamedArray positions_as_map(const NamedArray& rows, int64_t height, int64_t width) {
  const int64_t positions = rows.shape[1], channels = rows.shape[2];
  NamedArray map = transposed(rows, static_cast<size_t>(positions), static_cast<size_t>(channels));
  map.shape = {1, channels, height, width};
  return map;
}

}  // namespace swin::weights
