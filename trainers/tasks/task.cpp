#include "trainers/tasks/task.h"

#include "base/errors.h"
#include "trainers/tasks/classification.h"
#include "trainers/tasks/multi_label.h"

namespace swin::trainers {
namespace {

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

}  // namespace swin::trainers
