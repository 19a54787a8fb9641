#include "trainers/optim/cosine.h"

#include <algorithm>

#include "base/math.h"

namespace swin::trainers {

double cosine(const Curve& curve, int64_t t) {
  const double min_lr = curve.own.number("min_lr") * curve.scale;
  const double rest = static_cast<double>(std::max<int64_t>(curve.steps, 1));
  // base/math instead of std::cos: the rate has the same bits on every machine.
  return min_lr + 0.5 * (curve.lr - min_lr) *
                      (1 + base::cos_pi(std::min(1.0, static_cast<double>(t) / rest)));
}

}  // namespace swin::trainers
