#include "tasks/segmentation.h"

#include <algorithm>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "tasks/segmentation_metrics.h"

namespace swin::tasks {

using autograd::Array;
using base::Size2;
using data::LabelMap;

namespace {

const std::string kClassMap = "class_map.";

const LabelMap& map_of(const data::Batch& batch, int64_t i) {
  const auto at = static_cast<size_t>(i);
  if (at < batch.annotations.size())
    if (const auto* map = std::get_if<LabelMap>(&batch.annotations[at])) return *map;
  throw base::InternalError(
      "batch", "found image " + std::to_string(i) + " without a label map, expected one for each");
}

/// Windows never shrink and always shift, as in the backbone.
layers::ModelConfig dense(layers::ModelConfig model) {
  model.window_shrink = layers::WindowShrink::always_shift;
  return model;
}

layers::UperNetOptions upernet_options(const base::RowValues& own) {
  layers::UperNetOptions options;
  options.channels = own.integer("head.channels");
  options.pool_scales = own.integers("head.pool_scales");
  options.norm = static_cast<layers::Norm>(own.integer("head.norm"));
  options.dropout = own.number("head.dropout");
  if (own.number("head.auxiliary_weight") > 0)
    options.auxiliary_channels = own.integer("head.auxiliary_channels");
  else
    options.auxiliary_channels = 0;
  options.frozen_stages = own.integer("frozen_stages");
  return options;
}

InferenceOptions inference_options(const base::RowValues& own, const layers::ModelConfig& model) {
  const auto size = [&](const char* name, const Size2& otherwise) {
    const std::vector<int64_t> value = own.integers(name);
    return value.empty() ? otherwise : Size2{value[0], value[1]};
  };
  InferenceOptions options;
  options.slide = own.integer("inference.mode") == 1;
  options.crop = size("inference.crop", model.image_size);
  // As the published configs: 341 of 512, 426 of 640.
  options.stride = size("inference.stride", {std::max<int64_t>(1, options.crop[0] * 2 / 3),
                                             std::max<int64_t>(1, options.crop[1] * 2 / 3)});
  for (size_t axis = 0; axis < 2 && options.slide; ++axis)
    if (options.stride[axis] > options.crop[axis])
      throw base::UsageError("task.inference.stride",
                             "found " + base::size_text(options.stride) +
                                 ", expected at most the windows, " + base::size_text(options.crop),
                             "pixels between the windows would have no class");
  options.scales = own.numbers("inference.scales");
  options.flip = own.boolean("inference.flip");
  return options;
}

class SegmentationMeter : public Meter {
 public:
  explicit SegmentationMeter(int64_t classes) : counts_(classes) {}

  void add(const Outputs& outputs, const data::Batch& batch) override {
    for (int64_t i = 0; i < batch.size; ++i) {
      const LabelMap& labels = map_of(batch, i);
      const Tensor& map = output(outputs, kClassMap + std::to_string(i));
      if (map.dim(0) != labels.height || map.dim(1) != labels.width)
        throw base::InternalError("segmentation", "found a class map of " +
                                                      base::size_text(map.dim(0), map.dim(1)) +
                                                      " and a label map of " +
                                                      base::size_text(labels.height, labels.width));
      predicted_.assign(map.data(), map.data() + map.numel());
      counts_.add(predicted_, labels.classes);
    }
  }
  Metrics metrics() const override { return counts_.metrics(); }
  std::vector<Metrics> per_class() const override {
    std::vector<Metrics> rows;
    for (int64_t k = 0; k < counts_.classes(); ++k)
      rows.push_back(
          {{"IoU", counts_.iou(k)}, {"Acc", counts_.accuracy(k)}, {"Dice", counts_.dice(k)}});
    return rows;
  }

 private:
  PixelCounts counts_;
  std::vector<uint16_t> predicted_;
};

}  // namespace

Segmentation::Segmentation(const TaskConfig& config, const layers::ModelConfig& model,
                           uint64_t seed, bool with_gradients)
    : config_(dense(model)),
      auxiliary_weight_(config.own.number("head.auxiliary_weight")),
      dice_weight_(config.own.number("dice_weight")),
      valid_mean_(config.own.integer("loss_mean") == 0),
      class_weights_(config.own.numbers("class_weights")),
      inference_(inference_options(config.own, model)),
      model_(layers::Scope(parameters_), config_, upernet_options(config.own)) {
  if (model.num_classes < 2)
    throw base::UsageError("model.num_classes",
                           "found " + std::to_string(model.num_classes) +
                               ", expected at least 2: the background is a class, too");
  if (!class_weights_.empty() && std::ssize(class_weights_) != model.num_classes)
    throw base::UsageError("task.class_weights", "found " + std::to_string(class_weights_.size()) +
                                                     " weights, expected one for each of the " +
                                                     std::to_string(model.num_classes) +
                                                     " classes");
  parameters_.allocate(with_gradients);
  parameters_.initialize(seed);
  model_.freeze(parameters_);
}

Count Segmentation::count(const data::Batch& batch) const {
  const auto images = static_cast<double>(batch.size);
  const auto [height, width] = batch.padded_size;
  const double all = images * static_cast<double>(height * width);
  if (!valid_mean_ || base::DryRun::active()) return {all, images};
  std::vector<int64_t> pixels(static_cast<size_t>(config_.num_classes));
  for (int64_t i = 0; i < batch.size; ++i)
    for (const uint16_t label : map_of(batch, i).classes)
      if (label < pixels.size()) ++pixels[label];
  double count = 0;
  for (size_t k = 0; k < pixels.size(); ++k)
    count += static_cast<double>(pixels[k]) * (class_weights_.empty() ? 1 : class_weights_[k]);
  return {count, images};
}

Array<int32_t> Segmentation::labels_of(const Slice& slice) const {
  const auto [height, width] = slice.batch.padded_size;
  Array<int32_t> labels(slice.size * height * width);
  if (!labels.data()) return labels;
  std::fill_n(labels.data(), labels.size(), -1);
  for (int64_t i = 0; i < slice.size; ++i) {
    const LabelMap& map = map_of(slice.batch, slice.begin + i);
    if (map.height > height || map.width > width)
      throw base::InternalError("segmentation",
                                "found a label map of " + base::size_text(map.height, map.width) +
                                    " for images of " + base::size_text(height, width));
    for (int64_t y = 0; y < map.height; ++y)
      for (int64_t x = 0; x < map.width; ++x) {
        const uint16_t label = map.classes[static_cast<size_t>(y * map.width + x)];
        if (label == LabelMap::kIgnored) continue;
        if (label >= config_.num_classes)
          throw base::DataError("image " + std::to_string(slice.begin + i) + " of the batch",
                                "found the class " + std::to_string(label) + " at row " +
                                    std::to_string(y) + ", column " + std::to_string(x) +
                                    ", expected 0 … " + std::to_string(config_.num_classes - 1),
                                "look for it with: swin data check");
        labels.data()[(i * height + y) * width + x] = label;
      }
  }
  return labels;
}

layers::UperNet::Logits Segmentation::logits(const Tensor& images, const layers::Pass& pass,
                                             bool auxiliary) const {
  const Size2 size = {images.dim(1), images.dim(2)};
  layers::UperNet::Logits logits = model_(images, pass, auxiliary);
  logits.decode = autograd::resize_bilinear(logits.decode, size);
  if (logits.auxiliary.defined())
    logits.auxiliary = autograd::resize_bilinear(logits.auxiliary, size);
  return logits;
}

Losses Segmentation::loss(const Slice& slice, const layers::Pass& pass, const Count& count) const {
  const Array<int32_t> labels = labels_of(slice);
  Tensor weights;
  if (!class_weights_.empty()) {
    weights = Tensor({config_.num_classes});
    if (weights.data())
      std::copy(class_weights_.begin(), class_weights_.end(), weights.mutable_data());
  }
  const auto part_of = [](double weight, double of) {
    return static_cast<real>(of > 0 ? weight / of : 0);
  };
  const Size2& size = slice.batch.padded_size;
  const layers::UperNet::Logits logits =
      model_(images_of(slice, slice.size, config_.in_chans), pass, true);
  const auto cross_entropy = [&](const Tensor& map, double weight) {
    return autograd::resized_cross_entropy(map, size, labels, weights,
                                           part_of(weight, count.at(0)));
  };
  Losses losses = {{"loss", Tensor()}, {"decode_loss", cross_entropy(logits.decode, 1)}};
  if (logits.auxiliary.defined())
    losses.push_back({"auxiliary_loss", cross_entropy(logits.auxiliary, auxiliary_weight_)});
  if (dice_weight_ > 0)
    losses.push_back(
        {"dice_loss", autograd::dice_loss(autograd::resize_bilinear(logits.decode, size), labels,
                                          part_of(dice_weight_, count.at(1)))});
  Tensor total = losses[1].value;
  for (size_t i = 2; i < losses.size(); ++i) total = autograd::add(total, losses[i].value);
  losses[0].value = total;
  return losses;
}

Outputs Segmentation::outputs(const Tensor& images, Detail detail, const ImageInfo& info) const {
  Outputs outputs;
  if (detail == Detail::everything) {
    const layers::UperNet::Logits all = logits(images, {}, true);
    outputs.push_back({"logits", autograd::permute(all.decode, {0, 3, 1, 2})});
    if (all.auxiliary.defined())
      outputs.push_back({"auxiliary_logits", autograd::permute(all.auxiliary, {0, 3, 1, 2})});
    return outputs;
  }
  const auto decode = [&](const Tensor& part) { return logits(part, {}, false).decode; };
  std::vector<Tensor> maps = class_maps(decode, inference_, images, info);
  for (size_t i = 0; i < maps.size(); ++i)
    outputs.push_back({kClassMap + std::to_string(i), std::move(maps[i])});
  return outputs;
}

std::unique_ptr<Meter> Segmentation::meter() const {
  return std::make_unique<SegmentationMeter>(config_.num_classes);
}

std::vector<Answer> Segmentation::answers(const Outputs& outputs) const {
  std::vector<Answer> answers;
  for (const NamedTensor& output : outputs) {
    const Tensor& map = output.value;
    LabelMap& answer = answers.emplace_back().map.emplace();
    answer.height = map.dim(0);
    answer.width = map.dim(1);
    answer.classes.assign(map.data(), map.data() + map.numel());
  }
  return answers;
}

}  // namespace swin::tasks
