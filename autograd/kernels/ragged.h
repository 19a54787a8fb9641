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

/// A whole vector of a row.
struct Whole {
  static base::Vec<real> load(const real* p) { return base::load(p); }
  static void store(real* p, base::Vec<real> v) { base::store(p, v); }
};
/// The last one, of `count` elements: lanes beyond are loaded as zero and not stored.
struct Part {
  int64_t count;
  base::Vec<real> load(const real* p) const { return base::load_partial(p, count); }
  void store(real* p, base::Vec<real> v) const { base::store_partial(p, count, v); }
};
/// Calls f(i, part) for the vectors of a row of n elements: part.load(p + i) and part.store(p + i,
/// v) access the elements from i on.
template <class F>
SWIN_INLINE void for_vectors(int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + base::kLanes<real> <= n; i += base::kLanes<real>) f(i, Whole{});
  if (i < n) f(i, Part{n - i});
}

/// Rows per tile for kernels that keep one partial sum per tile: at least 16,384 elements, and at
/// most 64 tiles.
inline int64_t rows_per_tile(int64_t rows, int64_t dim) {
  return std::max<int64_t>(std::max<int64_t>(1, (1 << 14) / dim), (rows + 63) / 64);
}

}  // namespace swin::autograd::kernels::SWIN_ISA
