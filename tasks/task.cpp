#include "tasks/task.h"

#include "base/errors.h"
#include "tasks/classification.h"
#include "tasks/multi_label.h"

namespace swin::tasks {

using autograd::Tensor;

namespace {

/// Mixed images have mixed targets: share · own + (1 − share) · partner's.
void mix_targets(std::span<const double> own_share, const Tensor& partners, Tensor& targets) {
  const int64_t classes = targets.numel() / static_cast<int64_t>(own_share.size());
  real* own = targets.mutable_data();
  const real* other = partners.data();
  for (const double share : own_share) {
    for (int64_t c = 0; c < classes; ++c, ++own, ++other)
      *own = static_cast<real>(share * static_cast<double>(*own) +
                               (1 - share) * static_cast<double>(*other));
  }
}

struct Row {
  const char* name;
  std::unique_ptr<Task> (*make)(const TaskConfig&, int64_t num_classes);
};
constexpr Row kTasks[] = {
    {"classification", make_classification},
    {"multi_label_classification", make_multi_label_classification},
};

}  // namespace

std::unique_ptr<Task> make_task(const TaskConfig& config, int64_t num_classes) {
  std::string names;
  for (const Row& row : kTasks) {
    if (config.name == row.name) return row.make(config, num_classes);
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  throw base::UsageError("task.name", "found \"" + config.name + "\", expected " + names);
}

Tensor targets_of(const Task& task, const data::Batch& batch, int64_t begin, int64_t n) {
  const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(n);
  // One label per image, or one per image and class.
  const auto columns = batch.labels.size() / static_cast<size_t>(batch.size);
  const std::span<const int64_t> labels(batch.labels);
  Tensor targets = task.targets(labels.subspan(first * columns, count * columns));
  if (batch.own_share.empty()) return targets;
  std::vector<int64_t> partners;
  for (int64_t i = begin; i < begin + n; ++i) {
    const auto row = labels.subspan(static_cast<size_t>(batch.size - 1 - i) * columns, columns);
    partners.insert(partners.end(), row.begin(), row.end());
  }
  mix_targets(std::span(batch.own_share).subspan(first, count), task.targets(partners), targets);
  return targets;
}

}  // namespace swin::tasks
