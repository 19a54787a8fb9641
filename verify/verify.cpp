#include "verify/verify.h"

#include <algorithm>
#include <string_view>

#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "layers/scope.h"

namespace swin::verify {

using autograd::Tensor;

namespace {

constexpr const char *kSegmentation = "semantic_segmentation", *kDetection = "detection";
constexpr std::string_view kFeatures = "features.", kOutput = "output.", kGradient = "grad.";

// The number after a prefix, "features.2" → 2; −1 unless it is from 0 to end − 1.
int64_t stage_of(const std::string& name, std::string_view prefix, int64_t end) {
  const std::string_view digits = std::string_view(name).substr(prefix.size());
  for (int64_t i = 0; i < end; ++i)
    if (digits == std::to_string(i)) return i;
  return -1;
}

// What is compared, in the order of the report.
struct Expected {
  Asked asked;
  const GoldenTensor* loss = nullptr;
  std::vector<const GoldenTensor*> maps, gradients;
  std::vector<std::string> ignored;

  Expected(const GoldenFile& golden, int64_t num_stages, const tasks::TaskConfig& task) {
    asked.segmentation = task.name == kSegmentation;
    asked.detection = task.name == kDetection;
    std::vector<const GoldenTensor*> features;
    const auto stage = [&](const GoldenTensor& tensor, std::string_view prefix) {
      const int64_t number = stage_of(tensor.name, prefix, num_stages);
      if (number < 0)
        throw base::WeightError(
            golden.where(),
            "found " + tensor.name + ", expected a stage of 0 … " + std::to_string(num_stages - 1));
      return number;
    };
    asked.reconstruction =
        !asked.detection && (golden.find("reconstruction") || golden.find("mask"));
    for (const GoldenTensor& tensor : golden.tensors()) {
      if (tensor.name.starts_with(kGradient)) {
        gradients.push_back(&tensor);
      } else if (tensor.name == "loss") {
        loss = &tensor;
      } else if (tensor.name == "reconstruction" || asked.detection) {
        maps.push_back(&tensor);
      } else if (asked.segmentation &&
                 (tensor.name == "logits" || tensor.name == "auxiliary_logits")) {
        maps.push_back(&tensor);
      } else if (tensor.name.starts_with(kOutput) && !asked.reconstruction) {
        asked.outputs.push_back(stage(tensor, kOutput));
        maps.push_back(&tensor);
      } else if (tensor.name == "logits" || tensor.name.starts_with(kFeatures)) {
        features.push_back(&tensor);
      } else if (tensor.name != "mask") {
        ignored.push_back(tensor.name);
      }
    }
    std::sort(asked.outputs.begin(), asked.outputs.end());
    if (maps.empty() && !asked.reconstruction) {
      for (const GoldenTensor* tensor : features) {
        if (tensor->name == "logits") {
          asked.logits = true;
          maps.insert(maps.begin(), tensor);
        } else {
          stage(*tensor, kFeatures);
          maps.push_back(tensor);
        }
      }
    } else {  // not computed by a backbone or SimMIM
      for (const GoldenTensor* tensor : features) ignored.push_back(tensor->name);
    }
    asked.loss = loss;
    asked.gradients = !gradients.empty();
    if (asked.detection && (loss || asked.gradients))
      throw base::WeightError(golden.where(),
                              "found a loss or gradients of a detector, expected its maps and "
                              "answers alone, as golden files have no objects",
                              "leave loss and grad.* out");
    if (maps.empty() && !loss && gradients.empty())
      throw base::WeightError(
          golden.where(),
          "found nothing to compare, expected logits, loss, features.<stage>, output.<stage>, "
          "reconstruction or grad.<parameter>");
  }
};

void compare_gradients(const layers::Parameters& parameters, const GoldenFile& golden,
                       const Expected& expected, VerifyReport& report) {
  for (const GoldenTensor* tensor : expected.gradients)
    if (!parameters.find(tensor->name.substr(kGradient.size())))
      throw base::WeightError(golden.where(),
                              "found " + tensor->name + ", expected the name of a parameter");
  // In the order of the model, because the first gradient that is wrong tells most.
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

VerifyReport verify(const VerifiedWeights& weights, const std::string& golden_file,
                    layers::ModelConfig config, const tasks::TaskConfig& task) {
  const GoldenFile golden(golden_file);
  if (weights.seed && golden.weights().value_or(weights.where) != weights.where)
    throw base::WeightError(
        golden_file,
        "found a golden of the weights " + *golden.weights() + ", expected one of " + weights.where,
        "give " + *golden.weights() + " instead of " + weights.where);

  const Tensor images = golden.images();
  if (images.dim(3) != config.in_chans)
    throw base::WeightError(golden_file, "found an input of " + std::to_string(images.dim(3)) +
                                             " channels, expected the model's " +
                                             std::to_string(config.in_chans));
  config.image_size = {images.dim(1), images.dim(2)};
  const Expected expected(golden, config.num_stages(), task);
  const auto model = verified_model(golden, expected.asked, weights, config, task);
  model->parameters().begin_step();

  VerifyReport report;
  report.ignored = expected.ignored;
  report.weights_unnamed = weights.seed && !golden.weights();
  const auto check = [&](const GoldenTensor& tensor, const Tensor& found) {
    report.tensors.push_back(
        golden.compare(tensor, found.shape(), found.data(), kForwardTolerance));
  };
  const tasks::Outputs outputs = expected.maps.empty() ? tasks::Outputs() : model->outputs(images);
  for (const GoldenTensor* tensor : expected.maps) {
    const auto output = std::find_if(outputs.begin(), outputs.end(),
                                     [&](const auto& o) { return o.name == tensor->name; });
    if (output == outputs.end())
      throw base::WeightError(weights.where, "found no " + tensor->name + " among its outputs, " +
                                                 "expected all that " + golden_file + " holds");
    check(*tensor, output->value);
  }
  if (expected.loss || expected.asked.gradients) {
    autograd::Tape tape;
    std::optional<autograd::Tape::Recording> recording;
    if (expected.asked.gradients) recording.emplace(tape);
    const Tensor loss = model->loss(images);
    recording.reset();
    if (expected.loss) check(*expected.loss, loss);
    if (expected.asked.gradients) {
      tape.backward(loss);
      compare_gradients(model->parameters(), golden, expected, report);
    }
  }
  report.passed = std::all_of(report.tensors.begin(), report.tensors.end(),
                              [](const auto& e) { return e.passed; });
  return report;
}

}  // namespace swin::verify
