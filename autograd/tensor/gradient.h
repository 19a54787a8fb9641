// The gradient of a tensor, stored separately from its data and allocated by its first writer.
#pragma once
#include <memory>

#include "autograd/kernels/gradient_target.h"
#include "autograd/tensor/array.h"

namespace swin::autograd {

/// A shared handle; empty if the tensor needs no gradient.
class Gradient {
 public:
  Gradient() = default;
  /// A gradient of `numel` elements, allocated from the pool when it is first written.
  static Gradient pooled(int64_t numel);
  /// A gradient in a slab of parameters, which outlives every tape.
  static Gradient in_slab(real* data, int64_t numel);

  bool needed() const { return state_ != nullptr; }
  bool written() const { return state_ && state_->written; }
  int64_t numel() const { return state_ ? state_->numel : 0; }
  /// Null before the first write.
  const real* data() const { return written() ? state_->memory() : nullptr; }
  /// Where to write next, and whether to add. Marks the gradient as written.
  GradientTarget target() const;
  /// Adds dy. If nothing has been written yet, shares dy's memory instead of copying it.
  void accept(const Gradient& dy) const;
  /// For a new training step: the next writer stores instead of adding.
  void mark_unwritten() const {
    if (state_) state_->written = false;
  }
  /// Returns pool memory to the pool.
  void release() const;
  /// The identity of the gradient, the same for all its handles.
  const void* id() const { return state_.get(); }
  bool in_slab() const { return state_ && (state_->slab || state_->dry); }

 private:
  struct State {
    int64_t numel = 0;
    real* slab = nullptr;
    base::Buffer buffer;
    bool written = false, dry = false;
    real* memory() const { return dry ? nullptr : slab ? slab : static_cast<real*>(buffer.data()); }
  };
  std::shared_ptr<State> state_;
};

}  // namespace swin::autograd
