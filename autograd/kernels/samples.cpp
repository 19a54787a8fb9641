#include "autograd/kernels/samples.h"

#include <algorithm>
#include <cstring>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/row_blocks.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {

void take_samples(const real* x, real factor, GradientTarget y, const int32_t* index,
                  int64_t samples, int64_t numel) {
  if (!y) return;
  const auto take = [&](int64_t sample, int64_t begin, int64_t end) {
    real* const to = y.data + sample * numel + begin;
    if (index[sample] < 0) {
      if (!y.add) std::fill_n(to, end - begin, real{0});
      return;
    }
    const real* const from = x + index[sample] * numel + begin;
    for_vectors(
        end - begin, [&](int64_t i, auto part) __attribute__((always_inline)) {
          const base::Vec<real> taken = part.load(from + i) * factor;
          part.store(to + i, y.add ? part.load(to + i) + taken : taken);
        });
  };
  for_batch_ranges(samples, numel, kBlockElements, take);
}

void add_samples(const real* x, const real* part, real factor, real* y, const int32_t* index,
                 int64_t samples, int64_t numel) {
  if (!y) return;
  const auto add = [&](int64_t sample, int64_t begin, int64_t end) {
    const real* const from = x + sample * numel + begin;
    real* const to = y + sample * numel + begin;
    if (index[sample] < 0) {
      std::memcpy(to, from, static_cast<size_t>(end - begin) * sizeof(real));
      return;
    }
    const real* const added = part + index[sample] * numel + begin;
    for_vectors(
        end - begin, [&](int64_t i, auto at) __attribute__((always_inline)) {
          at.store(to + i, at.load(from + i) + at.load(added + i) * factor);
        });
  };
  for_batch_ranges(samples, numel, kBlockElements, add);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(take_samples)
SWIN_KERNEL(add_samples)
}  // namespace swin::autograd::kernels
