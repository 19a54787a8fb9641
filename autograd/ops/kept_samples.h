// Which samples of a batch stochastic depth keeps, so that the others need not be computed.
#pragma once
#include <cstdint>
#include <vector>

#include "autograd/ops/draw_key.h"
#include "base/real.h"

namespace swin::autograd {

/// The samples of a batch that stochastic depth keeps. What is computed for them alone may get none
/// at all, an empty batch: its parameters then get gradients of zero, as zeroed samples would give.
struct KeptSamples {
  std::vector<int32_t> index;  ///< ascending; may be empty
  int64_t batch = 0;
  real factor = 1;  ///< 1 / keep, of what is added for a kept sample
  bool all() const { return std::ssize(index) == batch; }
};

/// The samples that drop_path(x, rate, key) does not zero, for x (batch, …). In a dry run all of
/// them: plans state the arithmetic and the memory of the dense model.
/// @param rate in [0, 1); with 0 all are kept, and the factor is 1
/// @throws ShapeError for another rate
/// Source: Huang et al. 2016, arXiv:1603.09382.
KeptSamples kept_samples(int64_t batch, real rate, const DrawKey& key);

}  // namespace swin::autograd
