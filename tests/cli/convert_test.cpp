// swin convert: from and to every format and dialect, and the result as input of other verbs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "files/weight_file.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;
using testing::AllOf;
using testing::HasSubstr;

const std::string kGoldens = "tests/goldens/";
const std::string kTiny = source_dir() + "/tests/weights/dialect_keys/torchvision_tiny.pth";

void expect_refused(const Words& arguments, int exit_code, const std::string& text) {
  const Finished result = swin(arguments);
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_THAT(result.err, HasSubstr(text));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

// Name → shape and bytes of the model's arrays.
std::map<std::string, std::string> weights_of(const std::string& file) {
  std::map<std::string, std::string> weights;
  for (const files::NamedArray& array : files::read_raw_weights(file).arrays)
    if (array.dtype == files::DType::f32 && array.name.find("attn_mask") == std::string::npos &&
        array.name.find("relative_coords_table") == std::string::npos)
      weights[array.name] =
          files::to_text(array.shape) +
          std::string(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  return weights;
}

// A trained model of one step.
std::string trained(const TemporaryDirectory& folder) {
  const Finished result = swin(Words{"train", "configs/synthetic_micro.json", "--output",
                                     folder / "run", "--set", "model.window_size=3"} +
                               one_step());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return folder / "run/last.h5";
}

TEST(Convert, RefusesItsInputAsTheOutput) {
  const TemporaryDirectory folder;
  const std::string file = trained(folder), before = read_text(file);
  expect_refused({"convert", file, folder / "run/../run/last.h5"}, 2,
                 "found the input as the output");
  EXPECT_EQ(read_text(file), before);
}

TEST(Convert, EveryDialectAndBackBitForBit) {
  const TemporaryDirectory folder;
  const std::string h5 = trained(folder), config = folder / "run/config.json";
  const auto expected = weights_of(h5);
  ASSERT_FALSE(expected.empty());
  for (const char* dialect : {"official", "timm", "torchvision", "huggingface"}) {
    const std::string out = folder / (dialect + std::string(".safetensors"));
    const Json there = json_of({"convert", h5, out, "--dialect", dialect});
    EXPECT_EQ(there.at("config").as_string(), "stored");
    EXPECT_EQ(there.at("format").as_string(), "checkpoint");
    const std::string back = folder / "back.h5";
    const Json here = json_of({"convert", out, back, "--config", config});
    EXPECT_EQ(here.at("source_dialect").as_string(), dialect);
    EXPECT_EQ(here.at("model").as_string(), "swin");
    EXPECT_EQ(here.at("loaded").size(), expected.size());
    EXPECT_EQ(here.at("unexpected").size() + here.at("missing").size(), 0u);
    EXPECT_EQ(weights_of(back), expected) << dialect;
  }
}

TEST(Convert, CheckpointMadeOfWeightsIsComplete) {
  const TemporaryDirectory folder;
  const std::string h5 = trained(folder), config = folder / "run/config.json";
  const std::string weights = folder / "weights.safetensors", made = folder / "made.h5";
  json_of({"convert", h5, weights, "--dialect", "huggingface"});
  json_of({"convert", weights, made, "--config", config});
  // The trained checkpoint and the converted one predict the same.
  const std::string image = "docs/demo_images/bag.png";
  const Json before = json_of({"predict", h5, image}), after = json_of({"predict", made, image});
  const Json &first = before.items()[0].at("predictions").items()[0],
             &again = after.items()[0].at("predictions").items()[0];
  EXPECT_EQ(again.at("probability").as_real(), first.at("probability").as_real());
  EXPECT_EQ(again.at("class_index").as_int(), first.at("class_index").as_int());
  EXPECT_EQ(again.at("class_name").as_string(), first.at("class_name").as_string());
  const Json inspected = json_of({"inspect", made});
  EXPECT_TRUE(inspected.at("fits_config").as_bool());
  EXPECT_EQ(inspected.at("meta").at("config").at("preprocess").at("interpolation").as_string(),
            "bicubic");
  // A checkpoint converted to a checkpoint keeps its class names.
  json_of({"convert", h5, folder / "copy.h5"});
  const Json copy = json_of({"predict", folder / "copy.h5", image});
  EXPECT_EQ(copy.items()[0].at("predictions").items()[0].at("class_name").as_string(),
            first.at("class_name").as_string());
}

TEST(Convert, StateDictOfTorchSaveNeedsNoConfig) {
  const TemporaryDirectory folder;
  const std::string h5 = folder / "tiny.h5", again = folder / "again.safetensors";
  const Json result = json_of({"convert", kTiny, h5});
  EXPECT_EQ(result.at("source_dialect").as_string(), "torchvision");
  EXPECT_EQ(result.at("format").as_string(), "pth (zip)");
  EXPECT_EQ(result.at("config").as_string(), "inferred");
  EXPECT_EQ(result.at("model_config").at("depths").items()[1].as_int(), 2);
  ASSERT_EQ(result.at("assumptions").size(), 2u);
  EXPECT_THAT(result.at("assumptions").items()[0].as_string(), HasSubstr("image_size 16"));
  EXPECT_THAT(result.at("assumptions").items()[1].as_string(), HasSubstr("(the default)"));
  EXPECT_GT(result.at("skipped").size(), 0u);
  json_of({"convert", h5, again, "--dialect", "torchvision"});
  EXPECT_EQ(weights_of(again), weights_of(kTiny));

  const Json predicted = json_of({"predict", h5, "docs/demo_images/bag.png", "--top-k", "9"});
  EXPECT_EQ(predicted.items()[0].at("predictions").size(), 3u);
  const Finished text = swin({"convert", kTiny, folder / "text.h5"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("torchvision's names, swin"), HasSubstr("derived from the sizes"),
                    HasSubstr("Assumed image_size 16"), HasSubstr("--config")));
  // It can be evaluated on an image folder, with the folder's classes.
  for (const char* name : {"bag", "coat", "dress"}) {
    std::filesystem::create_directories(folder / ("images/" + std::string(name)));
    std::filesystem::copy_file(source_dir() + "/docs/demo_images/coat.png",
                               folder / ("images/" + std::string(name) + "/one.png"));
  }
  EXPECT_EQ(json_of({"evaluate", h5, "--data", folder / "images"}).at("images").as_int(), 3);
}

TEST(Convert, TakesTheAverageOfTwoSets) {
  const TemporaryDirectory folder;
  const std::string h5 = folder / "tiny.h5", two = folder / "two.h5",
                    out = folder / "a.safetensors";
  json_of({"convert", kTiny, h5});
  const files::CheckpointFile checkpoint(h5);
  files::CheckpointContents contents;
  contents.meta = {{"config", checkpoint.meta("config")}};
  for (const auto& entry : checkpoint.entries()) {
    contents.arrays.push_back(checkpoint.read(entry.name));
    contents.arrays.push_back(contents.arrays.back());
    contents.arrays.back().name.replace(0, std::string("model").size(), "ema");
    if (entry.name == "model/head.bias") {
      static const std::vector<float> average(3, 0.5f);
      contents.arrays.back().bytes = std::as_bytes(std::span(average));
    }
  }
  files::write_checkpoint(two, contents);
  EXPECT_EQ(json_of({"inspect", two, "--ema"}).at("parameters").as_int(),
            json_of({"inspect", h5}).at("parameters").as_int());
  json_of({"convert", two, out, "--ema"});
  const files::RawWeights average = files::read_raw_weights(out);
  const auto bias =
      std::find_if(average.arrays.begin(), average.arrays.end(),
                   [](const files::NamedArray& array) { return array.name == "head.bias"; });
  ASSERT_NE(bias, average.arrays.end());
  std::vector<float> values(3);
  files::read_float32(*bias, out, values);
  EXPECT_EQ(values, std::vector<float>(3, 0.5f));
  expect_refused({"convert", h5, out, "--ema"}, 4, "found one set of weights");
  expect_refused({"inspect", kTiny, "--ema"}, 4, "found no averaged weights");
}

TEST(Convert, ClassNamesOfAFileReachNoTerminalAsEscapes) {
  const TemporaryDirectory folder;
  const std::string h5 = folder / "tiny.h5";
  json_of({"convert", kTiny, h5});
  {
    const files::CheckpointFile checkpoint(h5);
    files::CheckpointContents contents;
    for (const auto& entry : checkpoint.entries())
      contents.arrays.push_back(checkpoint.read(entry.name));
    contents.meta = {{"config", checkpoint.meta("config")},
                     {"class_names", R"(["a\u001b[31m", "b\u009b31m", "c"])"}};
    files::write_checkpoint(folder / "named.h5", contents);
  }
  const Finished result = swin({"predict", folder / "named.h5", "docs/demo_images/bag.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("31m"), testing::Not(HasSubstr("\x1b")),
                                testing::Not(HasSubstr("\xc2\x9b"))));
}

TEST(Convert, ConvertedWeightsVerify) {
  const TemporaryDirectory folder;
  const std::string config = kGoldens + "v1_square.json", h5 = folder / "square.h5";
  json_of({"convert", kGoldens + "v1_square_window.safetensors", h5, "--config", config});
  EXPECT_TRUE(json_of({"verify", h5, "--golden", kGoldens + "v1_square.safetensors"})
                  .at("passed")
                  .as_bool());
}

TEST(Convert, NotesWhereALibraryComputesDifferently) {
  const TemporaryDirectory folder;
  const auto words = [&](const std::string& dialect) {
    return Words{"convert",
                 kGoldens + "v1_square_window.safetensors",
                 folder / "out.safetensors",
                 "--config",
                 kGoldens + "v1_padded.json",  // maps that windows do not divide
                 "--dialect",
                 dialect};
  };
  const Json timm = json_of(words("timm"));
  ASSERT_EQ(timm.at("differences").size(), 1u);
  EXPECT_THAT(timm.at("differences").items()[0].as_string(), HasSubstr("model.pad_mode"));
  EXPECT_THAT(swin(words("timm")).out, HasSubstr("Note: timm rolls, then pads"));
  EXPECT_EQ(json_of(words("torchvision")).at("differences").size(), 0u);
}

TEST(Convert, ShapesThatFitNoModelAreAWeightError) {
  const TemporaryDirectory folder;
  std::vector<files::NamedArray> arrays =
      files::read_raw_weights(kTiny).arrays;  // 4 channels, then with 3 heads
  const std::vector<float> numbers(9 * 3);
  for (files::NamedArray& array : arrays)
    if (array.name.ends_with("relative_position_bias_table") &&
        array.name.starts_with("features.1."))
      array = files::NamedArray::of(array.name, {9, 3}, std::span(numbers));
  const std::string heads = folder / "heads.safetensors";
  files::write_safetensors(heads, arrays);
  expect_refused({"convert", heads, folder / "out.h5"}, 4, "heads.safetensors");
  expect_refused({"convert", heads, folder / "out.h5"}, 4, "add --config CONFIG");
}

TEST(Convert, InspectShowsWhatAFileIs) {
  const Json tiny = json_of({"inspect", kTiny});
  EXPECT_EQ(tiny.at("format").as_string(), "pth (zip)");
  EXPECT_EQ(tiny.at("dialect").as_string(), "torchvision");
  EXPECT_EQ(tiny.at("model").as_string(), "swin");
  EXPECT_EQ(tiny.at("kind").as_string(), "model");
  EXPECT_EQ(tiny.at("inferred_model").at("embed_dim").as_int(), 4);
  EXPECT_EQ(tiny.at("dtypes").at("f32").as_int(), static_cast<int64_t>(weights_of(kTiny).size()));
  EXPECT_EQ(tiny.at("sha256").as_string().size(), 64u);
  EXPECT_THAT(swin({"inspect", kTiny}).out, AllOf(HasSubstr("features.1.0.attn.qkv.weight"),
                                                  HasSubstr("depths 1-2"), HasSubstr("pth (zip)")));
  // A file of other arrays is shown, too, with its format.
  const Json golden = json_of({"inspect", kGoldens + "v1_square.safetensors"});
  EXPECT_TRUE(golden.at("dialect").is_null());
  EXPECT_THAT(swin({"inspect", kGoldens + "v1_square.safetensors"}).out,
              HasSubstr("Not the weights of a model"));
  expect_refused({"inspect", kTiny, "--config", "configs/synthetic_micro.json"}, 4, kTiny);
}

TEST(Convert, ReportsWhatIsWrong) {
  const TemporaryDirectory folder;
  const std::string out = folder / "out.safetensors";
  expect_refused({"convert", kTiny}, 2, "OUT");
  expect_refused({"convert", kTiny, folder / "out.bin"}, 2, ".safetensors");
  expect_refused({"convert", kTiny, out, "--dialect", "tim"}, 2, "timm");
  expect_refused({"convert", kTiny, out, "--dialect", "mm"}, 2,
                 "a backbone, a segmenter or a detector");
  expect_refused({"convert", kTiny, folder / "out.h5", "--dialect", "timm"}, 2, "official");
  expect_refused({"convert", kTiny, folder / "none/out.h5"}, 5, "none/out.h5");
  expect_refused({"convert", folder / "none.pth", out}, 4, "none.pth");
  expect_refused({"convert", kTiny, out, "--config", folder / "none.json"}, 2, "none.json");
  expect_refused({"convert", kTiny, out, "--config", "configs/synthetic_micro.json"}, 4,
                 "patch_embed.proj.weight with shape");
  expect_refused({"convert", kGoldens + "v1_square.safetensors", out}, 4, "no known dialect");
  write_text(folder / "text.pth", "no weights");
  expect_refused({"convert", folder / "text.pth", out}, 4, "text.pth");
  EXPECT_FALSE(std::filesystem::exists(out));
  for (const Words& verb : {Words{"predict", kTiny, "docs/demo_images/bag.png"},
                            Words{"evaluate", kTiny, "--data", "docs/demo_images"}})
    expect_refused(verb, 4, "swin convert " + kTiny + " torchvision_tiny.h5");
  // Text from a file reaches no terminal as an escape: neither a name nor part of a JSON error.
  for (const char* escape : {"\\u001b[31m", "\\u009b31m"}) {
    const std::string entry = "\"a" + std::string(escape) + "\":{}";
    for (const std::string& header : {"{" + entry + "}", "{" + entry + "," + entry + "}"}) {
      write_text(folder / "escape.safetensors",
                 std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header);
      const Finished result = swin({"inspect", folder / "escape.safetensors"});
      EXPECT_EQ(result.exit_code, 4);
      EXPECT_THAT(result.err, AllOf(HasSubstr("31m"), testing::Not(HasSubstr("\x1b")),
                                    testing::Not(HasSubstr("\xc2\x9b"))));
    }
  }
}

}  // namespace
}  // namespace swin::test
