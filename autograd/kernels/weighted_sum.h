// Weighted sums of rows, for kernels of maps that are made of others.
#pragma once
#include "autograd/kernels/ragged.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// to (n) = [to +] Σ weights[e] · from[e · stride] over e in [0, count), each a vector of n
/// elements.
inline void weighted_sum(const real* from, int64_t stride, const real* weights, int64_t count,
                         real* to, int64_t n, bool add) {
  using base::fma;
  constexpr int64_t L = base::kLanes<real>;
  // Several vectors at a time do not wait for each other.
  constexpr int64_t kVectors = 4;
  int64_t c = 0;
  for (; c + kVectors * L <= n; c += kVectors * L) {
    base::Vec<real> sums[kVectors];
    for (int64_t v = 0; v < kVectors; ++v)
      sums[v] = add ? base::load(to + c + v * L) : base::Vec<real>{};
    for (int64_t e = 0; e < count; ++e) {
      const base::Vec<real> weight = base::broadcast(weights[e]);
      for (int64_t v = 0; v < kVectors; ++v)
        sums[v] = fma(base::load(from + e * stride + c + v * L), weight, sums[v]);
    }
    for (int64_t v = 0; v < kVectors; ++v) base::store(to + c + v * L, sums[v]);
  }
  for_vectors(
      n - c, [&](int64_t i, auto part) __attribute__((always_inline)) {
        base::Vec<real> sum = add ? part.load(to + c + i) : base::Vec<real>{};
        for (int64_t e = 0; e < count; ++e)
          sum = fma(part.load(from + e * stride + c + i), base::broadcast(weights[e]), sum);
        part.store(to + c + i, sum);
      });
}

}  // namespace swin::autograd::kernels::SWIN_ISA
