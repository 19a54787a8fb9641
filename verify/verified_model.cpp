#include "verify/verified_model.h"

#include <algorithm>
#include <span>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "layers/backbone.h"
#include "tasks/detection.h"
#include "tasks/segmentation.h"
#include "tasks/simmim.h"
#include "tasks/task_table.h"
#include "weights/generated_weights.h"
#include "weights/load_weights.h"

namespace swin::verify {

using autograd::Tensor;
using files::NamedArray;
using layers::ModelConfig;

VerifiedWeights::VerifiedWeights(const std::string& name, const weights::ReadOptions& options)
    : where(name), seed(weights::generated_seed(name)) {
  if (!seed) file = weights::read_weight_file(name, options);
}

namespace {

void fill(layers::Parameters& parameters, const VerifiedWeights& weights,
          std::span<const NamedArray> arrays) {
  if (weights.seed)
    weights::fill_generated(parameters, *weights.seed);
  else
    weights::load_weights(parameters, arrays, weights.where);
}

// Σ x · constants; its gradient with respect to x is the constants.
Tensor weighted_sum(const Tensor& x, const std::vector<double>& constants) {
  Tensor weight({1, x.numel()});
  std::copy(constants.begin(), constants.end(), weight.mutable_data());
  return autograd::linear(autograd::reshape(x, {1, x.numel()}), weight, Tensor());
}

// The images of a golden file as a batch, with its targets if there are classes of whole images.
data::Batch batch_of(const GoldenFile& golden, const Tensor& images, int64_t num_classes = 0) {
  data::Batch batch;
  batch.size = images.dim(0);
  batch.padded_size = {images.dim(1), images.dim(2)};
  batch.images.assign(images.data(), images.data() + images.numel());
  if (!golden.has_target() || num_classes == 0) return batch;
  const Tensor target = golden.target({batch.size, num_classes});
  batch.target_rows.assign(target.data(), target.data() + target.numel());
  return batch;
}

class Classifier : public VerifiedModel {
 public:
  Classifier(const GoldenFile& golden, const Asked& asked, const VerifiedWeights& weights,
             ModelConfig config)
      : golden_(golden),
        has_head_(asked.logits || asked.loss || asked.gradients),
        task_(tasks::make_task({.name = "classification"},
                               sized(golden, weights, std::move(config)), 0, asked.gradients)) {
    if ((asked.loss || asked.gradients) && !golden.has_target())
      throw base::WeightError(
          golden.where(),
          "found a loss or gradients and no target, expected target (B) or (B, classes)");
    const bool whole = weights.seed || weights.file.find("head.weight");
    fill(parameters(), weights, whole ? weights.file.arrays : trunk_of(weights.file));
  }
  layers::Parameters& parameters() override { return task_->parameters(); }

  tasks::Outputs outputs(const Tensor& images) const override {
    return task_->outputs(images, tasks::Detail::everything);
  }
  Tensor loss(const Tensor& images) const override {
    const data::Batch batch = batch_of(golden_, images, task_->model_config().num_classes);
    return task_->loss({batch, 0, batch.size}, {}, task_->count(batch))[0].value;
  }

 private:
  // The config with num_classes, if it leaves that to the weights.
  ModelConfig sized(const GoldenFile& golden, const VerifiedWeights& weights,
                    ModelConfig config) const {
    const NamedArray* head = weights.file.find("head.weight");
    if (!head && !weights.seed) {
      if (has_head_)
        throw base::WeightError(
            weights.where,
            "found weights without a head, expected one for the logits, loss or gradients of " +
                golden.where(),
            "give weights with a head, or a golden of only features.<stage>");
      config.num_classes = 1;
    }
    if (config.num_classes != 0) return config;
    const GoldenTensor* logits = golden.find("logits");
    if (head && head->shape.size() == 2)
      config.num_classes = head->shape[0];
    else if (logits && logits->whole && logits->whole->shape.size() == 2)
      config.num_classes = logits->whole->shape[1];
    else if (!has_head_)
      config.num_classes = 1;
    return config;
  }

  // The stages of a classifier, a backbone or SimMIM's encoder. The layers after them are not
  // compared, so their weights are zeros.
  std::vector<NamedArray> trunk_of(const weights::WeightFile& file) const {
    const auto follows = [](const std::string& name) {
      return name.starts_with("head.") || name.starts_with("norm") || name.starts_with("fc_norm.");
    };
    std::vector<NamedArray> trunk = weights::encoder_of(file.arrays);
    std::erase_if(trunk, [&](const NamedArray& array) { return follows(array.name); });
    const layers::Parameters& own = task_->parameters();
    for (size_t i = 0; i < own.size(); ++i) {
      if (!follows(own[i].name)) continue;
      auto zeros = std::make_shared<std::vector<float>>(static_cast<size_t>(own[i].numel()));
      trunk.push_back(
          NamedArray::of(own[i].name, own[i].shape.dims(), std::span<const float>(*zeros)));
      trunk.back().owner = std::move(zeros);
    }
    return trunk;
  }

  const GoldenFile& golden_;
  bool has_head_;
  std::unique_ptr<tasks::Task> task_;
};

// Computes maps after their norms. The loss is the sum over the golden's outputs of
// mean(map · cotangent); the cotangents are generated from the golden's seed.
class BackboneMaps : public VerifiedModel {
 public:
  BackboneMaps(const GoldenFile& golden, const Asked& asked, const VerifiedWeights& weights,
               const ModelConfig& config)
      : golden_(golden),
        backbone_(layers::Scope(parameters_), config,
                  {.out_stages = weights.seed ? asked.outputs : stages(weights, config)}) {
    if ((asked.loss || asked.gradients) && !golden.seed())
      throw base::WeightError(
          golden.where(),
          "found a loss or gradients of a backbone and no seed, expected `seed` "
          "in the metadata `swin`");
    parameters_.allocate(asked.gradients);
    fill(parameters_, weights, weights.file.arrays);
  }
  layers::Parameters& parameters() override { return parameters_; }

  tasks::Outputs outputs(const Tensor& images) const override {
    tasks::Outputs outputs;
    const std::vector<Tensor> maps = backbone_(images, layers::Pass{});
    for (size_t i = 0; i < maps.size(); ++i)
      outputs.push_back({"output." + std::to_string(backbone_.outputs()[i].stage), maps[i]});
    return outputs;
  }
  Tensor loss(const Tensor& images) const override {
    Tensor loss;
    for (const auto& [name, map] : outputs(images)) {
      if (!golden_.find(name)) continue;
      const Tensor mean = autograd::scale(
          weighted_sum(
              map, weights::generated_numbers(*golden_.seed(), "cotangent." + name, map.numel())),
          real{1} / static_cast<real>(map.numel()));
      loss = loss.defined() ? autograd::add(loss, mean) : mean;
    }
    return loss;
  }

 private:
  // The output stages of a weight file: those that have a norm.
  static std::vector<int64_t> stages(const VerifiedWeights& weights, const ModelConfig& config) {
    std::vector<int64_t> stages;
    for (int64_t i = 0; i < config.num_stages(); ++i)
      if (weights.file.find("norm" + std::to_string(i) + ".weight")) stages.push_back(i);
    if (stages.empty())
      throw base::WeightError(
          weights.where,
          "found no norm of an output stage, expected the weights of a backbone for "
          "output.<stage>");
    return stages;
  }

  const GoldenFile& golden_;
  layers::Parameters parameters_;
  layers::Backbone backbone_;
};

// SimMIM with the golden's mask.
class Reconstruction : public VerifiedModel {
 public:
  Reconstruction(const GoldenFile& golden, const Asked& asked, const VerifiedWeights& weights,
                 const ModelConfig& config)
      : golden_(golden), task_(task_config(config), config, 0, asked.gradients) {
    fill(parameters(), weights, weights.file.arrays);
    task_.set_mask(mask(config));
  }
  layers::Parameters& parameters() override { return task_.parameters(); }

  tasks::Outputs outputs(const Tensor& images) const override {
    return task_.outputs(images, tasks::Detail::everything);
  }
  Tensor loss(const Tensor& images) const override {
    const data::Batch batch = batch_of(golden_, images);
    return task_.loss({batch, 0, batch.size}, {}, task_.count(batch))[0].value;
  }

 private:
  static tasks::TaskConfig task_config(const ModelConfig& config) {
    tasks::TaskConfig task;
    task.own.set("mask_patch_size", {static_cast<double>(config.patch_size)});
    task.own.set("mask_ratio", {0.5});
    return task;
  }
  Tensor mask(const ModelConfig& config) const {
    const Tensor images = golden_.images();
    const int64_t patch = config.patch_size;
    Tensor mask({images.dim(0), images.dim(1) / patch, images.dim(2) / patch});
    const NamedArray& stored = golden_.file().at("mask");
    const std::vector<int64_t> expected = mask.shape().dims();
    if (stored.shape != expected)
      throw base::WeightError(golden_.where(), "found mask " + files::to_text(stored.shape) +
                                                   ", expected " + files::to_text(expected) +
                                                   ", 1 where a patch is hidden");
    std::vector<int64_t> values(static_cast<size_t>(mask.numel()));
    files::read_int64(stored, golden_.where(), values);
    real* hidden = mask.mutable_data();
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] != 0 && values[i] != 1)
        throw base::WeightError(golden_.where(), "found " + std::to_string(values[i]) +
                                                     " in the mask, expected 0 or 1");
      hidden[i] = static_cast<real>(values[i]);
    }
    return mask;
  }

  const GoldenFile& golden_;
  tasks::SimMim task_;
};

// The logits of every pixel; of a golden of a training step those of the batch's statistics.
class PixelLogits : public VerifiedModel {
 public:
  PixelLogits(const GoldenFile& golden, const Asked& asked, const VerifiedWeights& weights,
              ModelConfig config, const tasks::TaskConfig& task)
      : golden_(golden),
        task_({task.name, {tasks::task_row(task.name), task.own}},
              sized(golden, weights, std::move(config)), 0, asked.gradients) {
    if ((asked.loss || asked.gradients) && !golden.has_target())
      throw base::WeightError(
          golden.where(),
          "found a loss or gradients and no target, expected target (B, H, W), 255 where ignored");
    fill(parameters(), weights, weights.file.arrays);
    pass_.training = golden.training();
  }
  layers::Parameters& parameters() override { return task_.parameters(); }

  tasks::Outputs outputs(const Tensor& images) const override {
    const layers::UperNet::Logits logits = task_.logits(images, pass_, true);
    tasks::Outputs outputs = {{"logits", autograd::permute(logits.decode, {0, 3, 1, 2})}};
    if (logits.auxiliary.defined())
      outputs.push_back({"auxiliary_logits", autograd::permute(logits.auxiliary, {0, 3, 1, 2})});
    return outputs;
  }
  Tensor loss(const Tensor& images) const override {
    data::Batch batch = batch_of(golden_, images);
    for (data::LabelMap& map : golden_.label_maps(batch.padded_size, batch.size))
      batch.annotations.emplace_back(std::move(map));
    return task_.loss({batch, 0, batch.size}, pass_, task_.count(batch))[0].value;
  }

 private:
  static ModelConfig sized(const GoldenFile& golden, const VerifiedWeights& weights,
                           ModelConfig config) {
    const NamedArray* head = weights.file.find("decode_head.conv_seg.weight");
    const GoldenTensor* logits = golden.find("logits");
    if (config.num_classes == 0 && head)
      config.num_classes = head->shape.at(0);
    else if (config.num_classes == 0 && logits && logits->whole && logits->whole->shape.size() == 4)
      config.num_classes = logits->whole->shape[1];
    return config;
  }

  const GoldenFile& golden_;
  tasks::Segmentation task_;
  layers::Pass pass_;
};

// The maps and answers of a detector. A golden has no objects, so there is no loss.
class FoundObjects : public VerifiedModel {
 public:
  FoundObjects(const VerifiedWeights& weights, ModelConfig config, const tasks::TaskConfig& task)
      : task_({task.name, {tasks::task_row(task.name), task.own}},
              sized(weights, std::move(config)), 0, false) {
    fill(parameters(), weights, weights.file.arrays);
  }
  layers::Parameters& parameters() override { return task_.parameters(); }
  tasks::Outputs outputs(const Tensor& images) const override {
    return task_.outputs(images, tasks::Detail::everything);
  }
  Tensor loss(const Tensor&) const override {
    throw base::InternalError("verify", "found no objects, expected none to be asked for");
  }

 private:
  static ModelConfig sized(const VerifiedWeights& weights, ModelConfig config) {
    if (config.num_classes == 0) config.num_classes = weights.file.num_classes();
    return config;
  }
  tasks::Detection task_;
};

}  // namespace

std::unique_ptr<VerifiedModel> verified_model(const GoldenFile& golden, const Asked& asked,
                                              const VerifiedWeights& weights, ModelConfig config,
                                              const tasks::TaskConfig& task) {
  if (asked.segmentation)
    return std::make_unique<PixelLogits>(golden, asked, weights, std::move(config), task);
  if (asked.detection) return std::make_unique<FoundObjects>(weights, std::move(config), task);
  if (asked.reconstruction) return std::make_unique<Reconstruction>(golden, asked, weights, config);
  if (!asked.outputs.empty()) return std::make_unique<BackboneMaps>(golden, asked, weights, config);
  return std::make_unique<Classifier>(golden, asked, weights, std::move(config));
}

}  // namespace swin::verify
