#include "tasks/task_table.h"

#include "base/errors.h"

namespace swin::tasks {

std::span<const TaskRow> task_rows() {
  static const std::vector<TaskRow> rows = {
      {.name = "classification",
       .meaning = "one class per image",
       .annotation = Annotation::class_index,
       .metrics = {{"top1", true}, {"top5", true}, {"loss", false}}},
      {.name = "multi_label_classification",
       .meaning = "any number of classes",
       .annotation = Annotation::classes,
       .metrics = {{"mean_average_precision", true}, {"micro_f1", true}, {"loss", false}}},
  };
  return rows;
}

const TaskRow& task_row(const std::string& name) {
  std::string names;
  for (const TaskRow& row : task_rows()) {
    if (name == row.name) return row;
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  throw base::UsageError("task.name", "found \"" + name + "\", expected " + names);
}

bool larger_is_better(const std::string& task, const std::string& metric) {
  for (const MetricRow& row : task_row(task).metrics)
    if (metric == row.name) return row.larger_is_better;
  throw base::InternalError(metric, "found no such metric of " + task + ", expected one");
}

}  // namespace swin::tasks
