#include "trainers/optim/schedule.h"

#include <string_view>

#include "base/errors.h"
#include "trainers/config/schedule_table.h"
#include "trainers/optim/cosine.h"
#include "trainers/optim/linear.h"
#include "trainers/optim/multi_step.h"
#include "trainers/optim/polynomial.h"

namespace swin::trainers {

namespace {

struct NamedCurve {
  std::string_view name;
  double (*rate)(const Curve&, int64_t t);
  bool whole_run = false;  // it has rates for the warm-up, too: t counts from its start
};
constexpr NamedCurve kCurves[] = {
    {"cosine", cosine},
    {"linear", linear},
    {"multi_step", multi_step},
    {"polynomial", polynomial, true},
};

}  // namespace

Schedule::Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer,
                   int64_t batch_size, int64_t steps_per_epoch)
    : total_steps_(schedule.total_steps(steps_per_epoch)), rate_(nullptr) {
  const double scale = optimizer.lr_scale(batch_size);
  warmup_lr_ = schedule.warmup_lr * scale;
  const int64_t warmup_steps = schedule.total_warmup_steps(steps_per_epoch);
  curve_ = {.lr = optimizer.lr * scale,
            .scale = scale,
            .steps = total_steps_ - warmup_steps,
            .warmup_steps = warmup_steps,
            .steps_per_epoch = steps_per_epoch,
            .own = base::RowValues(base::row_named(schedule_rows(), schedule.name, "schedule.name"),
                                   schedule.own)};
  for (const NamedCurve& curve : kCurves)
    if (curve.name == schedule.name) {
      rate_ = curve.rate;
      whole_run_ = curve.whole_run;
    }
  if (!rate_)
    throw base::InternalError(schedule.name, "found a schedule without a curve, expected one");
}

double Schedule::learning_rate(int64_t step) const {
  const double t = static_cast<double>(step - 1);
  const double warmup = static_cast<double>(curve_.warmup_steps);
  if (whole_run_) {
    const double first = curve_.lr > 0 ? warmup_lr_ / curve_.lr : 1;
    return rate_(curve_, step - 1) * (t < warmup ? 1 - (1 - t / warmup) * (1 - first) : 1);
  }
  if (t < warmup) return warmup_lr_ + t * (curve_.lr - warmup_lr_) / warmup;
  return rate_(curve_, step - 1 - curve_.warmup_steps);
}

}  // namespace swin::trainers
