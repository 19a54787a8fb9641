// A straight line.
#pragma once
#include "trainers/optim/schedule.h"

namespace swin::trainers {

/// lr + (min_lr − lr) t / T, with T steps after the warm-up. The step after the last one would have
/// min_lr. Source: the official code's LinearLRScheduler, with a rate instead of a fraction of lr.
double linear(const Curve& curve, int64_t t);

}  // namespace swin::trainers
