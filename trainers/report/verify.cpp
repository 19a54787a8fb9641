#include "trainers/report/verify.h"

#include <algorithm>
#include <string_view>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "base/json.h"
#include "files/checkpoint_file.h"
#include "layers/model.h"
#include "layers/weights/counted_weights.h"
#include "layers/weights/load_weights.h"
#include "trainers/config/config.h"

namespace swin::trainers {

using autograd::Shape;
using autograd::Tensor;
using files::NamedArray;

namespace {

constexpr std::string_view kFeatures = "features.", kGradient = "grad.";

// The weights to verify: read from a file, or counted.
struct Weights {
  explicit Weights(const std::string& name) : where(name), seed(layers::counted_seed(name)) {
    if (!seed) arrays = layers::read_weights(name);
  }
  void load(layers::Parameters& parameters) const {
    if (seed)
      layers::fill_counted(parameters, *seed);
    else
      layers::load_weights(parameters, arrays, where);
  }
  std::string where;
  std::optional<uint64_t> seed;
  std::vector<NamedArray> arrays;
};

layers::ModelConfig stored_model_config(const Weights& weights) {
  if (weights.seed || !files::is_checkpoint(weights.where))
    throw base::UsageError(weights.where, "found weights alone, expected a config beside them",
                           "add --config CONFIG (its model section is enough)");
  const files::CheckpointFile checkpoint(weights.where);
  try {
    return parse_model_only(base::parse_json(checkpoint.meta("config"), weights.where));
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(weights.where, "found a stored config that is no JSON: " + error.what);
  }
}

// Outputs of the head, where the config leaves them to the weights.
int64_t num_classes_of(const Weights& weights, const GoldenFile& golden) {
  for (const NamedArray& array : weights.arrays)
    if (array.name == "head.bias" && array.shape.size() == 1) return array.shape[0];
  const GoldenTensor* logits = weights.seed ? golden.find("logits") : nullptr;
  if (logits && logits->whole && logits->whole->shape.size() == 2) return logits->whole->shape[1];
  return 0;
}

// What is compared, in the order of the report.
struct Expected {
  const GoldenTensor *logits = nullptr, *loss = nullptr;
  std::vector<const GoldenTensor*> features, gradients;
  std::vector<std::string> ignored;

  explicit Expected(const GoldenFile& golden) {
    for (const GoldenTensor& tensor : golden.tensors()) {
      if (tensor.name == "logits")
        logits = &tensor;
      else if (tensor.name == "loss")
        loss = &tensor;
      else if (tensor.name.starts_with(kFeatures))
        features.push_back(&tensor);
      else if (tensor.name.starts_with(kGradient))
        gradients.push_back(&tensor);
      else
        ignored.push_back(tensor.name);
    }
    if (!logits && !loss && features.empty() && gradients.empty())
      throw base::WeightError(
          golden.where(),
          "found nothing to compare, expected logits, loss, features.<stage> or "
          "grad.<parameter>");
    if ((loss || !gradients.empty()) && !golden.has_target())
      throw base::WeightError(
          golden.where(),
          "found a loss or gradients and no target, expected target (B) or (B, classes)");
  }
};

// The stage of "features.2"; −1 where there is none of that number.
int64_t stage_of(const std::string& name, int64_t num_stages) {
  const std::string digits = name.substr(kFeatures.size());
  for (int64_t i = 0; i < num_stages; ++i)
    if (digits == std::to_string(i)) return i;
  return -1;
}

void compare_gradients(const layers::Parameters& parameters, const GoldenFile& golden,
                       const Expected& expected, VerifyReport& report) {
  for (const GoldenTensor* tensor : expected.gradients)
    if (!parameters.find(tensor->name.substr(kGradient.size())))
      throw base::WeightError(golden.where(),
                              "found " + tensor->name + ", expected the name of a parameter");
  // In the model's order, which is how people look for the first one that is wrong.
  for (size_t i = 0; i < parameters.size(); ++i) {
    const layers::ParameterEntry& entry = parameters[i];
    const GoldenTensor* tensor = golden.find(std::string(kGradient) + entry.name);
    if (!tensor) {
      report.without_golden.push_back(entry.name);
      continue;
    }
    const std::vector<real> zeros(
        entry.tensor.gradient().written() ? 0 : static_cast<size_t>(entry.numel()));
    report.tensors.push_back(golden.compare(*tensor, entry.shape,
                                            zeros.empty() ? parameters.gradient(i) : zeros.data(),
                                            kGradientTolerance));
  }
}

}  // namespace

VerifyReport verify(const std::string& weight_file, const std::string& golden_file,
                    const std::optional<layers::ModelConfig>& config) {
  const Weights weights(weight_file);
  layers::ModelConfig model_config = config ? *config : stored_model_config(weights);
  const GoldenFile golden(golden_file);
  const Expected expected(golden);
  if (weights.seed && golden.weights().value_or(weight_file) != weight_file)
    throw base::WeightError(golden_file, "found a golden of the weights " + *golden.weights() +
                                             ", expected one of " + weight_file);

  const Tensor images = golden.images();
  if (images.dim(3) != model_config.in_chans)
    throw base::WeightError(golden_file, "found an input of " + std::to_string(images.dim(3)) +
                                             " channels, expected the model's " +
                                             std::to_string(model_config.in_chans));
  model_config.image_size = {images.dim(1), images.dim(2)};
  if (model_config.num_classes == 0) model_config.num_classes = num_classes_of(weights, golden);

  const bool with_gradients = !expected.gradients.empty();
  layers::Model model(model_config, 0, with_gradients);
  weights.load(model.parameters());
  model.parameters().begin_update();

  autograd::Tape tape;
  std::vector<Tensor> features;
  Tensor logits, loss;
  {
    std::optional<autograd::Tape::Recording> recording;
    if (with_gradients) recording.emplace(tape);
    logits = model.forward(images, layers::Pass{}, &features);
    if (golden.has_target())
      loss = autograd::cross_entropy(logits, golden.target(logits.shape()),
                                     real{1} / static_cast<real>(logits.dim(0)));
  }
  VerifyReport report;
  report.ignored = expected.ignored;
  const auto check = [&](const GoldenTensor& tensor, const Tensor& found) {
    report.tensors.push_back(
        golden.compare(tensor, found.shape(), found.data(), kForwardTolerance));
  };
  if (expected.logits) check(*expected.logits, logits);
  for (const GoldenTensor* tensor : expected.features) {
    const int64_t stage = stage_of(tensor->name, static_cast<int64_t>(features.size()));
    if (stage < 0)
      throw base::WeightError(golden_file, "found " + tensor->name + ", expected a stage of 0 … " +
                                               std::to_string(features.size() - 1));
    check(*tensor, features[static_cast<size_t>(stage)]);
  }
  if (expected.loss) check(*expected.loss, loss);
  if (with_gradients) {
    tape.backward(loss);
    compare_gradients(model.parameters(), golden, expected, report);
  }
  report.passed = std::all_of(report.tensors.begin(), report.tensors.end(),
                              [](const auto& e) { return e.passed; });
  return report;
}

}  // namespace swin::trainers
