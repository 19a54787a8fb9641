// Vector access to rows of any length, whose last vector may be partial.
#pragma once
#include <algorithm>

#include "base/real.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// Loads elements i … of a row of n elements; lanes beyond the row are zero.
inline base::Vec<real> load_ragged(const real* p, int64_t i, int64_t n) {
  return i + base::kLanes<real> <= n ? base::load(p + i) : base::load_partial(p + i, n - i);
}
/// Stores elements i … of a row of n elements; lanes beyond the row are not written.
inline void store_ragged(real* p, int64_t i, int64_t n, base::Vec<real> v) {
  if (i + base::kLanes<real> <= n)
    base::store(p + i, v);
  else
    base::store_partial(p + i, n - i, v);
}

/// Rows per tile for kernels that keep one partial sum per tile: at least 16,384 elements, and at
/// most 64 tiles.
inline int64_t rows_per_tile(int64_t rows, int64_t dim) {
  return std::max<int64_t>(std::max<int64_t>(1, (1 << 14) / dim), (rows + 63) / 64);
}

}  // namespace swin::autograd::kernels::SWIN_ISA
