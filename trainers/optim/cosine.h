// Half a cosine.
#pragma once
#include "trainers/optim/schedule.h"

namespace swin::trainers {

/// min_lr + ½ (lr − min_lr) (1 + cos(π t / T)), with T steps after the warm-up. The step after the
/// last one would have min_lr. Source: Loshchilov and Hutter 2017, arXiv:1608.03983.
double cosine(const Curve& curve, int64_t t);

}  // namespace swin::trainers
