// Weights as training scripts leave them: checkpoints of Lightning, averages, nested dicts,
// float64, heads of a Sequential; and files that hold something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/json.h"
#include "files/safetensors.h"
#include "files/weight_file.h"
#include "tests/files/torch_bytes.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

namespace torch = files::testing;
using base::Json;
using files::NamedArray;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kTiny = source_dir() + "/tests/weights/dialect_keys/torchvision_tiny.pth";
using Storages = std::vector<std::pair<std::string, std::string>>;

NamedArray ones(const std::string& name, std::vector<int64_t> shape) {
  auto values = std::make_shared<std::vector<float>>(*files::num_elements_of(shape), 1.0f);
  NamedArray array = NamedArray::of(name, std::move(shape), std::span<const float>(*values));
  array.owner = std::move(values);
  return array;
}

std::vector<NamedArray> as_float64(std::vector<NamedArray> arrays) {
  for (NamedArray& array : arrays) {
    if (array.dtype != files::DType::f32) continue;
    auto values = std::make_shared<std::vector<double>>(array.num_elements());
    files::read_float64(array, "test", *values);
    const std::vector<int64_t> shape = array.shape;
    array = NamedArray::of(array.name, shape, std::span<const double>(*values));
    array.owner = std::move(values);
  }
  return arrays;
}

class WildWeights : public testing::Test {
 protected:
  WildWeights() : tiny_(files::read_raw_weights(kTiny).arrays) {}

  /// A .pth of {"epoch": 3, KEY: state dict, …}; a state dict is (prefix, arrays) repeatedly.
  using StateDict = std::vector<std::pair<std::string, std::vector<NamedArray>>>;
  std::string write(const std::string& name,
                    const std::vector<std::pair<std::string, StateDict>>& members) const {
    Storages storages;
    std::string code = "}" + torch::text("epoch") + "K\3s";
    for (const auto& [key, parts] : members) {
      std::string dict = "}";
      for (const auto& [prefix, arrays] : parts)
        dict += torch::dict_of(arrays, storages, prefix).substr(1);
      code += torch::text(key) + dict + "s";
    }
    write_text(folder_ / name, torch::pth_of(code, storages));
    return folder_ / name;
  }
  /// What `convert` makes of a file, as the probabilities of a picture.
  std::string answers(const std::string& file, const Words& flags = {}) {
    const std::string h5 = folder_ / ("out" + std::to_string(num_converted_++) + ".h5");
    json_of(Words{"convert", file, h5} + flags);
    return base::to_text(
        json_of({"predict", h5, "docs/demo_images/bag.png"}).items()[0].at("predictions"));
  }
  std::string refused(const Words& words, int exit_code = 4) const {
    const Finished result = swin(words);
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_LT(result.err.size(), 400u) << result.err;
    return result.err;
  }

  TemporaryDirectory folder_;
  std::vector<NamedArray> tiny_;
  int num_converted_ = 0;
};

TEST_F(WildWeights, ALightningCheckpointIsReadWithoutItsLoss) {
  const std::string expected = answers(kTiny);
  for (const char* prefix : {"model.", "net.", "backbone.model.", "module.student."}) {
    const std::string file =
        write("run.ckpt",
              {{"state_dict",
                {{prefix, tiny_}, {"", {ones("criterion.weight", {3}), ones("acc.tp", {3})}}}}});
    EXPECT_EQ(answers(file), expected) << prefix;
    const Finished text = swin({"convert", file, folder_ / "text.h5"});
    EXPECT_THAT(text.out, HasSubstr("2 keys skipped: criterion.weight, acc.tp: beside the model"));
    EXPECT_THAT(text.out, HasSubstr("1 key skipped: epoch: no weights"));
  }
}

TEST_F(WildWeights, TwoModelsAreToldApartByThePrefix) {
  std::vector<NamedArray> average = tiny_;
  for (NamedArray& array : average)
    if (array.name == "head.bias") array = ones(array.name, array.shape);
  const std::string file =
      write("two.ckpt", {{"state_dict", {{"model.", tiny_}, {"ema_model.module.", average}}}});
  const std::string said = refused({"convert", file, folder_ / "no.h5"});
  EXPECT_THAT(said, AllOf(HasSubstr("\"model.\""), HasSubstr("\"ema_model.module.\""),
                          HasSubstr("--prefix model.")));
  EXPECT_EQ(answers(file, {"--prefix", "model."}), answers(kTiny));
  const std::string other = answers(file, {"--prefix", "ema_model.module"});
  EXPECT_NE(other, answers(kTiny));
  const Json inspected = json_of({"inspect", file, "--prefix", "ema_model.module."});
  EXPECT_EQ(inspected.at("dialect").as_string(), "torchvision");
  EXPECT_TRUE(json_of({"inspect", file}).at("dialect").is_null());
  EXPECT_THAT(refused({"convert", file, folder_ / "no.h5", "--prefix", "teacher"}),
              HasSubstr("under the prefix \"teacher\""));
  // A model at the top level has the prefix "." or none at all.
  const std::string bare = write("bare.pth", {{"model", {{"", tiny_}, {"ema.", average}}}});
  EXPECT_THAT(refused({"convert", bare, folder_ / "no.h5"}), HasSubstr("--prefix . "));
  EXPECT_EQ(answers(bare, {"--prefix", "."}), answers(kTiny));
  EXPECT_EQ(answers(bare, {"--prefix", "ema"}), other);
}

TEST_F(WildWeights, AMissingKeyIsNamedAsTheFileCallsIt) {
  std::vector<NamedArray> part = tiny_;
  std::erase_if(part,
                [](const NamedArray& array) { return array.name == "features.3.1.norm2.bias"; });
  const std::string file = write("part.ckpt", {{"state_dict", {{"net.", part}}}});
  EXPECT_THAT(refused({"convert", file, folder_ / "no.h5"}),
              AllOf(HasSubstr("net.features.3.1.norm2.bias"), Not(HasSubstr("damaged"))));
}

TEST_F(WildWeights, AnUnusualKeyIsFoundOrChosen) {
  const std::string expected = answers(kTiny);
  EXPECT_EQ(answers(write("one.pth", {{"weights_of_epoch", {{"", tiny_}}}})), expected);
  const std::string two = write(
      "two.pth", {{"generator", {{"", tiny_}}}, {"judge", {{"", {ones("conv.weight", {3, 3})}}}}});
  EXPECT_THAT(refused({"convert", two, folder_ / "no.h5"}),
              AllOf(HasSubstr("\"generator\" ("), HasSubstr("\"judge\" (1)"),
                    HasSubstr("--key generator")));
  EXPECT_EQ(answers(two, {"--key", "generator"}), expected);
  EXPECT_EQ(json_of({"inspect", two, "--key", "generator"}).at("model").as_string(), "swin");
  EXPECT_EQ(json_of({"inspect", two, "--key", "judge"}).at("arrays").size(), 1u);
  EXPECT_THAT(refused({"convert", two, folder_ / "no.h5", "--key", "generator", "--ema"}, 2),
              HasSubstr("--ema and --key"));
  files::write_safetensors(folder_ / "a.safetensors", tiny_);
  EXPECT_THAT(refused({"inspect", folder_ / "a.safetensors", "--key", "model"}),
              HasSubstr("leave --key"));
  const std::string h5 = folder_ / "out0.h5";
  EXPECT_THAT(refused({"inspect", h5, "--key", "model"}), HasSubstr("leave --key"));
  EXPECT_THAT(refused({"inspect", h5, "--prefix", "model"}), HasSubstr("leave --prefix"));
}

TEST_F(WildWeights, Float64IsRoundedAndSaid) {
  const std::string expected = answers(kTiny);
  const std::string pth = write("double.pth", {{"model", {{"", as_float64(tiny_)}}}});
  const std::string safetensors = folder_ / "double.safetensors";
  files::write_safetensors(safetensors, as_float64(tiny_));
  for (const std::string& file : {pth, safetensors}) {
    EXPECT_EQ(answers(file), expected);
    const Finished text = swin({"convert", file, folder_ / "text.safetensors"});
    EXPECT_THAT(text.out, HasSubstr("tensors of float64 rounded to float32"));
    EXPECT_THAT(swin({"inspect", file}).out, HasSubstr("rounded to float32"));
  }
}

// Each remedy in these errors is followed to the letter.
TEST_F(WildWeights, TrainingStartsFromThem) {
  const std::string micro = "configs/synthetic_micro.json", first = folder_ / "first";
  const Words step = one_step() + Words{"--set", "data.validation=null", "--threads", "1"};
  ASSERT_EQ(swin(Words{"train", micro, "--output", first} + step).exit_code, 0);
  ASSERT_EQ(swin({"convert", first + "/last.h5", folder_ / "timm.safetensors", "--dialect", "timm"})
                .exit_code,
            0);
  std::vector<NamedArray> model = files::read_raw_weights(folder_ / "timm.safetensors").arrays;
  const auto train = [&](const std::string& run, const std::string& file, const Words& more) {
    return swin(Words{"train", micro, "--output", folder_ / run, "--init", file} + step + more);
  };
  const std::string two = write("two.ckpt", {{"a", {{"student.", model}, {"teacher.", model}}},
                                             {"b", {{"", {ones("x", {3})}}}}});
  Finished result = train("two", two, {});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("init.key"));
  result = train("two", two, {"--set", "init.key=a"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("init.prefix"));
  result = train("two", two, {"--set", "init.key=a", "init.prefix=student."});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(read_text(folder_ / "two/init.json"), HasSubstr("beside the model"));

  // A head of two layers: init.head "reset" begins with a new one.
  for (NamedArray& array : model)
    if (array.name.starts_with("head.fc.")) array.name.replace(0, 8, "head.fc.3.");
  model.push_back(ones("head.fc.0.weight", {8, 8}));
  const std::string deep = write("deep.ckpt", {{"state_dict", {{"model.", model}}}});
  result = train("deep", deep, {});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, AllOf(HasSubstr("a head of 2 layers (model.head.fc.3, model.head.fc.0)"),
                                HasSubstr("--set init.head=reset")));
  result = train("deep", deep, {"--set", "init.head=reset"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(swin(Words{"train", micro, "--output", folder_ / "none", "--set", "init.key=a"} + step)
                .exit_code,
            2);
}

TEST_F(WildWeights, OtherFilesAreNamedNotCalledDamaged) {
  const std::string script = folder_ / "traced.pt";
  write_text(script, torch::zip_of({{"traced/data.pkl", torch::pickle_of("}")},
                                    {"traced/code/__torch__/model.py", "class"},
                                    {"traced/constants.pkl", torch::pickle_of(")")}}));
  for (const Words& verb : {Words{"convert", script, folder_ / "no.h5"}, Words{"inspect", script},
                            Words{"predict", script, "docs/demo_images/bag.png"},
                            Words{"train", "configs/synthetic_micro.json", "--output",
                                  folder_ / "run", "--init", script}})
    EXPECT_THAT(refused(verb), AllOf(HasSubstr("TorchScript"), HasSubstr("torch.jit.load"),
                                     Not(HasSubstr("damaged"))));
}

}  // namespace
}  // namespace swin::test
