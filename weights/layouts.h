// Elements of arrays in another order. No value changes.
#pragma once
#include <cstdint>

#include "files/named_array.h"

namespace swin::weights {

using files::NamedArray;

/// From torch.nn.Unfold's order of the last dim 4C, channel · 4 + row · 2 + column, to the official
/// one of patch merging, (column · 2 + row) · C + channel.
/// @param array of any shape; its last dim is a multiple of 4.
NamedArray from_unfold_order(const NamedArray& array);
/// The reverse.
NamedArray to_unfold_order(const NamedArray& array);

/// The first row of dim 0 moves behind the others, which keep their order.
NamedArray first_row_last(const NamedArray& array);
/// The reverse.
NamedArray last_row_first(const NamedArray& array);
/// `count` rows of zeros before those of an array.
NamedArray with_zero_rows_first(const NamedArray& array, int64_t count);

/// A position embedding as a map, (1, C, H, W), becomes rows, (1, H·W, C).
NamedArray positions_as_rows(const NamedArray& map);
/// The reverse.   @param rows (1, height·width, C)
NamedArray positions_as_map(const NamedArray& rows, int64_t height, int64_t width);

}  // namespace swin::weights
