// A power of the remaining part of the run.
#pragma once
#include "trainers/optim/schedule.h"

namespace swin::trainers {

/// (lr − min_lr) (1 − t/T)^power + min_lr, with the T steps of the run, its warm-up included. The
/// step after the last one would have min_lr.
/// Source: mmcv's PolyLrUpdaterHook, by iteration.
double polynomial(const Curve& curve, int64_t t);

}  // namespace swin::trainers
