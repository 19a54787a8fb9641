#include "autograd/kernels/reduce.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/pool.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {
using base::kLanes;
using base::load;
using base::store;
constexpr int64_t kColumns = 512;
}  // namespace

void sum_partials(const real* partials, int64_t count, int64_t rows, int64_t columns,
                  GradientTarget y, int64_t ldy) {
  if (!y) return;
  const int64_t row_block = std::max<int64_t>(1, 4096 / columns);
  base::parallel_ranges(rows, row_block, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      real* to = y.data + row * ldy;
      for (int64_t j = 0; j < columns; ++j) {
        real total = y.add ? to[j] : 0;
        for (int64_t p = 0; p < count; ++p) total += partials[(p * rows + row) * columns + j];
        to[j] = total;
      }
    }
  });
}

void sum_rows(const real* x, int64_t rows, int64_t columns, GradientTarget y) {
  if (!y) return;
  const int64_t slices = std::clamp<int64_t>(rows / 128, 1, 32);
  const int64_t length = base::divide_up(rows, slices);
  const base::Buffer memory = base::allocate(static_cast<size_t>(slices * columns) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_for(slices, [&](int64_t slice) {
    real* to = partials + slice * columns;
    const int64_t begin = slice * length, end = std::min(rows, begin + length);
    std::fill_n(to, columns, real{0});
    for (int64_t c = 0; c < columns; c += kColumns) {
      const int64_t stop = std::min(columns, c + kColumns);
      for (int64_t row = begin; row < end; ++row) {
        const real* from = x + row * columns;
        int64_t j = c;
        for (; j + kLanes<real> <= stop; j += kLanes<real>)
          store(to + j, load(to + j) + load(from + j));
        for (; j < stop; ++j) to[j] += from[j];
      }
    }
  });
  sum_partials(partials, slices, 1, columns, y, columns);
}

void mean_tokens_forward(const real* x, int64_t batch, int64_t tokens, int64_t dim, real* y) {
  if (!y) return;
  const real scale = real{1} / static_cast<real>(tokens);
  base::parallel_for(batch, [&](int64_t b) {
    real* to = y + b * dim;
    std::fill_n(to, dim, real{0});
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t j = 0; j < dim; ++j) to[j] += x[(b * tokens + t) * dim + j];
    for (int64_t j = 0; j < dim; ++j) to[j] *= scale;
  });
}

void mean_tokens_backward(const real* dy, int64_t batch, int64_t tokens, int64_t dim,
                          GradientTarget dx) {
  if (!dx) return;
  const real scale = real{1} / static_cast<real>(tokens);
  base::parallel_for(batch, [&](int64_t b) {
    for (int64_t t = 0; t < tokens; ++t) {
      real* to = dx.data + (b * tokens + t) * dim;
      for (int64_t j = 0; j < dim; ++j) to[j] = (dx.add ? to[j] : 0) + dy[b * dim + j] * scale;
    }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(sum_partials)
SWIN_KERNEL(sum_rows)
SWIN_KERNEL(mean_tokens_forward)
SWIN_KERNEL(mean_tokens_backward)
}  // namespace swin::autograd::kernels
