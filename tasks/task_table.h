// The plain rows of all tasks: what configs, errors and the data need to know of a task. They
// compile without the engine; what builds a task is a second table, in task.cpp.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/config_row.h"
#include "data/annotation.h"

namespace swin::tasks {

struct MetricRow {
  const char* name;
  bool larger_is_better;
  const char* only_with = nullptr;  ///< a boolean field of the task: without it no such metric
};

struct TaskRow : base::ConfigRow {
  data::AnnotationKind annotation = data::AnnotationKind::none;  ///< of the images it learns from
  std::vector<MetricRow> metrics;
  /// The published multiply-adds of its models include the products of attention.
  bool papers_count_attention = false;
};

/// Whether its data sets and its model's head have classes.
inline bool has_classes(const TaskRow& row) { return row.annotation != data::AnnotationKind::none; }

std::span<const TaskRow> task_rows();
/// @throws UsageError naming the tasks that exist.
const TaskRow& task_row(const std::string& name);
/// The metrics of a task with these fields; the first one chooses the best checkpoint by default.
std::vector<MetricRow> metrics_of(const TaskRow& row, const base::RowValues& own);
/// Null if there is no such task, or it has no such metric, as in a run of another version.
const MetricRow* find_metric(const std::string& task, const std::string& metric);
/// @throws InternalError unless the task has this metric.
bool larger_is_better(const std::string& task, const std::string& metric);

}  // namespace swin::tasks
