// The softmax of a row of logits, in vectors, for kernels of losses.
#pragma once
#include <cmath>
#include <limits>

#include "autograd/kernels/ragged.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {

// eˣ of the softmax, x of at most about 0.
SWIN_INLINE base::Vec<real> exp_of(base::Vec<real> x) {
  return base::exp2(x * static_cast<real>(M_LOG2E));
}

// v, and `fill` in the lanes beyond the row.
SWIN_INLINE base::Vec<real> with_fill(Whole, base::Vec<real> v, real) { return v; }
SWIN_INLINE base::Vec<real> with_fill(Part part, base::Vec<real> v, real fill) {
  base::Vec<real> lane;
  for (int64_t i = 0; i < base::kLanes<real>; ++i) lane[i] = static_cast<real>(i);
  return lane < base::broadcast(static_cast<real>(part.count)) ? v : base::broadcast(fill);
}

// Of a row of logits: the largest, and Σ exp(x − largest). NaN gives a NaN sum.
struct SoftmaxTotal {
  real top, total;
};
SWIN_INLINE SoftmaxTotal softmax_total(const real* x, int64_t classes) {
  using Vector = base::Vec<real>;
  constexpr int64_t L = base::kLanes<real>;
  constexpr real kLowest = -std::numeric_limits<real>::infinity();
  // Two sums at a time do not wait for each other.
  Vector tops[2] = {base::broadcast(kLowest), base::broadcast(kLowest)}, totals[2] = {};
  const int64_t pairs = classes / (2 * L) * 2 * L;
  for (int64_t i = 0; i < pairs; i += 2 * L) {
    tops[0] = base::max(base::load(x + i), tops[0]);
    tops[1] = base::max(base::load(x + i + L), tops[1]);
  }
  for_vectors(
      classes - pairs, [&](int64_t j, auto part) __attribute__((always_inline)) {
        tops[0] = base::max(with_fill(part, part.load(x + pairs + j), kLowest), tops[0]);
      });
  const real top = base::max_lane(base::max(tops[0], tops[1]));
  for (int64_t i = 0; i < pairs; i += 2 * L) {
    totals[0] += exp_of(base::load(x + i) - top);
    totals[1] += exp_of(base::load(x + i + L) - top);
  }
  for_vectors(
      classes - pairs, [&](int64_t j, auto part) __attribute__((always_inline)) {
        totals[0] += with_fill(part, exp_of(part.load(x + pairs + j) - top), 0);
      });
  return {top, base::sum(totals[0] + totals[1])};
}

// A row of `size` numbers for each thread, in cache lines of its own.
class ThreadRows {
 public:
  explicit ThreadRows(int64_t size)
      : padded_(base::round_up(size, 64)),
        memory_(base::allocate(static_cast<size_t>(base::num_threads() * padded_) * sizeof(real))) {
  }
  real* own() const { return static_cast<real*>(memory_.data()) + base::thread_index() * padded_; }

 private:
  int64_t padded_;
  base::Buffer memory_;
};

}  // namespace swin::autograd::kernels::SWIN_ISA
