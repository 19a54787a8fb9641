#include "tasks/task_table.h"

#include "base/errors.h"
#include "tasks/detection_fields.h"

namespace swin::tasks {

namespace {

const base::RowField kLabelSmoothing = {
    .name = "label_smoothing",
    .initial = {0.1},
    .maximum = 1,
    .below_maximum = true,
    .meaning = "share of the target spread over all classes, in training only",
    .official = "MODEL.LABEL_SMOOTHING"};

const base::RowField kFrozenStages = {
    .name = "frozen_stages",
    .kind = base::RowField::Kind::integer,
    .initial = {-1},
    .minimum = -1,
    .maximum = 8,
    .meaning =
        "0: the patch embedding does not learn; k: nor do the first k stages and their "
        "norms, without drop path; -1: all learns",
    .official = "backbone.frozen_stages"};

constexpr double kMostPixels = 65536;  // of a side
constexpr double kMostChannels = 65536;

std::vector<base::RowField> segmentation_fields() {
  using Kind = base::RowField::Kind;
  return {
      {.name = "head.name",
       .kind = Kind::choice,
       .initial = {0},
       .choices = {"upernet"},
       .meaning = "pyramid of pooled maps, then a feature pyramid",
       .official = "decode_head.type"},
      {.name = "head.channels",
       .kind = Kind::integer,
       .initial = {512},
       .minimum = 1,
       .maximum = kMostChannels,
       .meaning = "channels of its convolutions; their arithmetic grows with the square",
       .official = "decode_head.channels"},
      {.name = "head.pool_scales",
       .kind = Kind::integers,
       .initial = {1, 2, 3, 6},
       .minimum = 1,
       .maximum = 1024,
       .least_items = 1,
       .most_items = 16,
       .meaning = "sides of the pooled maps",
       .official = "decode_head.pool_scales"},
      {.name = "head.norm",
       .kind = Kind::choice,
       .initial = {0},
       .choices = {"batch", "group", "frozen"},
       .meaning = "after each convolution of the heads: `batch` by the statistics of a slice, so "
                  "that trainer.micro_batch_size changes them, `group` of an image alone, in 32 "
                  "groups or as many as divide the channels, `frozen` by the stored statistics in "
                  "training, too",
       .official = "norm_cfg"},
      {.name = "head.dropout",
       .initial = {0.1},
       .maximum = 1,
       .below_maximum = true,
       .meaning = "of whole channels before the classifier of each head; Hugging Face has none",
       .official = "decode_head.dropout_ratio"},
      {.name = "head.auxiliary_channels",
       .kind = Kind::integer,
       .initial = {256},
       .minimum = 1,
       .maximum = kMostChannels,
       .meaning = "channels of the auxiliary head, which training alone uses",
       .official = "auxiliary_head.channels"},
      {.name = "head.auxiliary_weight",
       .initial = {0.4},
       .maximum = 100,
       .meaning = "of the auxiliary head's loss; 0: there is no such head",
       .official = "auxiliary_head.loss_decode.loss_weight"},
      {.name = "loss_mean",
       .kind = Kind::choice,
       .initial = {0},
       .choices = {"valid", "all"},
       .meaning =
           "the loss is the mean over the pixels that are not ignored (PyTorch), or over all "
           "(mmsegmentation)",
       .official = "avg_non_ignore"},
      {.name = "class_weights",
       .kind = Kind::numbers,
       .initial = {},
       .nullable = true,
       .maximum = 1e6,
       .least_items = 2,
       .most_items = 65535,
       .meaning = "of the pixels of each class in the cross entropy; null: all 1",
       .official = "loss_decode.class_weight"},
      {.name = "dice_weight",
       .initial = {0},
       .maximum = 100,
       .meaning = "of a Dice loss of the head, in addition; 0: none",
       .official = "DiceLoss.loss_weight"},
      kFrozenStages,
      {.name = "inference.mode",
       .kind = Kind::choice,
       .initial = {0},
       .choices = {"whole", "slide"},
       .meaning = "in evaluation and prediction: the image at once, or in overlapping windows",
       .official = "test_cfg.mode"},
      {.name = "inference.crop",
       .kind = Kind::size,
       .initial = {},
       .nullable = true,
       .minimum = 1,
       .maximum = kMostPixels,
       .meaning = "slide: size of the windows in pixels; null: model.image_size",
       .official = "test_cfg.crop_size"},
      {.name = "inference.stride",
       .kind = Kind::size,
       .initial = {},
       .nullable = true,
       .minimum = 1,
       .maximum = kMostPixels,
       .meaning = "slide: from one window to the next; null: 2/3 of the crop",
       .official = "test_cfg.stride"},
      {.name = "inference.scales",
       .kind = Kind::numbers,
       .initial = {1},
       .maximum = 16,
       .above_minimum = true,
       .least_items = 1,
       .most_items = 16,
       .meaning = "factors of the image's sides; the probabilities at all of them are averaged",
       .official = "img_ratios"},
      {.name = "inference.flip",
       .kind = Kind::boolean,
       .initial = {0},
       .meaning = "also average over the mirrored images",
       .official = "flip"},
  };
}

std::vector<base::RowField> detection_and_backbone_fields() {
  std::vector<base::RowField> fields = detection_fields();
  fields.push_back(kFrozenStages);
  return fields;
}

/// COCO's twelve numbers of masks, then of boxes.
std::vector<MetricRow> detection_metric_rows() {
  std::vector<MetricRow> rows;
  for (const char* name : {"segm_AP", "segm_AP50", "segm_AP75", "segm_AP_small", "segm_AP_medium",
                           "segm_AP_large", "segm_AR_1", "segm_AR_10", "segm_AR_100",
                           "segm_AR_small", "segm_AR_medium", "segm_AR_large"})
    rows.push_back({name, true, "mask"});
  for (const char* name :
       {"box_AP", "box_AP50", "box_AP75", "box_AP_small", "box_AP_medium", "box_AP_large",
        "box_AR_1", "box_AR_10", "box_AR_100", "box_AR_small", "box_AR_medium", "box_AR_large"})
    rows.push_back({name, true});
  return rows;
}

}  // namespace

std::span<const TaskRow> task_rows() {
  static const std::vector<TaskRow> rows = {
      {{.name = "classification", .meaning = "one class per image", .fields = {kLabelSmoothing}},
       data::AnnotationKind::one_class,
       {{"top1", true},
        {"top5", true},
        {"loss", false},
        {"balanced_accuracy", true},
        {"macro_precision", true},
        {"macro_f1", true},
        {"ece", false}}},
      {{.name = "multi_label_classification",
        .meaning = "any number of classes",
        .fields = {kLabelSmoothing}},
       data::AnnotationKind::classes,
       {{"mean_average_precision", true},
        {"micro_f1", true},
        {"loss", false},
        {"mean_auroc", true},
        {"macro_precision", true},
        {"macro_recall", true},
        {"macro_f1", true}}},
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
      {{.name = "semantic_segmentation",
        .meaning = "the class of every pixel",
        .fields = segmentation_fields()},
       data::AnnotationKind::label_map,
       {{"mIoU", true}, {"aAcc", true}, {"mAcc", true}, {"mDice", true}}},
      {{.name = "detection",
        .meaning = "the box of every object, its class and its mask",
        .fields = detection_and_backbone_fields()},
       data::AnnotationKind::objects,
       detection_metric_rows(),
       true},
  };
  return rows;
}

const TaskRow& task_row(const std::string& name) {
  return base::row_named(task_rows(), name, "task.name");
}

std::vector<MetricRow> metrics_of(const TaskRow& row, const base::RowValues& own) {
  std::vector<MetricRow> metrics;
  for (const MetricRow& metric : row.metrics)
    if (!metric.only_with || own.boolean(metric.only_with)) metrics.push_back(metric);
  return metrics;
}

const MetricRow* find_metric(const std::string& task, const std::string& metric) {
  for (const TaskRow& row : task_rows())
    if (row.name == task)
      for (const MetricRow& of : row.metrics)
        if (metric == of.name) return &of;
  return nullptr;
}

bool larger_is_better(const std::string& task, const std::string& metric) {
  if (const MetricRow* row = find_metric(task, metric)) return row->larger_is_better;
  throw base::InternalError(metric, "found no such metric of " + task + ", expected one");
}

}  // namespace swin::tasks
