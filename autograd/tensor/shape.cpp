#include "autograd/tensor/shape.h"

#include "base/errors.h"

namespace swin::autograd {

void Shape::fail_rank(int64_t dim) const {
  throw base::ShapeError("shape", "found another dim of " + std::to_string(dim) + " for " + text() +
                                      ", expected at most " + std::to_string(kMaxRank) + " dims");
}

void Shape::fail_numel() const {
  throw base::ShapeError("shape",
                         "found " + text() + ", expected dims of at least 0 and at most " +
                             std::to_string(kMaxNumel) + " elements",
                         "lower the sizes of the model, its images or the batch");
}

}  // namespace swin::autograd
