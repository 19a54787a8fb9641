// Equal to the published models: what torchvision, timm and Hugging Face compute for small cases
// (scripts/reference/make_goldens.py and make_v1_goldens.py; tests/goldens/README.md).
#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "layers/backbone.h"
#include "layers/model.h"
#include "layers/simmim.h"
#include "layers/weights/adapt.h"
#include "layers/weights/counted_weights.h"
#include "tests/layers/golden_support.h"

namespace swin::layers {
namespace {

using trainers::verify;
using trainers::VerifyReport;

// Cases that have a test of their own: what they hold is not a classifier's.
const std::set<std::string> kOthers = {"backbone", "simmim", "simmim_v2", "v1_resized"};

std::vector<std::string> small_cases() {
  std::vector<std::string> names = cases_in("");
  std::erase_if(names, [](const std::string& name) { return kOthers.contains(name); });
  return names;
}

// Most weights are counted; some are in a file, as torchvision would save them.
std::string weights_of(const std::string& name) {
  if (name == "v1_square" || name == "v1_padded") return kGoldens + "v1_square_window.safetensors";
  if (name == "v1_oblong") return kGoldens + "v1_oblong_window.safetensors";
  const trainers::GoldenFile golden(kGoldens + name + ".safetensors");
  const std::string weights = golden.weights().value_or("counted:");
  return counted_seed(weights) ? weights : kGoldens + weights;
}

class Goldens : public testing::TestWithParam<std::string> {
  oracle::EngineState state_;
};

// The goldens are float64 results stored as float32: the double build is held to that rounding, the
// float build to the contract's tolerance. (The libraries make V2's table of coordinates in
// float32.)
double double_tolerance(const ModelConfig& config) {
  return config.name == "swin_v2" ? 5e-6 : 6.5e-8;
}

TEST_P(Goldens, LogitsFeaturesLossAndEveryGradient) {
  const ModelConfig config = config_of(GetParam());
  const VerifyReport report =
      verify(weights_of(GetParam()), kGoldens + GetParam() + ".safetensors", config);
  const Model model(config, 0, false);
  const size_t stages = config.name == "vit" ? 0 : config.depths.size();
  EXPECT_EQ(report.tensors.size(), 2 + stages + model.parameters().size());
  EXPECT_EQ(report.ignored, std::vector<std::string>{});
  EXPECT_EQ(report.without_golden, std::vector<std::string>{});
  EXPECT_TRUE(report.passed);
  double worst = 0;
  for (const auto& tensor : report.tensors) {
    worst = std::max(worst, tensor.max_rel_error);
    EXPECT_TRUE(tensor.passed) << tensor.name << " " << tensor.max_rel_error;
    EXPECT_EQ(tensor.tolerance, tensor.name.starts_with("grad.") ? 1e-4 : 2e-5);
    if (sizeof(real) == 8) {
      EXPECT_LT(tensor.max_rel_error, double_tolerance(config)) << tensor.name;
    }
  }
  RecordProperty("largest_relative_error", std::to_string(worst * 1e9) + "e-9");
}
INSTANTIATE_TEST_SUITE_P(Published, Goldens, testing::ValuesIn(small_cases()),
                         [](const auto& test) { return test_name(test.param); });

// ---- What is no classifier ---------------------------------------------------------------------

// A network of its own parameters, with the counted weights of a golden.
struct Counted {
  explicit Counted(const std::string& name)
      : golden(kGoldens + name + ".safetensors"), config(config_of(name)) {}
  void fill() {
    parameters.allocate(true);
    fill_counted(parameters, *counted_seed(*golden.weights()));
    parameters.begin_update();
  }
  void expect_equal(const std::string& name, const Shape& shape, const real* values) const {
    const trainers::GoldenTensor* tensor = golden.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    const auto error = golden.compare(
        *tensor, shape, values,
        name.starts_with("grad.") ? trainers::kGradientTolerance : trainers::kForwardTolerance);
    EXPECT_LT(error.max_rel_error, sizeof(real) == 8 ? double_tolerance(config) : error.tolerance)
        << name;
  }
  void expect_equal(const std::string& name, const Tensor& tensor) const {
    expect_equal(name, tensor.shape(), tensor.data());
  }
  // Every parameter has a gradient in the golden, and nothing else has.
  void expect_equal_gradients() const {
    size_t stored = 0;
    for (const auto& tensor : golden.tensors()) stored += tensor.name.starts_with("grad.");
    EXPECT_EQ(stored, parameters.size());
    EXPECT_EQ(parameters.without_gradient(), "");
    for (size_t i = 0; i < parameters.size(); ++i)
      expect_equal("grad." + parameters[i].name, parameters[i].shape, parameters.gradient(i));
  }
  trainers::GoldenFile golden;
  ModelConfig config;
  Parameters parameters;
};

// Σ x · constants, whose gradient at x are the constants.
Tensor weighted_sum(const Tensor& x, const std::vector<double>& constants) {
  Tensor weight({1, x.numel()});
  std::copy(constants.begin(), constants.end(), weight.mutable_data());
  return autograd::linear(autograd::reshape(x, {1, x.numel()}), weight, Tensor());
}

class OtherGoldens : public oracle::EngineTest {};

TEST_F(OtherGoldens, BackboneIsHuggingFaces) {
  Counted c("backbone");
  Backbone backbone(Scope(c.parameters), c.config, {.out_stages = {0, 2}});
  c.fill();
  autograd::Tape tape;
  std::vector<Tensor> maps;
  Tensor loss;
  {
    const autograd::Tape::Recording recording(tape);
    maps = backbone(c.golden.images(), Pass{});
    ASSERT_EQ(maps.size(), 2u);
    const auto part = [&](size_t i, const std::string& name) {
      return autograd::scale(
          weighted_sum(maps[i], counted_numbers(7, "cotangent." + name, maps[i].numel())),
          real{1} / static_cast<real>(maps[i].numel()));
    };
    loss = autograd::add(part(0, "output.0"), part(1, "output.2"));
  }
  c.expect_equal("output.0", maps[0]);
  c.expect_equal("output.2", maps[1]);
  c.expect_equal("loss", loss);
  tape.backward(loss);
  c.expect_equal_gradients();
}

// The loss is |x − drawn| over the pixels of hidden patches, divided by their number and channels.
class SimMimGoldens : public Goldens {};

TEST_P(SimMimGoldens, ReconstructionLossAndEveryGradient) {
  Counted c(GetParam());
  const MaskedImageModel model(Scope(c.parameters), c.config);
  c.fill();
  const Tensor images = c.golden.images();
  const int64_t batch = images.dim(0), height = images.dim(1), width = images.dim(2),
                channels = images.dim(3), patch = c.config.patch_size;
  const int64_t rows = height / patch, columns = width / patch;
  std::vector<int64_t> hidden(static_cast<size_t>(batch * rows * columns));
  files::read_int64(c.golden.file().at("mask"), c.golden.where(), hidden);
  Tensor mask({batch, rows, columns});
  std::copy(hidden.begin(), hidden.end(), mask.mutable_data());

  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const Tensor drawn = model(images, mask, Pass{});
  ASSERT_EQ(drawn.shape(), images.shape());
  // The library counts a pixel once, whatever its channels.
  const double hidden_pixels =
      static_cast<double>(std::count(hidden.begin(), hidden.end(), 1) * patch * patch);
  const double factor = 1 / (hidden_pixels + 1e-5) / static_cast<double>(channels);
  std::vector<double> slopes(static_cast<size_t>(drawn.numel()));
  std::vector<real> planes(slopes.size());  // (B, C, H, W), as the golden has it
  double loss = 0;
  for (int64_t i = 0; i < drawn.numel(); ++i) {
    const int64_t channel = i % channels, x = i / channels % width,
                  y = i / channels / width % height, b = i / channels / width / height;
    planes[static_cast<size_t>(((b * channels + channel) * height + y) * width + x)] =
        drawn.data()[i];
    if (hidden[static_cast<size_t>((b * rows + y / patch) * columns + x / patch)] == 0) continue;
    const double difference =
        static_cast<double>(drawn.data()[i]) - static_cast<double>(images.data()[i]);
    loss += factor * std::abs(difference);
    slopes[static_cast<size_t>(i)] = difference > 0 ? factor : -factor;
  }
  c.expect_equal("reconstruction", {batch, channels, height, width}, planes.data());
  const real stored_loss = static_cast<real>(loss);
  c.expect_equal("loss", Shape{}, &stored_loss);
  tape.backward(weighted_sum(drawn, slopes));
  c.expect_equal_gradients();
}
INSTANTIATE_TEST_SUITE_P(HuggingFace, SimMimGoldens, testing::Values("simmim", "simmim_v2"),
                         [](const auto& test) { return test.param; });

// Weights of windows of 4 × 4 begin a model of windows of 6 × 5, as timm's set_input_size does it.
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
    memory.push_back(counted_values(7, entry.name, entry.shape));
    std::vector<int64_t> shape;
    for (int side = 0; side < entry.shape.rank(); ++side) shape.push_back(entry.shape[side]);
    file.arrays.push_back(
        files::NamedArray::of(entry.name, shape, std::span<const float>(memory.back())));
  }

  const trainers::GoldenFile golden(kGoldens + "v1_resized.safetensors");
  Model model(config_of("v1_resized"), 0, true);
  AdaptOptions options;
  options.position_resize = PositionResize::timm;
  const AdaptReport report =
      adapt_weights(model.parameters(), model.config(), file, source, options);
  EXPECT_EQ(report.count(AdaptedTensor::Action::resized), 4);
  model.parameters().begin_update();

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
  expect_equal("logits", logits.shape(), logits.data(), trainers::kForwardTolerance);
  for (size_t i = 0; i < features.size(); ++i)
    expect_equal("features." + std::to_string(i), features[i].shape(), features[i].data(),
                 trainers::kForwardTolerance);
  for (size_t i = 0; i < model.parameters().size(); ++i)
    expect_equal("grad." + model.parameters()[i].name, model.parameters()[i].shape,
                 model.parameters().gradient(i), trainers::kGradientTolerance);
}

TEST(GoldenFiles, AreAllThereAndSmall) {
  const std::vector<std::string> small = small_cases();
  for (const char* name :
       {"v1_square", "v1_padded", "v1_oblong", "v1_roll_then_pad", "v1_per_dimension", "v1_stages",
        "v1_ape", "v2_square", "v2_padded", "v2_oblong_window", "v2_oblong", "v2_pretrained",
        "v2_roll_then_pad", "v2_single_token", "v2_clamped", "vit_token", "vit_avg",
        "vit_huggingface"})
    EXPECT_TRUE(std::find(small.begin(), small.end(), name) != small.end()) << name;
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kGoldens))
    if (entry.is_regular_file()) bytes += entry.file_size();
  EXPECT_LT(bytes, 5'000'000u);
}

}  // namespace
}  // namespace swin::layers
