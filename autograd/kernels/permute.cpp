#include "autograd/kernels/permute.h"

#include <algorithm>
#include <array>

#include "autograd/kernels/row_blocks.h"
#include "autograd/kernels/small_product.h"
#include "base/parallel.h"

namespace swin::autograd::kernels {
namespace {
constexpr int kMaxRank = 8;
}  // namespace

void transpose(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y) {
  if (!y) return;
  constexpr int64_t L = base::kLanes<real>;
  const int64_t whole_rows = rows / L * L, whole_columns = columns / L * L;
  base::parallel_ranges(columns, 64, [&](int64_t begin, int64_t end) {
    const int64_t vectors_end = std::min(end, whole_columns);
    for (int64_t r = 0; r < whole_rows; r += L)
      for (int64_t c = begin; c < vectors_end; c += L)
        transpose_padded(x + r * ldx + c, ldx, L, L, y + c * rows + r, rows);
    for (int64_t c = begin; c < end; ++c)
      for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r)
        y[c * rows + r] = x[r * ldx + c];
  });
}

void permute(const real* x, GradientTarget y, int rank, const int64_t* dims, const int* axes) {
  if (!y) return;
  std::array<int64_t, kMaxRank> strides{}, out_dims{}, out_strides{};
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = stride;
    stride *= dims[i];
  }
  for (int i = 0; i < rank; ++i) {
    out_dims[static_cast<size_t>(i)] = dims[axes[i]];
    out_strides[static_cast<size_t>(i)] = strides[static_cast<size_t>(axes[i])];
  }
  const int64_t inner = rank ? out_dims[static_cast<size_t>(rank - 1)] : 1;
  const int64_t inner_stride = rank ? out_strides[static_cast<size_t>(rank - 1)] : 1;
  const int64_t outer = inner ? stride / inner : 0, block = rows_per_block(inner);
  base::parallel_ranges(outer, block, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = row, offset = 0;
      for (int i = rank - 2; i >= 0; --i) {
        offset += rest % out_dims[static_cast<size_t>(i)] * out_strides[static_cast<size_t>(i)];
        rest /= out_dims[static_cast<size_t>(i)];
      }
      real* to = y.data + row * inner;
      for (int64_t j = 0; j < inner; ++j)
        to[j] = (y.add ? to[j] : 0) + x[offset + j * inner_stride];
    }
  });
}

}  // namespace swin::autograd::kernels
