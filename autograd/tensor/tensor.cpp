#include "autograd/tensor/tensor.h"

#include <algorithm>

#include "base/arena.h"
#include "base/errors.h"

namespace swin::autograd {

Tensor Tensor::from(const Shape& shape, std::span<const real> values) {
  if (static_cast<int64_t>(values.size()) != shape.numel())
    throw base::ShapeError("Tensor::from", "found " + std::to_string(values.size()) +
                                               " values, expected " + shape.text());
  Tensor tensor(shape);
  if (tensor.data()) std::copy(values.begin(), values.end(), tensor.mutable_data());
  return tensor;
}

real* Tensor::mutable_data() {
  if (buffer_.adopted() || buffer_.shared())
    throw base::InternalError(
        "Tensor::mutable_data",
        std::string("found ") + (buffer_.adopted() ? "memory of a slab" : "shared memory") +
            " behind a tensor " + shape_.text() + ", expected memory of its own",
        "write to a new tensor, or to parameters through Parameters::write");
  buffer_.advance_version();
  return static_cast<real*>(buffer_.data());
}

const real* Tensor::derived(int64_t kind, int64_t numel,
                            base::FunctionRef<void(real*)> make) const {
  base::Buffer made = buffer_.derived(kind);
  if (!made) {
    const base::Arena::Use of_the_pool(nullptr);  // it stays
    made = base::allocate(static_cast<size_t>(numel) * sizeof(real));
    if (made.data()) make(static_cast<real*>(made.data()));
    // A dry run of contents that exist leaves nothing behind.
    if (made.data() || !data()) buffer_.keep_derived(kind, made);
  }
  return static_cast<const real*>(made.data());
}

Tensor Tensor::filled(const Shape& shape, real value) {
  Tensor tensor(shape);
  if (tensor.data()) std::fill_n(tensor.mutable_data(), shape.numel(), value);
  return tensor;
}

}  // namespace swin::autograd
