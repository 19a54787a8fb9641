// The learning rate as a pure function of the step number.
#pragma once
#include <cstdint>

#include "trainers/config/config.h"

namespace swin::trainers {

/// What a curve after the warm-up knows.
struct Curve {
  double lr = 0;             ///< at its start
  double scale = 1;          ///< batch_size / lr_reference_batch, for other rates of the config
  int64_t steps = 0;         ///< after the warm-up
  int64_t warmup_steps = 0;  ///< before it
  int64_t steps_per_epoch = 0;
  base::RowValues own;  ///< the fields of the schedule's row
};

/// Linear warm-up, then the curve of schedule.name:
///   t < W:  warmup_lr + t (lr − warmup_lr) / W
///   t ≥ W:  curve(t − W)
/// or, of a curve for the whole run (polynomial),
///   t < W:  curve(t) (1 − (1 − t/W) (1 − warmup_lr/lr))
///   t ≥ W:  curve(t)
/// with W steps of warm-up. Step k, counted from 1, uses t = k − 1: the first step has warmup_lr,
/// step W + 1 has lr. All rates are multiplied by batch_size / lr_reference_batch if that is set.
class Schedule {
 public:
  Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer, int64_t batch_size,
           int64_t steps_per_epoch);
  /// @param step number of the step, from 1 to total_steps().
  double learning_rate(int64_t step) const;
  int64_t total_steps() const { return total_steps_; }
  int64_t warmup_steps() const { return curve_.warmup_steps; }

 private:
  int64_t total_steps_;
  double warmup_lr_;
  Curve curve_;
  double (*rate_)(const Curve&, int64_t t);
  bool whole_run_ = false;
};

}  // namespace swin::trainers
