#include "autograd/kernels/broadcast.h"

#include <algorithm>
#include <vector>

#include "autograd/kernels/row_blocks.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {
// The strides of b for indices of x: 0 along the axes of one element.
std::vector<int64_t> strides_of(int rank, const int64_t* b_dims) {
  std::vector<int64_t> strides(static_cast<size_t>(rank));
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = b_dims[i] == 1 ? 0 : stride;
    stride *= b_dims[i];
  }
  return strides;
}

// y[i] = f(i, index in b), in parallel.
template <class F>
void map_broadcast(real* y, int rank, const int64_t* dims, const int64_t* b_dims, F&& f) {
  if (!y) return;
  int64_t rows = 1;
  for (int i = 0; i < rank - 1; ++i) rows *= dims[i];
  const std::vector<int64_t> strides = strides_of(rank, b_dims);
  base::parallel_ranges(rows, rows_per_block(dims[rank - 1]), [&](int64_t begin, int64_t end) {
    walk_rows(rank, dims, strides.data(), begin, end,
              [&](int64_t i, int64_t j) { y[i] = f(i, j); });
  });
}
}  // namespace

void broadcast_add_forward(const real* x, const real* b, real* y, int rank, const int64_t* dims,
                           const int64_t* b_dims) {
  map_broadcast(y, rank, dims, b_dims, [=](int64_t i, int64_t j) { return x[i] + b[j]; });
}

void broadcast_forward(const real* b, real* y, int rank, const int64_t* dims,
                       const int64_t* b_dims) {
  map_broadcast(y, rank, dims, b_dims, [=](int64_t, int64_t j) { return b[j]; });
}

void broadcast_backward(const real* dy, GradientTarget db, int rank, const int64_t* dims,
                        const int64_t* b_dims) {
  if (!db) return;
  int64_t rows = 1, numel = 1;
  for (int i = 0; i < rank - 1; ++i) rows *= dims[i];
  for (int i = 0; i < rank; ++i) numel *= b_dims[i];
  if (!db.add) std::fill_n(db.data, numel, real{0});
  walk_rows(rank, dims, strides_of(rank, b_dims).data(), 0, rows,
            [&](int64_t i, int64_t j) { db.data[j] += dy[i]; });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(broadcast_add_forward)
SWIN_KERNEL(broadcast_forward)
SWIN_KERNEL(broadcast_backward)
}  // namespace swin::autograd::kernels
