#include "tasks/task_table.h"

#include "base/errors.h"

namespace swin::tasks {

namespace {

const base::RowField kLabelSmoothing = {
    .name = "label_smoothing",
    .initial = {0.1},
    .maximum = 1,
    .below_maximum = true,
    .meaning = "share of the target spread over all classes, in training only",
    .official = "MODEL.LABEL_SMOOTHING"};

}  // namespace

std::span<const TaskRow> task_rows() {
  static const std::vector<TaskRow> rows = {
      {{.name = "classification", .meaning = "one class per image", .fields = {kLabelSmoothing}},
       data::AnnotationKind::one_class,
       {{"top1", true}, {"top5", true}, {"loss", false}}},
      {{.name = "multi_label_classification",
        .meaning = "any number of classes",
        .fields = {kLabelSmoothing}},
       data::AnnotationKind::classes,
       {{"mean_average_precision", true}, {"micro_f1", true}, {"loss", false}}},
      {{.name = "simmim",
        .meaning = "the pixels of hidden patches, without labels",
        .fields = {{.name = "mask_patch_size",
                    .kind = base::RowField::Kind::integer,
                    .initial = {32},
                    .minimum = 1,
                    .maximum = 65536,
                    .meaning = "side in pixels of the cells that are hidden; divides image_size",
                    .official = "DATA.MASK_PATCH_SIZE"},
                   {.name = "mask_ratio",
                    .initial = {0.6},
                    .maximum = 1,
                    .above_minimum = true,
                    .below_maximum = true,
                    .meaning = "part of the cells that is hidden",
                    .official = "DATA.MASK_RATIO"}}},
       data::AnnotationKind::none,
       {{"loss", false}, {"visible_mean_loss", false}}},
  };
  return rows;
}

const TaskRow& task_row(const std::string& name) {
  return base::row_named(task_rows(), name, "task.name");
}

bool larger_is_better(const std::string& task, const std::string& metric) {
  for (const MetricRow& row : task_row(task).metrics)
    if (metric == row.name) return row.larger_is_better;
  throw base::InternalError(metric, "found no such metric of " + task + ", expected one");
}

}  // namespace swin::tasks
