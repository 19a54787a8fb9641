#include "tasks/detection_targets.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/errors.h"
#include "base/integer.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "data/run_lengths.h"
#include "tasks/detection/mask_targets.h"
#include "tasks/detection/matcher.h"

namespace swin::tasks {

using autograd::Tensor;
using base::Size2;
using data::BoundingBox;

namespace {

/// The multiple that an image alone is padded to: the stride of the published models' coarsest
/// stage.
constexpr int64_t kOwnMultiple = 32;

/// The matches of the anchors of an image that count.
struct AnchorMatches {
  std::vector<int32_t> anchors;  // their indices over all levels
  Boxes boxes;
  std::vector<int32_t> matches;  // as of match()
};

bool inside(const BoundingBox& box, const Size2& image) {
  return box.x1 >= 0 && box.y1 >= 0 && box.x2 < static_cast<double>(image[1]) &&
         box.y2 < static_cast<double>(image[0]);
}

AnchorMatches match_anchors(const Truth& truth, const PyramidAnchors& anchors,
                            const DetectionOptions& options) {
  const Size2 own = {base::round_up(truth.image[0], kOwnMultiple),
                     base::round_up(truth.image[1], kOwnMultiple)};
  AnchorMatches result;
  int32_t first = 0;
  for (size_t level = 0; level < anchors.levels.size(); ++level) {
    const Boxes& boxes = anchors.levels[level];
    const std::vector<uint8_t> valid =
        valid_anchors(options.anchors, static_cast<int64_t>(level), anchors.maps[level], own);
    for (size_t i = 0; i < boxes.size(); ++i) {
      if (!valid[i] || (options.anchors_inside_image() && !inside(boxes[i], truth.image))) continue;
      result.anchors.push_back(first + static_cast<int32_t>(i));
      result.boxes.push_back(boxes[i]);
    }
    first += static_cast<int32_t>(boxes.size());
  }
  result.matches = match(truth.boxes, result.boxes, rpn_match_options(), options.rules());
  return result;
}

void append(const std::array<double, 4>& deltas, std::vector<real>& to) {
  for (const double delta : deltas) to.push_back(static_cast<real>(delta));
}

/// The first rows and columns of a mask on a canvas.
std::vector<uint8_t> cropped(const std::vector<uint8_t>& pixels, const Size2& canvas,
                             const Size2& size) {
  std::vector<uint8_t> result;
  result.reserve(static_cast<size_t>(size[0] * size[1]));
  for (int64_t y = 0; y < size[0]; ++y) {
    const auto row = pixels.begin() + y * canvas[1];
    result.insert(result.end(), row, row + size[1]);
  }
  return result;
}

/// Regions of a full image, in a dry run.
RegionTargets dry_targets(size_t images, int64_t mask_side, const DetectionOptions& options) {
  const auto each = static_cast<size_t>(options.box_head.count);
  const auto positive = static_cast<size_t>(static_cast<double>(each) * options.box_head.positive);
  RegionTargets targets;
  targets.boxes.assign(images, Boxes(each));
  targets.positives.assign(images, Boxes(positive));
  targets.labels.resize(images * each);
  targets.rows.resize(images * positive);
  targets.deltas.resize(images * positive * 4);
  targets.truth.resize(images * positive * 4);
  if (mask_side > 0)
    targets.masks = Tensor({static_cast<int64_t>(images * positive), mask_side * mask_side});
  return targets;
}

}  // namespace

const data::Objects& objects_of_image(const data::Batch& batch, int64_t image) {
  const auto at = static_cast<size_t>(image);
  if (at < batch.annotations.size())
    if (const auto* objects = std::get_if<data::Objects>(&batch.annotations[at])) return *objects;
  throw base::InternalError("batch", "found image " + std::to_string(image) +
                                         " without objects, expected a list for each");
}

data::RunLengths mask_of(const data::Object& object, const Size2& canvas) {
  if (const auto* polygons = std::get_if<std::vector<data::Polygon>>(&object.mask))
    return data::rasterize(*polygons, canvas[0], canvas[1]);
  if (const auto* runs = std::get_if<data::RunLengths>(&object.mask)) return *runs;
  std::string box;
  for (const double x : {object.box.x1, object.box.y1, object.box.x2, object.box.y2})
    box += " " + std::to_string(std::llround(x));
  throw base::DataError("task.mask",
                        "found an object without a mask, its box" + box +
                            ", expected one for each: masks are learned from and compared",
                        "give it one (`swin data check` counts such objects), or train or "
                        "evaluate with --set task.mask=false: boxes alone");
}

Truth truth_of(const data::Batch& batch, int64_t image, int64_t num_classes) {
  const auto at = static_cast<size_t>(image);
  Truth truth;
  truth.image = at < batch.real_sizes.size() ? batch.real_sizes[at] : batch.padded_size;
  if (base::DryRun::active()) return truth;
  const data::Objects& objects = objects_of_image(batch, image);
  truth.canvas = {objects.height, objects.width};
  for (const data::Object& object : objects.objects) {
    if (object.crowd) continue;
    if (object.class_index < 0 || object.class_index >= num_classes)
      throw base::DataError("image " + std::to_string(image) + " of the batch",
                            "found an object of class " + std::to_string(object.class_index) +
                                ", expected 0 … " + std::to_string(num_classes - 1),
                            "look for it with: swin data check");
    truth.boxes.push_back(object.box);
    truth.classes.push_back(static_cast<int32_t>(object.class_index));
    truth.objects.push_back(&object);
  }
  return truth;
}

double count_anchors(const data::Batch& batch, const PyramidAnchors& anchors, int64_t num_classes,
                     const DetectionOptions& options) {
  const auto [most, fraction] = options.rpn;
  if (base::DryRun::active()) return static_cast<double>(batch.size * most);
  std::vector<int64_t> counts(static_cast<size_t>(batch.size));
  base::parallel_for(batch.size, [&, most = most, fraction = fraction](int64_t i) {
    const AnchorMatches found = match_anchors(truth_of(batch, i, num_classes), anchors, options);
    const SampleCounts sampled = count_sampled(found.matches, most, fraction);
    const int64_t least = options.rules().rpn_counts_at_least_one ? 1 : 0;
    counts[static_cast<size_t>(i)] =
        std::max(sampled.positives, least) + std::max(sampled.negatives, least);
  });
  double sum = 0;
  for (const int64_t count : counts) sum += static_cast<double>(count);
  return sum;
}

RpnTargets rpn_targets(const std::vector<Truth>& truths, const PyramidAnchors& anchors,
                       const layers::Pass& pass, const DetectionOptions& options) {
  const BoxCoder coder = options.rpn_coder();
  std::vector<RpnTargets> images(truths.size());
  if (base::DryRun::active()) {
    RpnTargets targets;
    const auto rows = truths.size() * static_cast<size_t>(options.rpn.count);
    const auto positives = static_cast<size_t>(static_cast<double>(rows) * options.rpn.positive);
    targets.rows.resize(rows);
    targets.objects.resize(rows);
    targets.positives.resize(positives);
    targets.deltas.resize(positives * 4);
    return targets;
  }
  base::parallel_for(std::ssize(truths), [&](int64_t image) {
    const Truth& truth = truths[static_cast<size_t>(image)];
    const AnchorMatches found = match_anchors(truth, anchors, options);
    const Samples samples = sample(found.matches, options.rpn.count, options.rpn.positive,
                                   base::Random(pass.seed, "rpn_sampler", pass.step,
                                                pass.first_sample + static_cast<uint64_t>(image)));
    RpnTargets& to = images[static_cast<size_t>(image)];
    const auto row = [&](int64_t i) {
      return static_cast<int32_t>(image * anchors.count + found.anchors[static_cast<size_t>(i)]);
    };
    for (const int64_t i : samples.positives) {
      to.rows.push_back(row(i));
      to.objects.push_back(1);
      to.positives.push_back(row(i));
      const auto object = static_cast<size_t>(found.matches[static_cast<size_t>(i)]);
      append(coder.encode(truth.boxes[object], found.boxes[static_cast<size_t>(i)]), to.deltas);
    }
    for (const int64_t i : samples.negatives) {
      to.rows.push_back(row(i));
      to.objects.push_back(0);
    }
  });
  RpnTargets all;
  for (const RpnTargets& one : images) {
    all.rows.insert(all.rows.end(), one.rows.begin(), one.rows.end());
    all.objects.insert(all.objects.end(), one.objects.begin(), one.objects.end());
    all.positives.insert(all.positives.end(), one.positives.begin(), one.positives.end());
    all.deltas.insert(all.deltas.end(), one.deltas.begin(), one.deltas.end());
  }
  return all;
}

SampledRegions sample_regions(const Truth& truth, const Boxes& proposals, const HeadStage& stage,
                              const DetectionOptions& options, const base::Random& random) {
  const Rules& rules = options.rules();
  MatchOptions by = box_head_match_options(rules, stage.iou);
  if (options.model.cascade) by.low_quality = false;
  Boxes boxes = proposals;
  std::vector<int32_t> matches;
  if (rules.true_boxes_first) {
    // There, true boxes are not matched: each stands for its own object.
    matches = match(truth.boxes, proposals, by, rules);
    boxes.insert(boxes.begin(), truth.boxes.begin(), truth.boxes.end());
    std::vector<int32_t> own(truth.boxes.size());
    for (size_t i = 0; i < own.size(); ++i) own[i] = static_cast<int32_t>(i);
    matches.insert(matches.begin(), own.begin(), own.end());
  } else {
    boxes.insert(boxes.end(), truth.boxes.begin(), truth.boxes.end());
    matches = match(truth.boxes, boxes, by, rules);
  }
  const Samples samples =
      sample(matches, options.box_head.count, options.box_head.positive, random);
  const int64_t first = rules.true_boxes_first ? 0 : std::ssize(proposals),
                end = first + std::ssize(truth.boxes);
  SampledRegions result;
  for (const std::vector<int64_t>* drawn : {&samples.positives, &samples.negatives})
    for (const int64_t i : *drawn) {
      result.boxes.push_back(boxes[static_cast<size_t>(i)]);
      result.is_true.push_back(i >= first && i < end);
    }
  for (const int64_t i : samples.positives)
    result.objects.push_back(matches[static_cast<size_t>(i)]);
  return result;
}

RegionTargets region_targets(const std::vector<Truth>& truths,
                             const std::vector<SampledRegions>& samples, int64_t num_classes,
                             int64_t mask_side, const HeadStage& stage,
                             const DetectionOptions& options) {
  if (base::DryRun::active()) return dry_targets(samples.size(), mask_side, options);
  RegionTargets targets;
  struct Positive {
    size_t image, object;
    BoundingBox box;
  };
  std::vector<Positive> positives;
  for (size_t image = 0; image < samples.size(); ++image) {
    const SampledRegions& of = samples[image];
    targets.boxes.push_back(of.boxes);
    targets.positives.emplace_back(of.boxes.begin(), of.boxes.begin() + std::ssize(of.objects));
    for (size_t i = 0; i < of.boxes.size(); ++i) {
      if (i >= of.objects.size()) {
        targets.labels.push_back(static_cast<int32_t>(num_classes));
        continue;
      }
      const auto object = static_cast<size_t>(of.objects[i]);
      targets.rows.push_back(static_cast<int32_t>(targets.labels.size()));
      targets.labels.push_back(truths[image].classes[object]);
      const BoundingBox& box = truths[image].boxes[object];
      append(stage.coder.encode(box, of.boxes[i]), targets.deltas);
      append({box.x1, box.y1, box.x2, box.y2}, targets.truth);
      positives.push_back({image, object, of.boxes[i]});
    }
  }
  if (mask_side == 0) return targets;

  const int64_t area = mask_side * mask_side;
  targets.masks = Tensor({std::ssize(positives), area});
  real* masks = targets.masks.mutable_data();
  // An object is drawn once for its regions, which are not in order.
  std::vector<std::pair<size_t, size_t>> objects;
  for (const Positive& positive : positives) objects.emplace_back(positive.image, positive.object);
  std::sort(objects.begin(), objects.end());
  objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
  base::parallel_for(std::ssize(objects), [&](int64_t k) {
    const auto [image, object] = objects[static_cast<size_t>(k)];
    const Truth& truth = truths[image];
    std::vector<uint8_t> pixels = data::to_pixels(mask_of(*truth.objects[object], truth.canvas));
    const Size2 size = options.rules().pads_masks
                           ? truth.canvas
                           : Size2{std::min(truth.image[0], truth.canvas[0]),
                                   std::min(truth.image[1], truth.canvas[1])};
    if (size != truth.canvas) pixels = cropped(pixels, truth.canvas, size);
    for (size_t i = 0; i < positives.size(); ++i) {
      if (positives[i].image != image || positives[i].object != object) continue;
      const std::vector<double> target =
          mask_target(pixels, size, positives[i].box, mask_side, options.rules());
      std::copy(target.begin(), target.end(), masks + static_cast<int64_t>(i) * area);
    }
  });
  return targets;
}

}  // namespace swin::tasks
