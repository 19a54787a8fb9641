#include "trainers/optim/multi_step.h"

namespace swin::trainers {

double multi_step(const Curve& curve, int64_t t) {
  const double steps = static_cast<double>(curve.warmup_steps + t);
  double lr = curve.lr;
  for (const double milestone : curve.own.numbers("milestones"))
    if (steps >= milestone * static_cast<double>(curve.steps_per_epoch))
      lr *= curve.own.number("gamma");
  return lr;
}

}  // namespace swin::trainers
