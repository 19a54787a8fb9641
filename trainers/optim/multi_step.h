// A staircase.
#pragma once
#include "trainers/optim/schedule.h"

namespace swin::trainers {

/// lr · gammaⁿ after n milestones, which are counted in epochs from the start of the run, warm-up
/// included. The first step of epoch m (from 0) is the first one after the milestone m.
/// Source: the official code's MultiStepLRScheduler.
double multi_step(const Curve& curve, int64_t t);

}  // namespace swin::trainers
