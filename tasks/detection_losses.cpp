#include "tasks/detection_losses.h"

#include "autograd/ops/ops.h"
#include "base/pool.h"

namespace swin::tasks {

using autograd::Shape;

namespace {

Tensor column(const std::vector<real>& values, int64_t width) {
  return Tensor::from({std::ssize(values) / width, width}, values);
}

real part_of(double weight, double of) { return static_cast<real>(of > 0 ? weight / of : 0); }

constexpr double kGiouWeight = 10;  // of the published cascades

/// Of the deltas of the regions with an object.
Tensor box_loss(const Tensor& deltas, const RegionTargets& targets, real factor,
                const HeadStage& stage, const DetectionOptions& options) {
  if (!options.model.cascade)
    return autograd::smooth_l1(deltas, column(targets.deltas, 4),
                               static_cast<real>(options.rules().roi_box_beta), factor);
  std::vector<real> boxes;
  for (const Boxes& image : targets.positives)
    for (const data::BoundingBox& box : image)
      for (const double x : {box.x1, box.y1, box.x2, box.y2}) boxes.push_back(static_cast<real>(x));
  const Tensor decoded = autograd::decode_boxes(deltas, column(boxes, 4),
                                                {stage.coder.weights, stage.coder.clamp_below});
  return autograd::giou_loss(decoded, column(targets.truth, 4),
                             static_cast<real>(kGiouWeight) * factor);
}

/// The values of all levels as rows, an image after the other, level by level: (rows, width).
Tensor joined(const std::vector<layers::RpnMaps>& maps, Tensor layers::RpnMaps::*part,
              int64_t width) {
  std::vector<Tensor> levels;
  const int64_t images = (maps[0].*part).dim(0);
  for (const layers::RpnMaps& map : maps)
    levels.push_back(autograd::reshape(map.*part, {images, (map.*part).numel() / images}));
  const Tensor all = autograd::concat(levels, 1);
  return autograd::reshape(all, {all.numel() / width, width});
}

}  // namespace

Losses rpn_losses(const std::vector<layers::RpnMaps>& maps, const RpnTargets& targets, real factor,
                  const DetectionOptions& options) {
  const Tensor logits =
      autograd::take_rows(joined(maps, &layers::RpnMaps::objectness, 1), targets.rows);
  const Tensor deltas =
      autograd::take_rows(joined(maps, &layers::RpnMaps::deltas, 4), targets.positives);
  return {{"rpn_objectness_loss",
           autograd::binary_cross_entropy(logits, column(targets.objects, 1), factor)},
          {"rpn_box_loss", autograd::smooth_l1(deltas, column(targets.deltas, 4),
                                               static_cast<real>(options.rpn_box_beta()), factor)}};
}

Losses box_losses(const layers::BoxPredictions& predictions, const RegionTargets& targets,
                  int64_t num_classes, double share, const HeadStage& stage,
                  const DetectionOptions& options) {
  const real factor = part_of(share, static_cast<double>(targets.labels.size()));
  std::vector<int32_t> rows;  // of the deltas to each positive's class
  for (const int32_t row : targets.rows)
    rows.push_back(row * static_cast<int32_t>(num_classes) +
                   targets.labels[static_cast<size_t>(row)]);
  const Tensor deltas = autograd::take_rows(
      autograd::reshape(predictions.deltas, {predictions.deltas.numel() / 4, 4}), rows);
  return {{"class_loss", autograd::pixel_cross_entropy(
                             predictions.logits, autograd::Array<int32_t>::from(targets.labels),
                             Tensor(), factor)},
          {"box_loss", box_loss(deltas, targets, factor, stage, options)}};
}

NamedTensor mask_loss(const Tensor& logits, const RegionTargets& targets, double share) {
  const int64_t regions = logits.dim(0), area = logits.dim(1) * logits.dim(2);
  std::vector<int32_t> classes;  // of each pixel
  classes.reserve(static_cast<size_t>(regions * area));
  for (const int32_t row : targets.rows)
    classes.insert(classes.end(), static_cast<size_t>(area),
                   targets.labels[static_cast<size_t>(row)]);
  const Tensor own =
      autograd::take_elements(autograd::reshape(logits, {regions * area, logits.dim(3)}), classes);
  return {"mask_loss",
          autograd::binary_cross_entropy(autograd::reshape(own, {regions, area}), targets.masks,
                                         part_of(share, static_cast<double>(regions * area)))};
}

}  // namespace swin::tasks
