#include "trainers/optim/linear.h"

#include <algorithm>

namespace swin::trainers {

double linear(const Curve& curve, int64_t t) {
  const double min_lr = curve.own.number("min_lr") * curve.scale;
  const double rest = static_cast<double>(std::max<int64_t>(curve.steps, 1));
  return curve.lr + (min_lr - curve.lr) * std::min(1.0, static_cast<double>(t) / rest);
}

}  // namespace swin::trainers
