// The gradient of a tensor: another object than its data, made by its first writer.
#pragma once
#include <memory>

#include "autograd/kernels/gradient_target.h"
#include "autograd/tensor/array.h"

namespace swin::autograd {

/// A handle; empty where nothing upstream needs a gradient. Copies refer to the same gradient.
class Gradient {
 public:
  Gradient() = default;
  /// A gradient of `numel` numbers whose memory comes from the pool when the first writer asks.
  static Gradient pooled(int64_t numel);
  /// A gradient in memory that outlives every tape (a parameter's slab).
  static Gradient in_slab(real* data, int64_t numel);

  bool needed() const { return state_ != nullptr; }
  bool written() const { return state_ && state_->written; }
  int64_t numel() const { return state_ ? state_->numel : 0; }
  /// Null unless written.
  const real* data() const { return written() ? state_->memory() : nullptr; }
  /// Where the next writer writes; from here on the gradient counts as written.
  GradientTarget target() const;
  /// The contribution is `dy` itself: takes over its memory where this is the first writer, else
  /// adds.
  void accept(const Gradient& dy) const;
  /// A new step begins: the next writer stores again.
  void mark_unwritten() const {
    if (state_) state_->written = false;
  }
  /// Gives pool memory back.
  void release() const;
  /// Identity, to count the uses of one gradient.
  const void* id() const { return state_.get(); }
  bool in_slab() const { return state_ && state_->slab; }

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
