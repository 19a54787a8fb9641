#include "tasks/detection_options.h"

#include "base/errors.h"

namespace swin::tasks {

namespace {

/// A list for each level, the finest first.
std::vector<std::vector<double>> of_levels(const std::vector<double>& sizes, int64_t levels) {
  const int64_t each = std::ssize(sizes) / levels;
  if (each * levels != std::ssize(sizes))
    throw base::UsageError("task.anchors.sizes",
                           "found " + std::to_string(sizes.size()) +
                               ", expected as many for each of the " + std::to_string(levels) +
                               " levels: one more than model.depths has stages",
                           "list those of the finest level first");
  std::vector<std::vector<double>> result;
  for (int64_t level = 0; level < levels; ++level)
    result.emplace_back(sizes.begin() + level * each, sizes.begin() + (level + 1) * each);
  return result;
}

/// mmdetection's stds are 1 / weights. Source of a cascade's: Cai and Vasconcelos 2019,
/// arXiv:1906.09756, with the published Swin recipe's weights.
std::vector<HeadStage> head_stages(const DetectionOptions& options) {
  const bool below = options.rules().clamps_deltas_below;
  const auto stage = [&](double iou, double of_center, double of_size, double weight) {
    return HeadStage{
        iou, {{1 / of_center, 1 / of_center, 1 / of_size, 1 / of_size}, below}, weight};
  };
  if (!options.model.cascade) return {{0.5, {{10, 10, 5, 5}, below}, 1}};
  return {stage(0.5, 0.1, 0.2, 1), stage(0.6, 0.05, 0.1, 0.5), stage(0.7, 0.033, 0.067, 0.25)};
}

}  // namespace

DetectionOptions detection_options(const base::RowValues& own, const layers::ModelConfig& model) {
  DetectionOptions options;
  options.convention = static_cast<Convention>(own.integer("convention"));
  const Rules& rules = options.rules();

  AnchorOptions& anchors = options.anchors;
  anchors.sizes = of_levels(own.numbers("anchors.sizes"), std::ssize(model.depths) + 1);
  anchors.ratios = own.numbers("anchors.ratios");
  anchors.convention = options.convention;
  anchors.first_stride = model.patch_size;

  options.training = {own.integer("rpn.pre_top_train"), own.integer("rpn.post_top_train")};
  options.inference = {own.integer("rpn.pre_top_test"), own.integer("rpn.post_top_test")};
  options.proposal_iou = own.number("rpn.iou");
  options.rpn = {own.integer("rpn.batch"), own.number("rpn.positive")};
  options.box_head = {own.integer("box_head.batch"), own.number("box_head.positive")};
  options.score = own.number("test.score");
  options.iou = own.number("test.iou");
  options.max_detections = own.integer("test.max_detections");

  layers::MaskRcnnOptions& parts = options.model;
  parts.channels = own.integer("neck.channels");
  parts.anchors = anchors.per_place(0);
  parts.box_channels = own.integer("box_head.channels");
  parts.mask = own.boolean("mask");
  parts.mask_channels = own.integer("mask_head.channels");
  parts.mask_convs = own.integer("mask_head.convs");
  for (autograd::RoiAlignOptions* align : {&parts.box_align, &parts.mask_align}) {
    align->sampling_ratio = rules.roi_sampling_ratio;
    align->aligned = rules.roi_aligned;
  }
  parts.initial = static_cast<layers::InitialValues>(options.convention);
  parts.frozen_stages = own.integer("frozen_stages");
  parts.cascade = own.boolean("cascade");
  if (parts.cascade && options.convention != Convention::mmdet)
    throw base::UsageError("task.cascade",
                           "found true with task.convention \"torchvision\", expected \"mmdet\": "
                           "torchvision has no cascade",
                           "set task.convention to \"mmdet\"");
  options.stages = head_stages(options);
  return options;
}

}  // namespace swin::tasks
