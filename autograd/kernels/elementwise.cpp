#include "autograd/kernels/elementwise.h"

#include <algorithm>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/row_blocks.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::kLanes;
using base::load;
using base::load_partial;
using base::store;
using base::store_partial;
using Vector = base::Vec<real>;

// y = f, vector by vector, the last one partial. f(at) returns a vector; at(x) loads from x at the
// current position.
template <class Function>
void map_vectors(int64_t numel, GradientTarget to, Function&& f) {
  if (!to) return;
  real* y = to.data;
  const bool add = to.add;
  base::parallel_ranges(numel, kBlockElements, [&](int64_t begin, int64_t end) {
    const auto step = [&](int64_t i) __attribute__((always_inline)) {
      const auto whole = [i](const real* p) { return load(p + i); };
      const Vector v = f(whole);
      return add ? v + load(y + i) : v;
    };
    constexpr int64_t L = kLanes<real>;
    int64_t i = begin;
    for (; i + 2 * L <= end; i += 2 * L) {  // two at once: they do not wait for each other
      const Vector first = step(i), second = step(i + L);
      store(y + i, first);
      store(y + i + L, second);
    }
    for (; i + L <= end; i += L) store(y + i, step(i));
    if (const int64_t left = end - i; left > 0) {
      const auto part = [i, left](const real* p) { return load_partial(p + i, left); };
      Vector v = f(part);
      if (add) v += load_partial(y + i, left);
      store_partial(y + i, left, v);
    }
  });
}

// Calls f(the sample's random numbers, its first element, begin, end) for tiles [begin, end) of
// every sample, in parallel.
template <class F>
void for_sample_tiles(int64_t batch, int64_t numel, const DrawKey& key, F&& f) {
  for_batch_ranges(batch, numel, kBlockElements, [&](int64_t sample, int64_t begin, int64_t end) {
    const base::Random random(key.seed, key.stream, key.step, key.sample(sample));
    f(random, sample * numel, begin, end);
  });
}

void apply_dropout(const real* x, GradientTarget y, int64_t batch, int64_t numel, real keep,
                   const DrawKey& key) {
  if (!y) return;
  const real scale = 1 / keep;
  const auto drop = [&](const base::Random& random, int64_t at, int64_t begin, int64_t end) {
    const real* from = x + at;
    real* to = y.data + at;
    for (int64_t i = begin; i < end; i += 4) {
      const auto words = random.block(static_cast<uint64_t>(i) / 4);
      for (int64_t j = i; j < std::min(end, i + 4); ++j) {
        const bool kept =
            static_cast<real>(base::Random::to_uniform(words[static_cast<size_t>(j - i)])) < keep;
        to[j] = (y.add ? to[j] : 0) + (kept ? from[j] * scale : 0);
      }
    }
  };
  for_sample_tiles(batch, numel, key, drop);
}

void apply_drop_path(const real* x, GradientTarget y, int64_t batch, int64_t numel, real keep,
                     const DrawKey& key) {
  if (!y) return;
  const auto drop = [&](const base::Random& random, int64_t at, int64_t begin, int64_t end) {
    const real factor = static_cast<real>(random.uniform(0)) < keep ? 1 / keep : 0;
    const real* from = x + at;
    real* to = y.data + at;
    for (int64_t i = begin; i < end; ++i)
      to[i] = (y.add ? to[i] : 0) + (factor != 0 ? from[i] * factor : 0);
  };
  for_sample_tiles(batch, numel, key, drop);
}

}  // namespace

void add_forward(const real* a, const real* b, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) { return at(a) + at(b); });
}

void multiply_forward(const real* a, const real* b, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) { return at(a) * at(b); });
}

void multiply_backward(const real* dy, const real* b, GradientTarget da, int64_t numel) {
  map_vectors(numel, da, [=](auto at) { return at(dy) * at(b); });
}

void exp_forward(const real* x, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) { return base::exp(at(x)); });
}

void gelu_forward(const real* x, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) {
    const Vector v = at(x);
    Vector cdf, density;
    base::normal_distribution(v, cdf, density);
    return v * cdf;
  });
}

void gelu_backward(const real* dy, const real* x, GradientTarget dx, int64_t numel) {
  map_vectors(numel, dx, [=](auto at) {
    const Vector v = at(x);
    Vector cdf, density;
    base::normal_distribution(v, cdf, density);
    return at(dy) * base::fma(v, density, cdf);
  });
}

// The comparisons are written so that NaN gives NaN.
void relu_forward(const real* x, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) {
    const Vector v = at(x);
    return v < 0 ? Vector{} : v;
  });
}

void relu_backward(const real* dy, const real* y, GradientTarget dx, int64_t numel) {
  map_vectors(numel, dx, [=](auto at) { return at(y) <= 0 ? Vector{} : at(dy); });
}

void sigmoid_forward(const real* x, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) { return 1 / (1 + base::exp(-at(x))); });
}

void sigmoid_backward(const real* dy, const real* y, GradientTarget dx, int64_t numel) {
  map_vectors(numel, dx, [=](auto at) {
    const Vector v = at(y);
    return at(dy) * v * (1 - v);
  });
}

void scale_forward(const real* x, real factor, real* y, int64_t numel) {
  map_vectors(numel, {y}, [=](auto at) { return at(x) * factor; });
}

void scale_backward(const real* dy, real factor, GradientTarget dx, int64_t numel) {
  map_vectors(numel, dx, [=](auto at) { return at(dy) * factor; });
}

void dropout_forward(const real* x, real* y, int64_t batch, int64_t numel, real keep,
                     const DrawKey& key) {
  apply_dropout(x, {y}, batch, numel, keep, key);
}
void dropout_backward(const real* dy, GradientTarget dx, int64_t batch, int64_t numel, real keep,
                      const DrawKey& key) {
  apply_dropout(dy, dx, batch, numel, keep, key);
}
void drop_path_forward(const real* x, real* y, int64_t batch, int64_t numel, real keep,
                       const DrawKey& key) {
  apply_drop_path(x, {y}, batch, numel, keep, key);
}
void drop_path_backward(const real* dy, GradientTarget dx, int64_t batch, int64_t numel, real keep,
                        const DrawKey& key) {
  apply_drop_path(dy, dx, batch, numel, keep, key);
}

void drop_channels(const real* x, GradientTarget y, int64_t batch, int64_t tokens, int64_t channels,
                   real keep, const DrawKey& key) {
  if (!y) return;
  const int64_t padded = base::round_to_lanes<real>(channels);
  const base::Buffer memory = base::allocate(static_cast<size_t>(batch * padded) * sizeof(real));
  real* const factors = static_cast<real*>(memory.data());
  for (int64_t sample = 0; sample < batch; ++sample) {
    const base::Random random(key.seed, key.stream, key.step, key.sample(sample));
    for (int64_t c = 0; c < padded; ++c) {
      const auto element = static_cast<uint64_t>(c);
      factors[sample * padded + c] =
          static_cast<real>(random.uniform(element)) < keep ? 1 / keep : 0;
    }
  }
  for_batch_ranges(
      batch, tokens, rows_per_block(channels), [&](int64_t sample, int64_t begin, int64_t end) {
        const real* factor = factors + sample * padded;
        for (int64_t token = begin; token < end; ++token) {
          const int64_t at = (sample * tokens + token) * channels;
          for_vectors(
              channels, [&](int64_t j, auto part) __attribute__((always_inline)) {
                const Vector f = load(factor + j);
                // Not x · 0: what is dropped may be infinite.
                const Vector kept = f == 0 ? Vector{} : part.load(x + at + j) * f;
                part.store(y.data + at + j, y.add ? part.load(y.data + at + j) + kept : kept);
              });
        }
      });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(add_forward)
SWIN_KERNEL(multiply_forward)
SWIN_KERNEL(multiply_backward)
SWIN_KERNEL(exp_forward)
SWIN_KERNEL(gelu_forward)
SWIN_KERNEL(gelu_backward)
SWIN_KERNEL(relu_forward)
SWIN_KERNEL(relu_backward)
SWIN_KERNEL(sigmoid_forward)
SWIN_KERNEL(sigmoid_backward)
SWIN_KERNEL(scale_forward)
SWIN_KERNEL(scale_backward)
SWIN_KERNEL(dropout_forward)
SWIN_KERNEL(dropout_backward)
SWIN_KERNEL(drop_path_forward)
SWIN_KERNEL(drop_path_backward)
SWIN_KERNEL(drop_channels)
}  // namespace swin::autograd::kernels
