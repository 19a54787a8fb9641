#include "trainers/optim/schedule.h"

#include <algorithm>

#include "base/math.h"

namespace swin::trainers {

Schedule::Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer,
                   int64_t batch_size, int64_t steps_per_epoch)
    : total_steps_(schedule.total_steps(steps_per_epoch)),
      warmup_steps_(schedule.total_warmup_steps(steps_per_epoch)) {
  const double scale = optimizer.lr_scale(batch_size);
  lr_ = optimizer.lr * scale;
  warmup_lr_ = schedule.warmup_lr * scale;
  min_lr_ = schedule.min_lr * scale;
}

double Schedule::learning_rate(int64_t step) const {
  const double t = static_cast<double>(step - 1);
  const double warmup = static_cast<double>(warmup_steps_);
  if (t < warmup) return warmup_lr_ + t * (lr_ - warmup_lr_) / warmup;
  const double rest = static_cast<double>(std::max<int64_t>(total_steps_ - warmup_steps_, 1));
  // base/math instead of std::cos: the rate has the same bits on every machine.
  return min_lr_ + 0.5 * (lr_ - min_lr_) * (1 + base::cos_pi(std::min(1.0, (t - warmup) / rest)));
}

}  // namespace swin::trainers
