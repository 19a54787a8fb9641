#include "autograd/kernels/broadcast.h"

#include <algorithm>
#include <array>

#include "autograd/kernels/row_blocks.h"
#include "base/parallel.h"

namespace swin::autograd::kernels {
namespace {
constexpr int kMaxRank = 8;

// Calls f(index in x, index in b) for rows [begin, end) of x, in order. A row is the last axis.
template <class F>
void walk_broadcast(int rank, const int64_t* dims, const int64_t* b_dims, int64_t begin,
                    int64_t end, F&& f) {
  std::array<int64_t, kMaxRank> strides{};
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = b_dims[i] == 1 ? 0 : stride;
    stride *= b_dims[i];
  }
  const int64_t inner = dims[rank - 1], inner_stride = strides[static_cast<size_t>(rank - 1)];
  for (int64_t row = begin; row < end; ++row) {
    int64_t rest = row, offset = 0;
    for (int i = rank - 2; i >= 0; --i) {
      offset += rest % dims[i] * strides[static_cast<size_t>(i)];
      rest /= dims[i];
    }
    for (int64_t j = 0; j < inner; ++j) f(row * inner + j, offset + j * inner_stride);
  }
}

// y[i] = f(i, index in b), in parallel.
template <class F>
void map_broadcast(real* y, int rank, const int64_t* dims, const int64_t* b_dims, F&& f) {
  if (!y) return;
  int64_t rows = 1;
  for (int i = 0; i < rank - 1; ++i) rows *= dims[i];
  const int64_t block = rows_per_block(dims[rank - 1]);
  base::parallel_ranges(rows, block, [&](int64_t begin, int64_t end) {
    walk_broadcast(rank, dims, b_dims, begin, end, [&](int64_t i, int64_t j) { y[i] = f(i, j); });
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
  walk_broadcast(rank, dims, b_dims, 0, rows, [&](int64_t i, int64_t j) { db.data[j] += dy[i]; });
}

}  // namespace swin::autograd::kernels
