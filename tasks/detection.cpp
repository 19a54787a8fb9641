#include "tasks/detection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "base/integer.h"
#include "base/parallel.h"
#include "tasks/detection_cascade.h"
#include "tasks/detection_inference.h"
#include "tasks/detection_losses.h"
#include "tasks/detection_meter.h"

namespace swin::tasks {

using base::Size2;

namespace {

constexpr int64_t kForwardPixels = 1 << 20;  // of the images of one forward

/// Windows never shrink and always shift, as in the backbone.
layers::ModelConfig dense(layers::ModelConfig model) {
  model.window_shrink = layers::WindowShrink::always_shift;
  return model;
}

Size2 size_of(const Tensor& map) { return {map.dim(1), map.dim(2)}; }

void append(Losses&& from, Losses& to) {
  for (NamedTensor& loss : from) to.push_back(std::move(loss));
}

/// Adds the losses of a stage to those of the same names.
void add(Losses&& from, Losses& to) {
  for (NamedTensor& loss : from) {
    const auto same = std::find_if(
        to.begin(), to.end(), [&](const NamedTensor& other) { return other.name == loss.name; });
    if (same == to.end())
      to.push_back(std::move(loss));
    else
      same->value = autograd::add(same->value, loss.value);
  }
}

/// The masks of the objects' classes as probabilities, the mean over the stages: (n, M, M, classes)
/// each → (n, M, M).
Tensor own_masks(const std::vector<Tensor>& stages, const std::vector<int64_t>& classes) {
  const int64_t count = stages[0].dim(0), side = stages[0].dim(1), channels = stages[0].dim(3);
  Tensor masks = Tensor::filled({count, side, side}, 0);
  if (!masks.data()) return masks;
  const int64_t area = side * side;
  real* to = masks.mutable_data();
  for (const Tensor& logits : stages)
    for (int64_t i = 0; i < count; ++i) {
      const real* from = logits.data() + i * area * channels + classes[static_cast<size_t>(i)];
      for (int64_t k = 0; k < area; ++k)
        to[i * area + k] +=
            1 / (1 + std::exp(-from[k * channels])) / static_cast<real>(stages.size());
    }
  return masks;
}

[[noreturn]] void throw_not_a_number() {
  throw base::DivergedError("detection",
                            "found a proposal that is not a number, expected finite "
                            "predictions",
                            "take the weights of an earlier checkpoint");
}

Tensor rows_of(const Boxes& boxes) {
  Tensor rows({std::ssize(boxes), 4});
  if (!rows.data()) return rows;
  real* to = rows.mutable_data();
  for (const data::BoundingBox& box : boxes)
    for (const double x : {box.x1, box.y1, box.x2, box.y2}) *to++ = static_cast<real>(x);
  return rows;
}

/// (n, 6), in pixels of the image as loaded.
Tensor detections_of(const Found& found, const Size2& size, const Size2& original) {
  Tensor rows({std::ssize(found.boxes), 6});
  if (!rows.data()) return rows;
  const double y = static_cast<double>(original[0]) / static_cast<double>(size[0]),
               x = static_cast<double>(original[1]) / static_cast<double>(size[1]);
  real* to = rows.mutable_data();
  for (size_t i = 0; i < found.boxes.size(); ++i) {
    const data::BoundingBox& box = found.boxes[i];
    for (const double value : {box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y, found.scores[i],
                               static_cast<double>(found.classes[i])})
      *to++ = static_cast<real>(value);
  }
  return rows;
}

}  // namespace

Detection::Detection(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
                     bool with_gradients)
    : config_(dense(model)),
      options_(detection_options(config.own, model)),
      model_(layers::Scope(parameters_), config_, options_.model) {
  if (model.num_classes < 1)
    throw base::UsageError("model.num_classes", "found " + std::to_string(model.num_classes) +
                                                    ", expected at least 1: the background is "
                                                    "none of them");
  parameters_.allocate(with_gradients);
  parameters_.initialize(seed);
  model_.freeze(parameters_);
}

Count Detection::count(const data::Batch& batch) const {
  const PyramidAnchors anchors =
      pyramid_anchors(options_.anchors, model_.strides(), batch.padded_size);
  return {count_anchors(batch, anchors, config_.num_classes, options_),
          static_cast<double>(batch.size)};
}

Losses Detection::loss(const Slice& slice, const layers::Pass& pass, const Count& count) const {
  const Rules& rules = options_.rules();
  std::vector<Truth> truths;
  std::vector<Size2> sizes;
  for (int64_t i = 0; i < slice.size; ++i) {
    truths.push_back(truth_of(slice.batch, slice.begin + i, config_.num_classes));
    sizes.push_back(truths.back().image);
  }
  const PyramidAnchors anchors =
      pyramid_anchors(options_.anchors, model_.strides(), slice.batch.padded_size);

  const std::vector<Tensor> pyramid =
      model_.pyramid(images_of(slice, slice.size, config_.in_chans), pass);
  const std::vector<layers::RpnMaps> maps = model_.propose(pyramid);
  Losses losses = {{"loss", Tensor()}};
  append(rpn_losses(maps, rpn_targets(truths, anchors, pass, options_),
                    static_cast<real>(count.at(0) > 0 ? 1 / count[0] : 0), options_),
         losses);

  std::optional<std::vector<Boxes>> proposed =
      proposals(maps, anchors, sizes, options_.training, options_);
  for (int64_t k = 0; k < model_.stages(); ++k) {
    const HeadStage& stage = options_.stages[static_cast<size_t>(k)];
    std::vector<SampledRegions> samples(truths.size());
    const std::string stream = k == 0 ? "roi_sampler" : "roi_sampler." + std::to_string(k);
    if (!base::DryRun::active())
      base::parallel_for(slice.size, [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        samples[at] =
            sample_regions(truths[at], proposed ? (*proposed)[at] : Boxes(), stage, options_,
                           base::Random(pass.seed, stream, pass.step,
                                        pass.first_sample + static_cast<uint64_t>(i)));
      });
    const RegionTargets targets =
        region_targets(truths, samples, config_.num_classes, model_.mask_side(), stage, options_);
    const double share = stage.weight * static_cast<double>(slice.size) / count.at(1);
    const layers::BoxPredictions predictions =
        model_.boxes(pyramid, regions_of(targets.boxes, model_.region_levels(), rules), pass, k);
    add(box_losses(predictions, targets, config_.num_classes, share, stage, options_), losses);
    if (model_.mask_side() > 0)
      add({mask_loss(model_.masks(pyramid,
                                  regions_of(targets.positives, model_.region_levels(), rules), k),
                     targets, share)},
          losses);
    if (proposed && k + 1 < model_.stages())
      proposed = next_proposals(predictions, targets, samples, config_.num_classes, sizes, stage);
  }

  Tensor total = losses[1].value;
  for (size_t i = 2; i < losses.size(); ++i) total = autograd::add(total, losses[i].value);
  // Without proposals that are numbers the loss is none: the loop looks for the op that began it.
  if (!proposed) total = autograd::scale(total, std::numeric_limits<real>::quiet_NaN());
  losses[0].value = total;
  return losses;
}

void Detection::find(const Tensor& images, Detail detail, std::span<const Size2> sizes,
                     std::span<const Size2> originals, int64_t first, Outputs& outputs) const {
  const std::vector<Tensor> pyramid = model_.pyramid(images, {});
  const std::vector<layers::RpnMaps> maps = model_.propose(pyramid);
  const PyramidAnchors anchors =
      pyramid_anchors(options_.anchors, model_.strides(), size_of(images));
  const std::optional<std::vector<Boxes>> proposed =
      proposals(maps, anchors, sizes, options_.inference, options_);
  if (!proposed) throw_not_a_number();
  if (detail == Detail::everything)
    for (size_t level = 0; level < pyramid.size(); ++level) {
      const std::string at = std::to_string(level);
      const auto put = [&](const char* name, const Tensor& map) {
        outputs.push_back({name + at, autograd::permute(map, {0, 3, 1, 2})});
      };
      put("fpn.", pyramid[level]);
      put("rpn_objectness.", maps[level].objectness);
      put("rpn_deltas.", maps[level].deltas);
    }
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string at = std::to_string(first + static_cast<int64_t>(i));
    const auto regions = [&](const Boxes& boxes) {
      std::vector<Boxes> of_images(i + 1);
      of_images[i] = boxes;
      return regions_of(of_images, model_.region_levels(), options_.rules());
    };
    Boxes boxes = (*proposed)[i];
    layers::BoxPredictions predictions;
    Tensor logits;
    for (int64_t k = 0; k < model_.stages(); ++k) {
      if (k > 0) {
        std::optional<Boxes> moved =
            refined(predictions, 0, boxes, {}, config_.num_classes, sizes[i],
                    options_.stages[static_cast<size_t>(k - 1)].coder);
        if (!moved) throw_not_a_number();
        boxes = std::move(*moved);
      }
      predictions = model_.boxes(pyramid, regions(boxes), {}, k);
      logits = k == 0 ? predictions.logits : autograd::add(logits, predictions.logits);
    }
    if (model_.stages() > 1)
      logits = autograd::scale(logits, real{1} / static_cast<real>(model_.stages()));
    const Tensor probabilities = autograd::softmax(logits);
    Found found;
    if (base::DryRun::active())
      found.boxes.resize(static_cast<size_t>(options_.max_detections));
    else
      found = objects_of(probabilities.data(), predictions.deltas.data(), boxes,
                         config_.num_classes, sizes[i], options_);
    if (detail == Detail::everything) {
      outputs.push_back({"proposals." + at, rows_of((*proposed)[i])});
      outputs.push_back({"class_logits." + at, logits});
      outputs.push_back({"box_deltas." + at, predictions.deltas});
    }
    outputs.push_back({"detections." + at, detections_of(found, sizes[i], originals[i])});
    if (model_.mask_side() > 0) {
      std::vector<Tensor> masks;
      for (int64_t k = 0; k < model_.stages(); ++k)
        masks.push_back(model_.masks(pyramid, regions(found.boxes), k));
      outputs.push_back({"masks." + at, own_masks(masks, found.classes)});
    }
    Tensor size({2});
    if (size.data())
      for (const size_t axis : {0, 1})
        size.mutable_data()[axis] = static_cast<real>(originals[i][axis]);
    outputs.push_back({"size." + at, size});
  }
}

Outputs Detection::outputs(const Tensor& images, Detail detail, const ImageInfo& info) const {
  const Size2 padded = size_of(images);
  const auto listed = std::ssize(info.real_sizes);
  std::vector<Size2> sizes(info.real_sizes.begin(), info.real_sizes.end());
  if (listed == 0) sizes.assign(static_cast<size_t>(images.dim(0)), padded);
  std::vector<Size2> originals(info.original_sizes.begin(), info.original_sizes.end());
  if (originals.empty()) originals = sizes;

  Outputs outputs;
  const auto count = std::ssize(sizes);
  if (detail == Detail::everything) {
    find(autograd::slice(images, 0, 0, count), detail, sizes, originals, 0, outputs);
    return outputs;
  }
  const auto own_size = [&](int64_t i) {
    Size2 own = sizes[static_cast<size_t>(i)];
    const int64_t multiple = model_.backbone().outputs().back().stride;
    for (const size_t axis : {0, 1})
      own[axis] = std::min(base::round_up(own[axis], multiple), padded[axis]);
    return own;
  };
  for (int64_t begin = 0, end = 0; begin < count; begin = end) {
    const Size2 size = own_size(begin);
    const int64_t most = std::max<int64_t>(1, kForwardPixels / (size[0] * size[1]));
    for (end = begin + 1; end < std::min(count, begin + most) && own_size(end) == size;) ++end;
    Tensor part = autograd::slice(images, 0, begin, end);
    if (size != padded) part = autograd::pad_or_crop(part, size);
    const auto range = [&](const std::vector<Size2>& all) {
      return std::span(all).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    };
    find(part, detail, range(sizes), range(originals), begin, outputs);
  }
  return outputs;
}

std::unique_ptr<Meter> Detection::meter() const {
  return detection_meter(options_, config_.num_classes);
}

std::vector<Answer> Detection::answers(const Outputs& outputs) const {
  std::vector<Answer> answers;
  for (const NamedTensor& output : outputs) {
    if (!output.name.starts_with("size.")) continue;
    const auto image = std::ssize(answers);
    answers.emplace_back().objects = detected(outputs, image, options_);
  }
  return answers;
}

}  // namespace swin::tasks
