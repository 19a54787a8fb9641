#include "trainers/optim/polynomial.h"

#include <algorithm>
#include <cmath>

namespace swin::trainers {

double polynomial(const Curve& curve, int64_t t) {
  const double min_lr = curve.own.number("min_lr") * curve.scale;
  const double all = static_cast<double>(std::max<int64_t>(curve.steps + curve.warmup_steps, 1));
  const double left = std::max(0.0, 1 - static_cast<double>(t) / all);
  return (curve.lr - min_lr) * std::pow(left, curve.own.number("power")) + min_lr;
}

}  // namespace swin::trainers
