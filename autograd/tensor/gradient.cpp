#include "autograd/tensor/gradient.h"

#include <cstring>

#include "base/parallel.h"

namespace swin::autograd {

constexpr int64_t kTile = 1 << 16;

Gradient Gradient::pooled(int64_t numel) {
  Gradient gradient;
  gradient.state_ = std::make_shared<State>();
  gradient.state_->numel = numel;
  return gradient;
}

Gradient Gradient::in_slab(real* data, int64_t numel) {
  Gradient gradient = pooled(numel);
  gradient.state_->slab = data;
  gradient.state_->dry = data == nullptr;
  return gradient;
}

GradientTarget Gradient::target() const {
  if (!state_) return {};
  State& s = *state_;
  const bool add = s.written;
  if (!s.slab && !s.dry) {
    const size_t bytes = static_cast<size_t>(s.numel) * sizeof(real);
    if (!s.buffer) {
      s.buffer = base::allocate(bytes);
    } else if (s.buffer.shared()) {
      // The memory is shared with another gradient (see accept): write to a copy.
      base::Buffer copy = base::allocate(bytes);
      if (add && copy.data()) std::memcpy(copy.data(), s.buffer.data(), bytes);
      s.buffer = copy;
    }
  }
  s.written = true;
  return {base::DryRun::active() ? nullptr : s.memory(), add};
}

void Gradient::accept(const Gradient& dy) const {
  if (!state_ || !dy.written()) return;
  State& s = *state_;
  if (!s.written && !s.slab && !s.dry && !dy.state_->slab) {
    s.buffer = dy.state_->buffer;
    s.written = true;
    return;
  }
  const GradientTarget to = target();
  const real* from = dy.data();
  if (!to) return;
  base::parallel_ranges(s.numel, kTile, [&](int64_t begin, int64_t end) {
    if (to.add)
      for (int64_t i = begin; i < end; ++i) to.data[i] += from[i];
    else
      for (int64_t i = begin; i < end; ++i) to.data[i] = from[i];
  });
}

void Gradient::release() const {
  if (!state_ || state_->slab) return;
  state_->buffer.reset();
  state_->written = false;
}

}  // namespace swin::autograd
