// The learning rate as a pure function of the step number.
#pragma once
#include <cstdint>

#include "trainers/config/config.h"

namespace swin::trainers {

/// Linear warm-up, then half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983):
///   t < W:  warmup_lr + t (lr − warmup_lr) / W
///   t ≥ W:  min_lr + ½ (lr − min_lr) (1 + cos(π (t − W) / (T − W)))
/// with T steps in all, W of them warm-up. Step k, counted from 1, uses t = k − 1: the first
/// step has warmup_lr, step W + 1 has lr, and step T + 1 would have min_lr. All three rates are
/// multiplied by batch_size / lr_reference_batch if that is set.
class Schedule {
 public:
  Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer, int64_t batch_size,
           int64_t steps_per_epoch);
  /// @param step number of the step, from 1 to total_steps().
  double learning_rate(int64_t step) const;
  int64_t total_steps() const { return total_steps_; }
  int64_t warmup_steps() const { return warmup_steps_; }

 private:
  int64_t total_steps_, warmup_steps_;
  double lr_, warmup_lr_, min_lr_;
};

}  // namespace swin::trainers
