// A shared handle to an n-dimensional array of type real: contiguous, row-major, channels last.
#pragma once
#include <span>
#include <utility>
#include <vector>

#include "autograd/tensor/gradient.h"
#include "autograd/tensor/shape.h"
#include "base/parallel.h"

namespace swin::autograd {

class Tensor {
 public:
  Tensor() = default;
  /// Uninitialized pool memory; without memory in a dry run.
  explicit Tensor(const Shape& shape)
      : shape_(shape), buffer_(base::allocate(static_cast<size_t>(shape.numel()) * sizeof(real))) {}
  /// A tensor in existing memory, such as a slab, with its gradient.
  Tensor(const Shape& shape, base::Buffer memory, Gradient gradient)
      : shape_(shape), buffer_(std::move(memory)), gradient_(std::move(gradient)) {}
  static Tensor from(const Shape& shape, std::span<const real> values);
  static Tensor filled(const Shape& shape, real value);

  bool defined() const { return static_cast<bool>(buffer_); }
  const Shape& shape() const { return shape_; }
  int64_t dim(int i) const { return shape_[i]; }
  int rank() const { return shape_.rank(); }
  int64_t numel() const { return shape_.numel(); }
  /// Null in a dry run.
  const real* data() const { return static_cast<const real*>(buffer_.data()); }
  /// To fill a new tensor.
  /// @throws InternalError if the memory is a slab's or if another tensor shares it
  real* mutable_data();
  /// Changes with the contents of the memory; all tensors that share it have the same.
  uint64_t version() const { return buffer_.version(); }
  std::vector<real> values() const { return {data(), data() + numel()}; }

  /// Memory that is made from the contents, such as packed weights: by make(memory) at the first
  /// call, then kept with the contents until they change. One kind at a time is kept.
  /// @return numel elements; null in a dry run
  const real* derived(int64_t kind, int64_t numel, base::FunctionRef<void(real*)> make) const;
  void drop_derived() const { buffer_.drop_derived(); }

  /// For the owner of the memory, before it changes the contents.
  void advance_version() { buffer_.advance_version(); }

  /// Empty if the tensor needs no gradient.
  const Gradient& gradient() const { return gradient_; }
  void set_gradient(Gradient gradient) { gradient_ = std::move(gradient); }
  /// The same data as a leaf of the tape, with a gradient of its own.
  Tensor as_leaf() const { return {shape_, buffer_, Gradient::pooled(numel())}; }
  /// The same data without a gradient.
  Tensor detached() const { return {shape_, buffer_, {}}; }
  /// The same data under another shape with as many elements, without the gradient.
  Tensor viewed(const Shape& shape) const { return {shape, buffer_, {}}; }

 private:
  Shape shape_;
  base::Buffer buffer_;
  Gradient gradient_;
};

}  // namespace swin::autograd
