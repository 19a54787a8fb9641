// Small models compute the same as torchvision, timm and Hugging Face (tests/goldens/README.md;
// scripts/reference/make_goldens.py and make_v1_goldens.py).
#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "layers/model.h"
#include "tests/layers/model_support.h"
#include "tests/support/golden_files.h"
#include "verify/verify.h"
#include "weights/adapt.h"
#include "weights/generated_weights.h"

namespace swin::verify {
namespace {

using namespace swin::layers;
using namespace swin::test;
using namespace swin::weights;

// Cases with tests of their own: no classifiers, or with adapted weights.
const std::set<std::string> kOthers = {"backbone", "simmim", "simmim_v2", "v1_resized"};

std::vector<std::string> small_cases() {
  std::vector<std::string> names = cases_in("");
  std::erase_if(names, [](const std::string& name) { return kOthers.contains(name); });
  return names;
}

// Most weights are generated, some are in a file with official names.
std::string weights_of(const std::string& name) {
  const GoldenFile golden(kGoldens + name + ".safetensors");
  const std::string weights = golden.weights().value_or("counted:");
  return generated_seed(weights) ? weights : kGoldens + weights;
}

class Goldens : public testing::TestWithParam<std::string> {
  oracle::EngineState state_;
};

// The goldens are float64 results stored as float32: the double build must agree up to that
// rounding, the float build up to verify's tolerance. (The libraries compute the coordinates of
// Swin V2 in float32.)
double double_tolerance(const ModelConfig& config) {
  return config.name == "swin_v2" ? 5e-6 : 6.5e-8;
}

// Everything agrees and nothing is left out. `num_outputs` is the number of tensors besides
// gradients.
void expect_agreement(const std::string& name, size_t num_outputs,
                      const std::vector<std::string>& without_golden = {}) {
  const trainers::Config whole = whole_config_of(name);
  const ModelConfig& config = whole.model;
  const VerifyReport report =
      verify(weights_of(name), kGoldens + name + ".safetensors", config, whole.task);
  EXPECT_EQ(report.ignored, std::vector<std::string>{});
  EXPECT_EQ(report.without_golden, without_golden);
  EXPECT_TRUE(report.passed);
  double worst = 0;
  size_t gradients = 0;
  for (const auto& tensor : report.tensors) {
    const bool is_gradient = tensor.name.starts_with("grad.");
    gradients += is_gradient;
    worst = std::max(worst, tensor.max_rel_error);
    EXPECT_TRUE(tensor.passed) << tensor.name << " " << tensor.max_rel_error;
    EXPECT_EQ(tensor.tolerance, is_gradient ? 1e-4 : 2e-5);
    if (sizeof(real) == 8) {
      EXPECT_LT(tensor.max_rel_error, double_tolerance(config)) << tensor.name;
    }
  }
  EXPECT_GT(gradients, 0u);
  EXPECT_EQ(report.tensors.size(), num_outputs + gradients);
  testing::Test::RecordProperty("largest_relative_error", std::to_string(worst * 1e9) + "e-9");
}

TEST_P(Goldens, LogitsFeaturesLossAndEveryGradient) {
  const ModelConfig config = config_of(GetParam());
  expect_agreement(GetParam(), 2 + (config.name == "vit" ? 0 : config.depths.size()));
}
INSTANTIATE_TEST_SUITE_P(Published, Goldens, testing::ValuesIn(small_cases()),
                         [](const auto& test) { return test_name(test.param); });

class OtherGoldens : public oracle::EngineTest {};

TEST_F(OtherGoldens, BackboneIsHuggingFaces) { expect_agreement("backbone", 3); }

class SimMimGoldens : public Goldens {};
TEST_P(SimMimGoldens, ReconstructionLossAndEveryGradient) { expect_agreement(GetParam(), 2); }
INSTANTIATE_TEST_SUITE_P(HuggingFace, SimMimGoldens, testing::Values("simmim", "simmim_v2"),
                         [](const auto& test) { return test.param; });

// Hugging Face's UPerNet, in evaluation and in a training step.
class DenseGoldens : public Goldens {};
TEST_P(DenseGoldens, LogitsLossAndEveryGradient) {
  // A batch norm subtracts these biases: their gradients are zero but for rounding.
  std::vector<std::string> vanishing;
  if (GetParam().ends_with("_train")) vanishing = {"backbone.norm0.bias", "backbone.norm1.bias"};
  expect_agreement(GetParam(), 3, vanishing);
}
INSTANTIATE_TEST_SUITE_P(HuggingFace, DenseGoldens, testing::ValuesIn(cases_in("dense/")),
                         [](const auto& test) { return test_name(test.param); });

// Weights with windows of 4 × 4 start a model with windows of 6 × 5, as in timm's set_input_size.
TEST_F(OtherGoldens, ResizedWindowsAreTimms) {
  ModelConfig source = config_of("v1_resized");
  source.image_size = {32, 32};
  source.window_size = {4, 4};
  const Model before(source, 0, false);
  WeightFile file;
  file.where = "counted:7";
  std::vector<std::vector<float>> memory;
  for (size_t i = 0; i < before.parameters().size(); ++i) {
    const ParameterEntry& entry = before.parameters()[i];
    memory.push_back(generated_values(7, entry.name, entry.shape));
    file.arrays.push_back(files::NamedArray::of(entry.name, entry.shape.dims(),
                                                std::span<const float>(memory.back())));
  }

  const GoldenFile golden(kGoldens + "v1_resized.safetensors");
  Model model(config_of("v1_resized"), 0, true);
  AdaptOptions options;
  options.position_resize = PositionResize::timm;
  const AdaptReport report =
      adapt_weights(model.parameters(), model.config(), file, source, options);
  EXPECT_EQ(report.count(AdaptedTensor::Action::resized), 4);
  model.parameters().begin_step();

  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  std::vector<Tensor> features;
  const Tensor logits = model.forward(golden.images(), Pass{}, &features);
  tape.backward(autograd::cross_entropy(logits, golden.target(logits.shape()),
                                        real{1} / static_cast<real>(logits.dim(0))));
  // The library resizes in float32.
  const auto expect_equal = [&](const std::string& name, const Shape& shape, const real* values,
                                double tolerance) {
    ASSERT_NE(golden.find(name), nullptr) << name;
    const auto error = golden.compare(*golden.find(name), shape, values, tolerance);
    EXPECT_LT(error.max_rel_error, sizeof(real) == 8 ? 1e-6 : tolerance) << name;
  };
  expect_equal("logits", logits.shape(), logits.data(), kForwardTolerance);
  for (size_t i = 0; i < features.size(); ++i)
    expect_equal("features." + std::to_string(i), features[i].shape(), features[i].data(),
                 kForwardTolerance);
  for (size_t i = 0; i < model.parameters().size(); ++i)
    expect_equal("grad." + model.parameters()[i].name, model.parameters()[i].shape,
                 model.parameters().gradient(i), kGradientTolerance);
}

TEST(GoldenFiles, AreAllThereAndSmall) {
  const std::vector<std::string> small = small_cases();
  for (const char* name :
       {"v1_square", "v1_padded", "v1_oblong", "v1_roll_then_pad", "v1_per_dimension", "v1_stages",
        "v1_ape", "v2_square", "v2_padded", "v2_oblong_window", "v2_oblong", "v2_pretrained",
        "v2_roll_then_pad", "v2_single_token", "v2_clamped", "vit_token", "vit_avg",
        "vit_huggingface"})
    EXPECT_TRUE(std::find(small.begin(), small.end(), name) != small.end()) << name;
  EXPECT_THAT(cases_in("dense/"),
              testing::ElementsAre("dense/upernet", "dense/upernet_group", "dense/upernet_odd",
                                   "dense/upernet_odd_train", "dense/upernet_train"));
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kGoldens))
    if (entry.is_regular_file()) bytes += entry.file_size();
  EXPECT_LT(bytes, 8'000'000u);
}

}  // namespace
}  // namespace swin::verify
