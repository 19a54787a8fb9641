#include "autograd/kernels/permute.h"

#include <algorithm>
#include <vector>

#include "autograd/kernels/row_blocks.h"

namespace swin::autograd::kernels::SWIN_ISA {

void permute(const real* x, GradientTarget y, int rank, const int64_t* dims, const int* axes) {
  if (!y) return;
  std::vector<int64_t> strides(static_cast<size_t>(rank)), out_dims, out_strides;
  int64_t numel = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = numel;
    numel *= dims[i];
  }
  for (int i = 0; i < rank; ++i) {
    out_dims.push_back(dims[axes[i]]);
    out_strides.push_back(strides[static_cast<size_t>(axes[i])]);
  }
  const int64_t inner = rank ? out_dims.back() : 1, outer = inner ? numel / inner : 0;
  base::parallel_ranges(outer, rows_per_block(inner), [&](int64_t begin, int64_t end) {
    walk_rows(rank, out_dims.data(), out_strides.data(), begin, end,
              [=](int64_t i, int64_t j) { y.data[i] = (y.add ? y.data[i] : 0) + x[j]; });
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(permute)
}  // namespace swin::autograd::kernels
