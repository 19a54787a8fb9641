// Blocks of about 16,384 elements, for kernels that move rows.
#pragma once
#include <algorithm>

#include "base/parallel.h"

namespace swin::autograd::kernels {

inline constexpr int64_t kBlockElements = 16384;

/// Rows of `dim` elements in one block, at least one.
inline int64_t rows_per_block(int64_t dim) {
  return std::max<int64_t>(1, kBlockElements / std::max<int64_t>(1, dim));
}

/// Calls f(row, first column, end column) for blocks that cover rows × columns, in parallel.
template <class F>
void for_blocks(int64_t rows, int64_t columns, F&& f) {
  const int64_t block = rows_per_block(columns), row_blocks = base::divide_up(rows, block);
  base::parallel_for(row_blocks * base::divide_up(columns, kBlockElements), [&](int64_t tile) {
    const int64_t first = tile / row_blocks * kBlockElements,
                  last = std::min(columns, first + kBlockElements);
    const int64_t begin = tile % row_blocks * block, end = std::min(rows, begin + block);
    for (int64_t row = begin; row < end; ++row) f(row, first, last);
  });
}

}  // namespace swin::autograd::kernels
