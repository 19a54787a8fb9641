// Blocks of about 16,384 elements, and walks over rows, for kernels that move rows.
#pragma once
#include <algorithm>

#include "base/parallel.h"

namespace swin::autograd::kernels::SWIN_ISA {

constexpr int64_t kBlockElements = 16384;

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

/// Calls f(b, begin, end) in parallel for ranges of `block` items that cover [0, count) of each b
/// in [0, batch).
template <class F>
void for_batch_ranges(int64_t batch, int64_t count, int64_t block, F&& f) {
  const int64_t ranges = base::divide_up(count, block);
  base::parallel_for(batch * ranges, [&](int64_t tile) {
    const int64_t begin = tile % ranges * block;
    f(tile / ranges, begin, std::min(count, begin + block));
  });
}

/// Calls f(i, j) for every element of rows [begin, end) of an array with `dims`, in order: i is its
/// index there, j its index in an array with `strides`. A row is the last axis.
template <class F>
void walk_rows(int rank, const int64_t* dims, const int64_t* strides, int64_t begin, int64_t end,
               F&& f) {
  const int64_t inner = rank ? dims[rank - 1] : 1, inner_stride = rank ? strides[rank - 1] : 1;
  for (int64_t row = begin; row < end; ++row) {
    int64_t rest = row, offset = 0;
    for (int i = rank - 2; i >= 0; --i) {
      offset += rest % dims[i] * strides[i];
      rest /= dims[i];
    }
    for (int64_t j = 0; j < inner; ++j) f(row * inner + j, offset + j * inner_stride);
  }
}

}  // namespace swin::autograd::kernels::SWIN_ISA
