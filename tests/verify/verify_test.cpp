// verify compares a model with a golden file and finds what is wrong.
#include "verify/verify.h"

#include "base/errors.h"
#include "layers/backbone.h"
#include "layers/simmim.h"
#include "tests/layers/model_support.h"
#include "tests/support/golden_files.h"
#include "weights/generated_weights.h"
#include "weights/load_weights.h"

namespace swin::verify {
namespace {

using namespace swin::layers;
using namespace swin::test;
using namespace swin::weights;

using files::NamedArray;
using swin::test::message_of;
using swin::test::TemporaryDirectory;
using testing::HasSubstr;

class Verify : public oracle::EngineTest {
 protected:
  Verify()
      : golden_(kGoldens + "v1_padded.safetensors"),
        weights_(kGoldens + "v1_square_window.safetensors") {
    base::set_num_threads(1);  // the model is too small for several threads
    // The memory of edited values must not move.
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
  ModelConfig config_ = config_of("v1_padded");
  TemporaryDirectory folder_;
};

using Names = std::set<std::string>;

TEST_F(Verify, NamesTheTensorThatDiffers) {
  EXPECT_EQ(failures(), Names{});
  golden_.numbers("grad.norm.bias")[3] *= 1.01f;
  golden_.numbers("features.1")[7] += 0.01f;
  EXPECT_EQ(failures(), (Names{"features.1", "grad.norm.bias"}));
}

TEST_F(Verify, ReportsTheAbsoluteAndTheRelativeError) {
  std::vector<float>& numbers = golden_.numbers("grad.head.bias");
  std::fill(numbers.begin(), numbers.end(), 0.0f);
  numbers[2] = 4;  // the gradient is far below 1
  const VerifyReport report = run();
  const auto& tensor = *std::find_if(report.tensors.begin(), report.tensors.end(),
                                     [](const auto& t) { return t.name == "grad.head.bias"; });
  EXPECT_GT(tensor.max_abs_error, 3);
  EXPECT_DOUBLE_EQ(tensor.max_rel_error, tensor.max_abs_error / 4);
}

TEST_F(Verify, FailsJustAboveTheTolerance) {
  std::vector<float>& logits = golden_.numbers("logits");
  float largest = 0;
  size_t index = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::abs(logits[i]) > largest) largest = std::abs(logits[i]), index = i;
  const float exact = logits[index];
  logits[index] = exact * (1 + 1.5e-5f);
  EXPECT_EQ(failures(), Names{});
  logits[index] = exact * (1 + 2.5e-5f);
  EXPECT_EQ(failures(), Names{"logits"});
}

TEST_F(Verify, AValueThatIsNotFiniteFails) {
  weights_.numbers("head.bias")[1] = NAN;
  const VerifyReport report = run();
  EXPECT_FALSE(report.passed);
  EXPECT_EQ(report.tensors[0].name, "logits");
  EXPECT_TRUE(std::isinf(report.tensors[0].max_abs_error));
}

TEST_F(Verify, AChangedWeightChangesEveryOutput) {
  weights_.numbers("layers.0.blocks.1.attn.relative_position_bias_table")[20] += 0.5f;
  const Names names = failures();
  EXPECT_TRUE(names.contains("logits") && names.contains("features.0") && names.contains("loss"));
}

TEST_F(Verify, ComparesWhatTheGoldenHolds) {
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
  config_.in_chans = 1;
  EXPECT_THAT(message(), HasSubstr("3 channels"));
}

TEST_F(Verify, TargetsMustBeClasses) {
  const int64_t labels[] = {3, 10};
  golden_.at("target") = NamedArray::of("target", {2}, std::span<const int64_t>(labels));
  EXPECT_THAT(message_of<base::WeightError>([&] { run(); }),
              HasSubstr("found target 10 of image 1, expected 0 … 9"));
}

TEST_F(Verify, ClassesMayComeFromTheHead) {
  config_.num_classes = 0;
  EXPECT_EQ(failures(), Names{});
}

// ---- weights without a head, backbones and SimMIM ----------------------------------------------

TEST_F(Verify, FeaturesNeedNoHead) {
  const Edit whole(kGoldens + "v1_padded.safetensors");
  for (const char* name : {"head.weight", "head.bias"}) weights_.remove(name);
  EXPECT_THAT(message_of<base::WeightError>([&] { run(); }),
              HasSubstr("found weights without a head"));
  std::erase_if(golden_.arrays, [](const NamedArray& array) {
    return array.name != "input" && !array.name.starts_with("features.");
  });
  EXPECT_EQ(failures(), Names{});
  EXPECT_EQ(run().tensors.size(), 2u);
  for (const char* name : {"norm.weight", "norm.bias"}) weights_.remove(name);
  EXPECT_EQ(failures(), Names{});
  config_.num_classes = 0;
  EXPECT_EQ(failures(), Names{});
  weights_.numbers("layers.0.blocks.0.norm1.bias")[0] += 1;
  EXPECT_EQ(failures(), (Names{"features.0", "features.1"}));
  weights_.remove("patch_embed.norm.bias");
  EXPECT_THAT(message_of<base::WeightError>([&] { run(); }),
              HasSubstr("found no patch_embed.norm.bias"));
}

// Backbones and SimMIM, with generated weights written to a file.
class OtherVerify : public oracle::EngineTest {
 protected:
  OtherVerify() { base::set_num_threads(1); }
  std::string written(uint64_t seed, Parameters& parameters, const std::string& left_out = " ") {
    std::vector<std::vector<float>> memory;
    std::vector<NamedArray> arrays;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const ParameterEntry& entry = parameters[i];
      if (entry.name.starts_with(left_out)) continue;
      memory.push_back(generated_values(seed, entry.name, entry.shape));
      arrays.push_back(
          NamedArray::of(entry.name, entry.shape.dims(), std::span<const float>(memory.back())));
    }
    const std::string path = (folder_ / "weights.safetensors").string();
    files::write_safetensors(path, arrays);
    return path;
  }
  VerifyReport run(const std::string& weights, const std::string& name, Edit& golden,
                   const files::StringMap& metadata) {
    const std::string path = (folder_ / "golden.safetensors").string();
    files::write_safetensors(path, golden.arrays, metadata);
    return verify(weights, path, config_of(name));
  }
  TemporaryDirectory folder_;
};

TEST_F(OtherVerify, ABackboneMayHaveMoreOutputsThanTheGolden) {
  Parameters parameters;
  const Backbone backbone(Scope(parameters), config_of("backbone"), {.out_stages = {0, 1, 2}});
  const std::string golden = kGoldens + "backbone.safetensors";
  const uint64_t seed = GoldenFile(golden).seed().value();
  const std::string weights = written(seed, parameters);
  const VerifyReport report = verify(weights, golden, config_of("backbone"));
  EXPECT_TRUE(report.passed);
  EXPECT_EQ(report.tensors.size(), 82u);
  EXPECT_EQ(report.without_golden, (std::vector<std::string>{"norm1.weight", "norm1.bias"}));

  Edit changed(golden);
  EXPECT_THAT(message_of<base::WeightError>([&] { run(weights, "backbone", changed, {}); }),
              HasSubstr("found a loss or gradients of a backbone and no seed"));
  const files::StringMap notes = {{"swin", R"({"seed": )" + std::to_string(seed) + "}"}};
  changed.memory.reserve(2);
  changed.numbers("output.2")[5] += 0.01f;
  const VerifyReport differs = run(weights, "backbone", changed, notes);
  for (const auto& tensor : differs.tensors)
    EXPECT_EQ(tensor.passed, tensor.name != "output.2") << tensor.name;
  changed.at("output.2").name = "output.3";
  EXPECT_THAT(message_of<base::WeightError>([&] { run(weights, "backbone", changed, notes); }),
              HasSubstr("found output.3, expected a stage of 0 … 2"));
  changed.at("output.3").name = "output.1";  // a map of this stage has another shape
  EXPECT_THAT(message_of<base::WeightError>([&] { run(weights, "backbone", changed, notes); }),
              HasSubstr("found output.1 with shape"));
  const auto without = [&](const char* left_out) {
    return message_of<base::WeightError>(
        [&] { verify(written(seed, parameters, left_out), golden, config_of("backbone")); });
  };
  EXPECT_THAT(without("norm"), HasSubstr("expected the weights of a backbone"));
  EXPECT_THAT(without("norm0"), HasSubstr("found no output.0"));
}

TEST_F(OtherVerify, SimMimWeightsMayBeInAFile) {
  Parameters parameters;
  const MaskedImageModel model(Scope(parameters), config_of("simmim_v2"));
  const std::string golden = kGoldens + "simmim_v2.safetensors";
  const std::string weights = written(GoldenFile(golden).seed().value(), parameters);
  const VerifyReport report = verify(weights, golden, config_of("simmim_v2"));
  EXPECT_TRUE(report.passed);
  EXPECT_EQ(report.tensors.size(), 65u);

  Edit changed(golden);
  const auto message = [&] {
    return message_of<base::WeightError>([&] { run(weights, "simmim_v2", changed, {}); });
  };
  std::vector<int64_t> mask(128);
  files::read_int64(changed.at("mask"), "mask", mask);
  mask[3] = 1 - mask[3];
  changed.at("mask") = NamedArray::of("mask", {2, 8, 8}, std::span<const int64_t>(mask));
  EXPECT_FALSE(run(weights, "simmim_v2", changed, {}).passed);
  mask[3] = 2;
  EXPECT_THAT(message(), HasSubstr("found 2 in the mask, expected 0 or 1"));
  changed.at("mask").shape = {2, 64};
  EXPECT_THAT(message(), HasSubstr("found mask (2, 64), expected (2, 8, 8)"));
  changed.remove("mask");
  EXPECT_THAT(message(), HasSubstr("mask"));
}

// ---- generated weights and samples --------------------------------------------------------------

// A golden of generated weights that the tests edit; `notes_` is its metadata `swin`.
class GeneratedVerify : public oracle::EngineTest {
 protected:
  GeneratedVerify() : golden_(kGoldens + "v1_roll_then_pad.safetensors") {
    base::set_num_threads(1);
    golden_.memory.reserve(400);
  }
  // Replaces a tensor by its samples.
  void sample(const std::string& name) {
    const std::vector<float> whole = golden_.numbers(name);
    std::vector<float> kept;
    for (const int64_t i : sample_indices(7, name, static_cast<int64_t>(whole.size())))
      kept.push_back(whole[static_cast<size_t>(i)]);
    float largest = 0;
    for (const float value : whole) largest = std::max(largest, std::abs(value));
    golden_.remove(name);
    add("sample." + name, {static_cast<int64_t>(kept.size())}, kept);
    add("max." + name, {}, {largest});
  }
  void add(const std::string& name, const std::vector<int64_t>& shape, std::vector<float> values) {
    golden_.memory.push_back(std::move(values));
    golden_.arrays.push_back(
        NamedArray::of(name, shape, std::span<const float>(golden_.memory.back())));
  }
  VerifyReport run(const std::string& weights = "counted:7") {
    const std::string path = (folder_ / "golden.safetensors").string();
    files::write_safetensors(path, golden_.arrays, {{"swin", notes_}});
    return verify(weights, path, config_);
  }
  std::set<std::string> failures() {
    std::set<std::string> names;
    for (const auto& tensor : run().tensors)
      if (!tensor.passed) names.insert(tensor.name);
    return names;
  }
  Edit golden_;
  std::string notes_ = R"({"weights": "counted:7", "seed": 7})";
  ModelConfig config_ = config_of("v1_roll_then_pad");
  TemporaryDirectory folder_;
};

TEST_F(GeneratedVerify, NeedsNoWeightFile) {
  EXPECT_TRUE(run().passed);
  EXPECT_FALSE(run().weights_unnamed);
  notes_ = "{}";
  EXPECT_TRUE(run().passed);
  EXPECT_TRUE(run().weights_unnamed);
  EXPECT_FALSE(run("counted:8").passed);
}

TEST_F(GeneratedVerify, SamplesReplaceAWholeTensor) {
  const std::string name = "grad.layers.0.blocks.0.mlp.fc1.weight";  // 288 elements
  sample(name);
  sample("features.1");
  const VerifyReport report = run();
  EXPECT_TRUE(report.passed);
  EXPECT_TRUE(report.ignored.empty() && report.without_golden.empty());
  golden_.numbers("sample." + name)[255] += 0.1f;
  golden_.numbers("max.features.1")[0] *= 1.001f;
  EXPECT_EQ(failures(), (std::set<std::string>{name, "features.1"}));
}

TEST_F(GeneratedVerify, SamplesMustBeComplete) {
  const auto message = [&] { return message_of<base::WeightError>([&] { run(); }); };
  sample("features.1");
  notes_ = "{}";
  EXPECT_THAT(message(), HasSubstr("found sample.features.1 and no seed"));
  notes_ = R"({"seed": 7})";
  golden_.at("sample.features.1").shape = {255};
  golden_.at("sample.features.1").bytes = golden_.at("sample.features.1").bytes.first(255 * 4);
  EXPECT_THAT(message(), HasSubstr("found sample.features.1 with shape (255), expected (256)"));
  golden_.remove("max.features.1");
  EXPECT_THAT(message(), HasSubstr("found only sample.features.1, expected"));
}

TEST_F(GeneratedVerify, AnInputMayBeGenerated) {
  golden_.remove("input");
  notes_ = R"({"seed": 7, "image_shape": [2, 3, 26, 22]})";
  EXPECT_TRUE(run().passed);
  notes_ = R"({"seed": 8, "image_shape": [2, 3, 26, 22]})";
  EXPECT_FALSE(run().passed);
}

TEST_F(GeneratedVerify, NotesMustBeWellFormed) {
  const auto refused = [&](const std::string& notes, const std::string& text) {
    notes_ = notes;
    EXPECT_THAT(message_of<base::WeightError>([&] { run(); }), HasSubstr(text)) << notes;
  };
  refused("seven", "JSON");
  refused("[7]", "an object");
  refused(R"({"seed": -1})", "`seed`");
  refused(R"({"weights": 7})", "`weights`");
  refused(R"({"image_shape": [2, 3, 26]})", "`image_shape`");
  refused(R"({"image_shape": [2, 3, 26, 0]})", "`image_shape`");
  refused(R"({"image_shape": [100000, 100000, 100000, 100000]})", "2³⁰");
  refused(R"({"weights": "counted:9"})", "of the weights counted:9, expected one of counted:7");
}

TEST_F(GeneratedVerify, SeedsAreWholeNumbers) {
  EXPECT_THAT(message_of<base::UsageError>([&] { run("counted:seven"); }), HasSubstr("seed"));
}

TEST_F(GeneratedVerify, AGoldenThatIsNotFiniteFails) {
  golden_.numbers("logits")[3] = NAN;
  const VerifyReport report = run();
  EXPECT_FALSE(report.passed);
  EXPECT_EQ(report.tensors[0].name, "logits");
  EXPECT_TRUE(std::isinf(report.tensors[0].max_rel_error));
}

TEST_F(GeneratedVerify, AMissingGradientIsReported) {
  golden_.remove("grad.norm.bias");
  const VerifyReport report = run();
  EXPECT_TRUE(report.passed);
  EXPECT_EQ(report.without_golden, std::vector<std::string>{"norm.bias"});
}

TEST_F(GeneratedVerify, ClassesMayComeFromTheLogits) {
  config_.num_classes = 0;
  EXPECT_TRUE(run().passed);
}

}  // namespace
}  // namespace swin::verify
