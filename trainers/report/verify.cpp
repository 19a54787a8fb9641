#include "trainers/report/verify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "base/json.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "layers/model.h"
#include "layers/weights.h"
#include "trainers/config/config.h"

namespace swin::trainers {

using autograd::Shape;
using autograd::Tensor;
using files::NamedArray;

namespace {

constexpr std::string_view kFeatures = "features.", kGradient = "grad.";

layers::ModelConfig stored_model_config(const std::string& weight_file) {
  if (!files::is_checkpoint(weight_file)) {
    files::SafetensorsFile check(weight_file);  // a missing or damaged file is said first
    throw base::UsageError(weight_file, "found weights alone, expected a config beside them",
                           "add --config CONFIG (its model section is enough)");
  }
  const files::CheckpointFile checkpoint(weight_file);
  try {
    return parse_model_only(base::parse_json(checkpoint.meta("config"), weight_file));
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(weight_file, "found a stored config that is no JSON: " + error.what);
  }
}

std::vector<int64_t> sides(const Shape& shape) {
  std::vector<int64_t> sides;
  for (int i = 0; i < shape.rank(); ++i) sides.push_back(shape[i]);
  return sides;
}

std::string text(std::span<const int64_t> shape) { return files::to_text(shape); }

// (B, C, H, W) of the file as (B, H, W, C).
Tensor read_input(const NamedArray& input, const std::string& where) {
  if (input.shape.size() != 4 || *std::min_element(input.shape.begin(), input.shape.end()) < 1)
    throw base::WeightError(where, "found input " + text(input.shape) + ", expected (B, C, H, W)");
  const int64_t batch = input.shape[0], channels = input.shape[1],
                area = input.shape[2] * input.shape[3];
  std::vector<float> planes(static_cast<size_t>(batch * channels * area));
  files::read_float32(input, where, planes);
  Tensor images({batch, input.shape[2], input.shape[3], channels});
  const float* from = planes.data();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < area; ++i)
        images.mutable_data()[(b * area + i) * channels + c] = *from++;
  return images;
}

// Class indices become one-hot rows.
Tensor read_target(const NamedArray& target, const Shape& logits, const std::string& where) {
  const int64_t batch = logits[0], classes = logits[1];
  Tensor rows = Tensor::filled(logits, 0);
  if (target.shape == std::vector<int64_t>{batch}) {
    std::vector<int64_t> labels(static_cast<size_t>(batch));
    files::read_int64(target, where, labels);
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t label = labels[static_cast<size_t>(b)];
      if (label < 0 || label >= classes)
        throw base::WeightError(where, "found target " + std::to_string(label) + " of image " +
                                           std::to_string(b) + ", expected 0 … " +
                                           std::to_string(classes - 1));
      rows.mutable_data()[b * classes + label] = 1;
    }
  } else if (target.shape == sides(logits)) {
    std::vector<float> values(static_cast<size_t>(logits.numel()));
    files::read_float32(target, where, values);
    std::copy(values.begin(), values.end(), rows.mutable_data());
  } else {
    throw base::WeightError(where, "found target " + text(target.shape) + ", expected (" +
                                       std::to_string(batch) + ") or " + logits.text());
  }
  return rows;
}

TensorError compare(const NamedArray& golden, const Shape& shape, const real* values,
                    double tolerance, const std::string& where) {
  // A loss may be a scalar or one number.
  if (golden.shape != sides(shape) && !(shape.numel() == 1 && golden.num_elements() == 1))
    throw base::WeightError(
        where,
        "found " + golden.name + " with shape " + text(golden.shape) + ", expected " + shape.text(),
        "the golden is of another model or input");
  std::vector<double> expected(static_cast<size_t>(shape.numel()));
  files::read_float64(golden, where, expected);
  TensorError error{golden.name, 0, 0, tolerance, false};
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(values[i]) - expected[i]);
    error.max_abs_error = std::isfinite(difference) ? std::max(error.max_abs_error, difference)
                                                    : std::numeric_limits<double>::infinity();
    if (!std::isfinite(difference)) break;
    largest = std::max(largest, std::abs(expected[i]));
  }
  error.max_rel_error = largest > 0 ? error.max_abs_error / largest : error.max_abs_error;
  error.passed = error.max_rel_error <= tolerance;
  return error;
}

// What the golden file holds, in the order of the report.
struct Golden {
  const NamedArray *input = nullptr, *logits = nullptr, *target = nullptr, *loss = nullptr;
  std::vector<const NamedArray*> features, gradients;
  std::vector<std::string> ignored;

  explicit Golden(const files::SafetensorsFile& file) : input(&file.at("input")) {
    for (const NamedArray& array : file.arrays()) {
      if (array.name == "logits")
        logits = &array;
      else if (array.name == "target")
        target = &array;
      else if (array.name == "loss")
        loss = &array;
      else if (array.name.starts_with(kFeatures))
        features.push_back(&array);
      else if (array.name.starts_with(kGradient))
        gradients.push_back(&array);
      else if (array.name != "input")
        ignored.push_back(array.name);
    }
    const auto by_name = [](const NamedArray* a, const NamedArray* b) { return a->name < b->name; };
    std::sort(features.begin(), features.end(), by_name);
    if (!logits && !loss && features.empty() && gradients.empty())
      throw base::WeightError(
          file.where(),
          "found nothing to compare, expected logits, loss, features.<stage> or "
          "grad.<parameter>");
    if ((loss || !gradients.empty()) && !target)
      throw base::WeightError(
          file.where(),
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

}  // namespace

VerifyReport verify(const std::string& weight_file, const std::string& golden_file,
                    const std::optional<layers::ModelConfig>& config) {
  layers::ModelConfig model_config = config ? *config : stored_model_config(weight_file);
  const std::vector<NamedArray> weights = layers::read_weights(weight_file);
  const files::SafetensorsFile file(golden_file);
  const Golden golden(file);

  const Tensor images = read_input(*golden.input, golden_file);
  if (images.dim(3) != model_config.in_chans)
    throw base::WeightError(golden_file, "found an input of " + std::to_string(images.dim(3)) +
                                             " channels, expected the model's " +
                                             std::to_string(model_config.in_chans));
  model_config.image_size = {images.dim(1), images.dim(2)};
  if (model_config.num_classes == 0)
    for (const NamedArray& array : weights)
      if (array.name == "head.bias" && array.shape.size() == 1)
        model_config.num_classes = array.shape[0];

  const bool with_gradients = !golden.gradients.empty();
  layers::Model model(model_config, 0, with_gradients);
  layers::load_weights(model.parameters(), weights, weight_file);
  model.parameters().begin_update();

  VerifyReport report;
  report.ignored = golden.ignored;
  const auto check = [&](const NamedArray& expected, const Shape& shape, const real* values,
                         double tolerance) {
    report.tensors.push_back(compare(expected, shape, values, tolerance, golden_file));
  };

  autograd::Tape tape;
  std::vector<Tensor> features;
  Tensor logits, loss;
  {
    std::optional<autograd::Tape::Recording> recording;
    if (with_gradients) recording.emplace(tape);
    logits = model.forward(images, layers::Pass{}, &features);
    if (golden.target)
      loss =
          autograd::cross_entropy(logits, read_target(*golden.target, logits.shape(), golden_file),
                                  real{1} / static_cast<real>(logits.dim(0)));
  }
  if (golden.logits) check(*golden.logits, logits.shape(), logits.data(), kForwardTolerance);
  for (const NamedArray* expected : golden.features) {
    const int64_t stage = stage_of(expected->name, static_cast<int64_t>(features.size()));
    if (stage < 0)
      throw base::WeightError(golden_file, "found " + expected->name +
                                               ", expected a stage of 0 … " +
                                               std::to_string(features.size() - 1));
    const Tensor& map = features[static_cast<size_t>(stage)];
    check(*expected, map.shape(), map.data(), kForwardTolerance);
  }
  if (golden.loss) check(*golden.loss, loss.shape(), loss.data(), kForwardTolerance);

  if (with_gradients) {
    tape.backward(loss);
    for (const NamedArray* expected : golden.gradients)
      if (!model.parameters().find(expected->name.substr(kGradient.size())))
        throw base::WeightError(golden_file,
                                "found " + expected->name + ", expected the name of a parameter");
    // In the model's order, which is how people look for the first one that is wrong.
    for (size_t i = 0; i < model.parameters().size(); ++i) {
      const layers::ParameterEntry& entry = model.parameters()[i];
      if (const NamedArray* expected = file.find(std::string(kGradient) + entry.name)) {
        const std::vector<real> zeros(
            entry.tensor.gradient().written() ? 0 : static_cast<size_t>(entry.numel()));
        check(*expected, entry.shape, zeros.empty() ? model.parameters().gradient(i) : zeros.data(),
              kGradientTolerance);
      }
    }
  }
  report.passed = std::all_of(report.tensors.begin(), report.tensors.end(),
                              [](const auto& e) { return e.passed; });
  return report;
}

}  // namespace swin::trainers
