// Equal to the published model: torchvision's numbers, made by
// scripts/reference/make_v1_goldens.py; and verify, which compares them, notices what is wrong.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "base/errors.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "layers/weights.h"
#include "tests/files/temporary_directory.h"
#include "tests/layers/model_support.h"
#include "trainers/config/config.h"
#include "trainers/report/verify.h"

namespace swin::layers {
namespace {

using files::NamedArray;
using files::testing::message_of;
using files::testing::TemporaryDirectory;
using testing::HasSubstr;
using trainers::verify;
using trainers::VerifyReport;

const std::string kGoldens = std::string(SWIN_SOURCE_DIR) + "/tests/goldens/";

struct GoldenCase {
  std::string name, weights;
  size_t stages, parameters;
};
const std::vector<GoldenCase> kCases = {{"v1_square", "v1_square_window", 2, 63},
                                        {"v1_padded", "v1_square_window", 2, 63},
                                        {"v1_oblong", "v1_oblong_window", 3, 66}};

ModelConfig config_of(const std::string& name) {
  return trainers::parse_model_only(trainers::load_config_json(kGoldens + name + ".json"));
}

class Goldens : public testing::TestWithParam<GoldenCase> {
  oracle::EngineState state_;
};

// The goldens are float64 results stored as float32: the double build is held to that rounding, the
// float build to the contract's tolerance.
TEST_P(Goldens, LogitsFeaturesLossAndEveryGradient) {
  const GoldenCase& c = GetParam();
  const VerifyReport report = verify(kGoldens + c.weights + ".safetensors",
                                     kGoldens + c.name + ".safetensors", config_of(c.name));
  EXPECT_EQ(report.tensors.size(), 2 + c.stages + c.parameters);
  EXPECT_TRUE(report.ignored.empty());
  EXPECT_TRUE(report.passed);
  for (const auto& tensor : report.tensors) {
    EXPECT_TRUE(tensor.passed) << tensor.name << " " << tensor.max_rel_error;
    EXPECT_EQ(tensor.tolerance, tensor.name.starts_with("grad.") ? 1e-4 : 2e-5);
    if (sizeof(real) == 8) {
      EXPECT_LT(tensor.max_rel_error, 6.5e-8) << tensor.name;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(V1, Goldens, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(GoldenFiles, AreSmall) {
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kGoldens))
    bytes += entry.file_size();
  EXPECT_LT(bytes, 1'000'000u);
}

// ---- verify sees what is wrong
// --------------------------------------------------------------------------

// A golden or weight file under change.
struct Edit {
  files::SafetensorsFile file;
  std::vector<NamedArray> arrays;
  std::vector<std::vector<float>> memory;

  explicit Edit(const std::string& path) : file(path), arrays(file.arrays()) {}
  NamedArray& at(const std::string& name) {
    for (NamedArray& array : arrays)
      if (array.name == name) return array;
    throw std::runtime_error("no " + name);
  }
  std::vector<float>& numbers(const std::string& name) {
    NamedArray& array = at(name);
    memory.emplace_back(static_cast<size_t>(array.num_elements()));
    files::read_float32(array, "edit", memory.back());
    array.bytes = std::as_bytes(std::span<const float>(memory.back()));
    return memory.back();
  }
  void remove(const std::string& name) {
    std::erase_if(arrays, [&](const NamedArray& array) { return array.name == name; });
  }
};

class Verify : public oracle::EngineTest {
 protected:
  Verify()
      : golden_(kGoldens + "v1_padded.safetensors"),
        weights_(kGoldens + "v1_square_window.safetensors") {
    base::set_num_threads(1);  // a model too small to share
    // Memory of edited numbers must not move.
    golden_.memory.reserve(8);
    weights_.memory.reserve(8);
  }
  VerifyReport run() {
    const std::string golden = (folder_ / "golden.safetensors").string();
    const std::string weights = (folder_ / "weights.safetensors").string();
    files::write_safetensors(golden, golden_.arrays);
    files::write_safetensors(weights, weights_.arrays);
    return verify(weights, golden, config_);
  }
  std::set<std::string> failures() {
    const VerifyReport report = run();
    std::set<std::string> names;
    for (const auto& tensor : report.tensors)
      if (!tensor.passed) names.insert(tensor.name);
    EXPECT_EQ(report.passed, names.empty());
    return names;
  }
  Edit golden_, weights_;
  std::optional<ModelConfig> config_ = config_of("v1_padded");
  TemporaryDirectory folder_;
};

using Names = std::set<std::string>;

TEST_F(Verify, NamesTheTensorThatDiffers) {
  EXPECT_EQ(failures(), Names{});
  golden_.numbers("grad.norm.bias")[3] *= 1.01f;
  golden_.numbers("features.1")[7] += 0.01f;
  EXPECT_EQ(failures(), (Names{"features.1", "grad.norm.bias"}));
}

TEST_F(Verify, ReportsTheLargestDifferenceAndItsShare) {
  std::vector<float>& numbers = golden_.numbers("grad.head.bias");
  std::fill(numbers.begin(), numbers.end(), 0.0f);
  numbers[2] = 4;  // the gradient is far below 1
  const VerifyReport report = run();
  const auto& tensor = *std::find_if(report.tensors.begin(), report.tensors.end(),
                                     [](const auto& t) { return t.name == "grad.head.bias"; });
  EXPECT_GT(tensor.max_abs_error, 3);
  EXPECT_DOUBLE_EQ(tensor.max_rel_error, tensor.max_abs_error / 4);
}

TEST_F(Verify, FailsWhereTheToleranceIsPassedByAHair) {
  std::vector<float>& logits = golden_.numbers("logits");
  float largest = 0;
  size_t place = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::abs(logits[i]) > largest) largest = std::abs(logits[i]), place = i;
  const float exact = logits[place];
  logits[place] = exact * (1 + 1.5e-5f);
  EXPECT_EQ(failures(), Names{});
  logits[place] = exact * (1 + 2.5e-5f);
  EXPECT_EQ(failures(), Names{"logits"});
}

TEST_F(Verify, ANumberThatIsNotFiniteFails) {
  weights_.numbers("head.bias")[1] = NAN;
  const VerifyReport report = run();
  EXPECT_FALSE(report.passed);
  EXPECT_EQ(report.tensors[0].name, "logits");
  EXPECT_TRUE(std::isinf(report.tensors[0].max_abs_error));
}

TEST_F(Verify, AnotherWeightIsNoticedEverywhere) {
  weights_.numbers("layers.0.blocks.1.attn.relative_position_bias_table")[20] += 0.5f;
  const Names names = failures();
  EXPECT_TRUE(names.contains("logits") && names.contains("features.0") && names.contains("loss"));
}

TEST_F(Verify, ComparesWhatThereIs) {
  for (const char* name : {"logits", "loss", "target"}) golden_.remove(name);
  std::erase_if(golden_.arrays,
                [](const NamedArray& array) { return array.name.starts_with("grad."); });
  golden_.at("features.1").name = "note";
  const VerifyReport report = run();
  EXPECT_TRUE(report.passed);
  ASSERT_EQ(report.tensors.size(), 1u);
  EXPECT_EQ(report.tensors[0].name, "features.0");
  EXPECT_EQ(report.ignored, std::vector<std::string>{"note"});
}

TEST_F(Verify, SaysWhatDoesNotFit) {
  const auto message = [&] { return message_of<base::WeightError>([&] { run(); }); };
  const Edit whole(kGoldens + "v1_padded.safetensors");
  golden_.at("grad.norm.bias").name = "grad.norm.bia";
  EXPECT_THAT(message(), HasSubstr("found grad.norm.bia, expected the name of a parameter"));
  golden_.arrays = whole.arrays;
  golden_.at("features.1").name = "features.5";
  EXPECT_THAT(message(), HasSubstr("found features.5, expected a stage of 0 … 1"));
  golden_.arrays = whole.arrays;
  golden_.remove("target");
  EXPECT_THAT(message(), HasSubstr("no target"));
  golden_.arrays = whole.arrays;
  golden_.remove("input");
  EXPECT_THAT(message(), HasSubstr("input"));
  golden_.arrays = {*whole.file.find("input")};
  EXPECT_THAT(message(), HasSubstr("nothing to compare"));
  golden_.arrays = whole.arrays;
  golden_.at("logits").shape = {10, 2};
  EXPECT_THAT(message(), HasSubstr("found logits with shape (10, 2), expected (2, 10)"));
  golden_.arrays = whole.arrays;
  config_->in_chans = 1;
  EXPECT_THAT(message(), HasSubstr("3 channels"));
}

TEST_F(Verify, TargetsMustBeClasses) {
  const int64_t labels[] = {3, 10};
  golden_.at("target") = NamedArray::of("target", {2}, std::span<const int64_t>(labels));
  EXPECT_THAT(message_of<base::WeightError>([&] { run(); }),
              HasSubstr("found target 10 of image 1, expected 0 … 9"));
}

TEST_F(Verify, WeightsAloneNeedAConfig) {
  config_.reset();
  EXPECT_THAT(message_of<base::UsageError>([&] { run(); }), HasSubstr("--config"));
}

TEST_F(Verify, ClassesMayComeFromTheHead) {
  config_->num_classes = 0;
  EXPECT_EQ(failures(), Names{});
}

TEST_F(Verify, ACheckpointBringsItsConfig) {
  files::CheckpointContents contents;
  for (const NamedArray& array : weights_.arrays)
    if (!is_derived_table(array.name)) contents.arrays.push_back(array);
  for (NamedArray& array : contents.arrays) array.name.insert(0, "model/");
  contents.meta = {{"config", base::to_text(trainers::to_json(*config_))}};
  const auto path = folder_ / "last.h5";
  files::write_checkpoint(path, contents);
  const VerifyReport report = verify(path.string(), kGoldens + "v1_padded.safetensors");
  EXPECT_TRUE(report.passed);
  EXPECT_EQ(report.tensors.size(), 67u);
}

// ---- weights by name
// ------------------------------------------------------------------------------------

class Weights : public testing::Test {
 protected:
  Weights()
      : edit_(kGoldens + "v1_square_window.safetensors"), model_(config_of("v1_square"), 1, false) {
    edit_.memory.reserve(8);
  }
  std::string refusal() {
    const std::vector<real> before(model_.parameters().slab(),
                                   model_.parameters().slab() + model_.parameters().slab_numel());
    const std::string message = message_of<base::WeightError>(
        [&] { load_weights(model_.parameters(), edit_.arrays, "file.safetensors"); });
    const std::vector<real> after(model_.parameters().slab(),
                                  model_.parameters().slab() + model_.parameters().slab_numel());
    EXPECT_EQ(after, before) << "a file that does not fit changed the model";
    EXPECT_TRUE(message.starts_with("file.safetensors: ")) << message;
    return message;
  }
  Edit edit_;
  Model model_;
};

TEST_F(Weights, EveryNumberArrives) {
  load_weights(model_.parameters(), kGoldens + "v1_square_window.safetensors");
  for (size_t i = 0; i < model_.parameters().size(); ++i) {
    const ParameterEntry& entry = model_.parameters()[i];
    std::vector<float> expected(static_cast<size_t>(entry.numel()));
    files::read_float32(edit_.at(entry.name), "file", expected);
    EXPECT_EQ(entry.tensor.values(), std::vector<real>(expected.begin(), expected.end()))
        << entry.name;
  }
}

TEST_F(Weights, MissingUnknownAndMisshapenAreNamed) {
  edit_.remove("norm.bias");
  EXPECT_THAT(refusal(), HasSubstr("found no norm.bias, expected it with shape (32)"));
  edit_.arrays = edit_.file.arrays();
  edit_.at("norm.bias").name = "norm.beta";
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("norm.bias"),
                                        HasSubstr("found norm.beta, expected no parameter")));
  edit_.arrays = edit_.file.arrays();
  edit_.at("head.weight").shape = {32, 10};
  EXPECT_THAT(refusal(), HasSubstr("found head.weight with shape (32, 10), expected (10, 32)"));
  edit_.arrays = edit_.file.arrays();
  edit_.arrays.push_back(edit_.at("head.bias"));
  EXPECT_THAT(refusal(), HasSubstr("head.bias twice"));
}

TEST_F(Weights, ATypeThatWouldBeRoundedIsRefused) {
  const std::vector<double> values(10, 0.1);
  edit_.at("head.bias") = NamedArray::of("head.bias", {10}, std::span<const double>(values));
  EXPECT_THAT(refusal(),
              testing::AllOf(HasSubstr("head.bias of type f64"), HasSubstr("expected f32")));
}

TEST_F(Weights, AnotherModelIsTold) {
  Model other(config_of("v1_oblong"), 1, false);
  const std::string message =
      message_of<base::WeightError>([&] { load_weights(other.parameters(), edit_.arrays, "x"); });
  EXPECT_THAT(message, HasSubstr(" more"));
  EXPECT_LT(message.size(), 500u);
}

TEST_F(Weights, DerivedTablesArePassedOver) {
  const std::vector<float> mask(4096, 0);
  EXPECT_NO_THROW(
      edit_.at("layers.0.blocks.1.attn.relative_position_index"));  // torchvision stores it
  edit_.arrays.push_back(NamedArray::of("layers.0.blocks.1.attn_mask", {16, 16, 16}, mask));
  edit_.arrays.push_back(NamedArray::of("layers.0.blocks.1.attn.relative_coords_table",
                                        {1, 7, 7, 2}, std::span<const float>(mask).first(98)));
  EXPECT_NO_THROW(load_weights(model_.parameters(), edit_.arrays, "file"));
  EXPECT_TRUE(is_derived_table("attn_mask"));
  EXPECT_FALSE(is_derived_table("layers.0.blocks.1.attn.relative_position_bias_table"));
  EXPECT_FALSE(is_derived_table("my_attn_mask"));
}

TEST_F(Weights, HalfNumbersAreWidened) {
  std::vector<uint16_t> bits(10, 0x3f80);  // 1 in bfloat16
  NamedArray& array = edit_.at("head.bias");
  array.dtype = files::DType::bf16;
  array.bytes = std::as_bytes(std::span<const uint16_t>(bits));
  load_weights(model_.parameters(), edit_.arrays, "file");
  EXPECT_EQ(model_.parameters().find("head.bias")->tensor.values(), std::vector<real>(10, 1));
}

TEST_F(Weights, AMissingFileIsAWeightError) {
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { load_weights(model_.parameters(), "/nonexistent/w.safetensors"); }),
              HasSubstr("/nonexistent/w.safetensors"));
}

}  // namespace
}  // namespace swin::layers
