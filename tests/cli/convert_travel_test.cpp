// swin convert: class names and pre-processing go with the weights, out and in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

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
using testing::Not;

const std::string kTiny = source_dir() + "/tests/weights/dialect_keys/torchvision_tiny.pth";
// The model of kTiny.
const std::string kModel =
    R"("model": {"image_size": 16, "patch_size": 4, "embed_dim": 4, "depths": [1, 2],
       "num_heads": [1, 2], "window_size": 2, "mlp_ratio": 2, "window_shrink": "never"})";
const std::string kNames = "10\n9\n猫 \"x\", é\n";

// Stored texts of a checkpoint.
struct Stored {
  std::string config, class_names;
  bool operator==(const Stored&) const = default;
};
Stored stored_in(const std::string& file) {
  const files::CheckpointFile checkpoint(file);
  return {checkpoint.meta("config"), checkpoint.find_meta("class_names").value_or("none")};
}

// kTiny as a checkpoint with names and this preprocess section.
std::string named(const TemporaryDirectory& folder, const std::string& preprocess) {
  write_text(folder / "named.json", "{" + kModel + R"(, "preprocess": )" + preprocess + "}");
  write_text(folder / "names.txt", kNames);
  json_of({"convert", kTiny, folder / "named.h5", "--config", folder / "named.json", "--classes",
           folder / "names.txt"});
  return folder / "named.h5";
}

const char* const kBilinear =
    R"({"resize": 20, "interpolation": "bilinear", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]})";

void expect_refused(const Words& arguments, int exit_code, const std::string& text) {
  const Finished result = swin(arguments);
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_THAT(result.err, HasSubstr(text));
}

TEST(Travel, ThroughEveryDialectAndBack) {
  const TemporaryDirectory folder;
  const std::string h5 = named(folder, kBilinear);
  const Stored before = stored_in(h5);
  EXPECT_EQ(base::parse_json(before.class_names, "").items()[2].as_string(), "猫 \"x\", é");
  for (const char* dialect : {"official", "timm", "torchvision", "huggingface"}) {
    const std::string out = folder / (dialect + std::string(".safetensors"));
    json_of({"convert", h5, out, "--dialect", dialect});
    const Json back = json_of({"convert", out, folder / "back.h5"});
    EXPECT_EQ(back.at("config").as_string(), "stored");
    EXPECT_EQ(back.at("assumptions").size() + back.at("notes").size(), 0u) << dialect;
    EXPECT_EQ(stored_in(folder / "back.h5"), before) << dialect;
    const files::SafetensorsFile file(out);
    std::vector<std::string> keys;
    for (const auto& [key, text] : file.metadata()) keys.push_back(key);
    EXPECT_THAT(keys, testing::UnorderedElementsAre("format", "swin.config", "swin.preprocess",
                                                    "swin.class_names"));
  }
  json_of({"convert", h5, folder / "copy.h5"});
  EXPECT_EQ(stored_in(folder / "copy.h5"), before);
}

TEST(Travel, ThroughAFolderOfEitherLibraryAndBack) {
  const TemporaryDirectory folder;
  for (const char* preprocess :
       {kBilinear, R"({"resize": null})", R"({"crop_pct": 0.9, "interpolation": "lanczos"})"})
    for (const char* dialect : {"timm", "huggingface"}) {
      const std::string h5 = named(folder, preprocess), out = folder / (dialect + std::string("/"));
      json_of({"convert", h5, out, "--dialect", dialect});
      const Json back = json_of({"convert", out, folder / "back.h5"});
      EXPECT_EQ(stored_in(folder / "back.h5"), stored_in(h5)) << dialect << preprocess;
      // As after training there: the metadata is gone, and the folder's own files say it.
      const files::RawWeights raw = files::read_raw_weights(out);
      files::write_safetensors(out + "model.safetensors", raw.arrays);
      const Json alone = json_of({"convert", out, folder / "alone.h5"});
      EXPECT_EQ(alone.at("config").as_string(), "inferred");
      EXPECT_EQ(alone.at("assumptions").size(), 0u);
      EXPECT_EQ(stored_in(folder / "alone.h5").class_names, stored_in(h5).class_names);
      const Json now = alone.at("preprocess"),
                 then = base::parse_json(stored_in(h5).config, "").at("preprocess");
      for (const char* field : {"resize", "interpolation", "mean", "std"})
        EXPECT_EQ(now.at(field), then.at(field)) << dialect << preprocess << field;
    }
}

TEST(Travel, FilesOfTheFolderAreThoseOfTheLibraries) {
  const TemporaryDirectory folder;
  const std::string h5 = named(folder, kBilinear);
  const auto read = [&](const std::string& name) {
    return base::parse_json(read_text(folder / name), name);
  };
  json_of({"convert", h5, folder / "hub/", "--dialect", "huggingface"});
  const Json hub = read("hub/config.json"), processor = read("hub/preprocessor_config.json");
  EXPECT_EQ(hub.at("architectures").items()[0].as_string(), "SwinForImageClassification");
  EXPECT_EQ(hub.at("id2label").at("1").as_string(), "9");
  EXPECT_EQ(hub.at("label2id").at("10").as_int(), 0);
  EXPECT_EQ(hub.at("window_size").as_int(), 2);
  EXPECT_EQ(processor.at("size").at("shortest_edge").as_int(), 20);
  EXPECT_EQ(processor.at("resample").as_int(), 2);
  json_of({"convert", h5, folder / "timm/", "--dialect", "timm"});
  const Json timm = read("timm/config.json");
  EXPECT_EQ(timm.at("architecture").as_string(), "swin_tiny_patch4_window7_224");
  EXPECT_EQ(timm.at("num_classes").as_int(), 3);
  EXPECT_EQ(timm.at("label_names").items()[0].as_string(), "10");
  EXPECT_EQ(timm.at("model_args").at("embed_dim").as_int(), 4);
  EXPECT_EQ(timm.at("model_args").find("patch_size"), nullptr);  // as in the architecture
  EXPECT_EQ(static_cast<int64_t>(16 / timm.at("pretrained_cfg").at("crop_pct").as_real()), 20);
  // A folder that is there is one without a slash, too; without names none are made up.
  json_of({"convert", kTiny, folder / "hub", "--dialect", "huggingface"});
  EXPECT_EQ(read("hub/config.json").find("id2label"), nullptr);
  EXPECT_EQ(read("hub/config.json").at("num_labels").as_int(), 3);
}

TEST(Travel, FoldersThatNoLibraryOpensAreRefused) {
  const TemporaryDirectory folder;
  const std::string out = folder / "out/";
  expect_refused({"convert", kTiny, out}, 2, "choose huggingface or timm");
  expect_refused({"convert", kTiny, out, "--dialect", "torchvision"}, 2, "huggingface or timm");
  Words mlp = {"train", "configs/synthetic_micro.json", "--output", folder / "run",
               "--set", "model.name=swin_mlp"};
  for (const std::string& word : one_step()) mlp.push_back(word);
  ASSERT_EQ(swin(mlp).exit_code, 0);
  for (const char* dialect : {"timm", "huggingface"})
    expect_refused({"convert", folder / "run/last.h5", out, "--dialect", dialect}, 2, "Swin-MLP");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Travel, NamesOfAFileOfNames) {
  const TemporaryDirectory folder;
  const std::string h5 = named(folder, "{}"), names = folder / "other.txt";
  write_text(names, "c\nb\na\n");
  json_of({"convert", h5, folder / "again.h5", "--classes", names});
  EXPECT_EQ(stored_in(folder / "again.h5").class_names, R"(["c","b","a"])");
  write_text(names, "c\nb\n");
  expect_refused({"convert", h5, folder / "no.h5", "--classes", names}, 2,
                 "other.txt: found 2 names, expected one for each of the head's 3 classes");
  expect_refused({"convert", h5, folder / "no.h5", "--classes", folder / "none"}, 2, "none");
  EXPECT_FALSE(std::filesystem::exists(folder / "no.h5"));
}

TEST(Travel, WeightsWithoutNamesStoreNoneAndSaySo) {
  const TemporaryDirectory folder;
  const Finished result = swin({"convert", kTiny, folder / "tiny.h5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("names of their classes"), HasSubstr("--classes FILE"),
                                HasSubstr("Assumed preprocess: straight to 16 × 16, bicubic")));
  EXPECT_EQ(stored_in(folder / "tiny.h5").class_names, "none");
  const Json predicted = json_of({"predict", folder / "tiny.h5", "docs/demo_images/bag.png"});
  const Json& first = predicted.items()[0].at("predictions").items()[0];
  EXPECT_EQ(first.at("class_name").as_string(), std::to_string(first.at("class_index").as_int()));
}

// A folder of kTiny in Hugging Face's names, without metadata.
std::string hub_of(const TemporaryDirectory& folder, const std::string& config,
                   const std::string& processor) {
  json_of({"convert", kTiny, folder / "hub.safetensors", "--dialect", "huggingface"});
  std::filesystem::create_directories(folder / "hub");
  files::write_safetensors(folder / "hub/model.safetensors",
                           files::read_raw_weights(folder / "hub.safetensors").arrays);
  write_text(folder / "hub/config.json", config);
  write_text(folder / "hub/preprocessor_config.json", processor);
  return folder / "hub";
}

TEST(Travel, EachFieldIsThatOfTheConfigElseOfTheFolder) {
  const TemporaryDirectory folder;
  const std::string hub =
      hub_of(folder, R"({"image_size": 16, "label2id": {"bee": 1, "cat": 0, "ant": 2}})",
             R"({"size": {"shortest_edge": 18}, "crop_size": 16, "do_center_crop": true,
                 "resample": 1, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.5, 0.5]})");
  write_text(folder / "some.json",
             "{" + kModel + R"(, "preprocess": {"interpolation": "bilinear"}})");
  const Json some = json_of({"convert", hub, folder / "some.h5", "--config", folder / "some.json"});
  EXPECT_EQ(some.at("preprocess").at("interpolation").as_string(), "bilinear");
  EXPECT_EQ(some.at("preprocess").at("resize").as_int(), 18);
  EXPECT_EQ(some.at("preprocess").at("mean").items()[2].as_real(), 0.3);
  EXPECT_EQ(some.at("class_names").items()[0].as_string(), "cat");
  const Json alone = json_of({"convert", hub, folder / "alone.h5"});
  EXPECT_EQ(alone.at("preprocess").at("interpolation").as_string(), "lanczos");
  const Finished shown = swin({"inspect", hub});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("Classes: cat, bee, ant\n"),
                               HasSubstr("Images: resize 18, center 16 × 16, lanczos, mean 0.1")));
}

TEST(Travel, ImagesOfAnotherSizeThanTheModelsAreRefusedWithAWayOut) {
  const TemporaryDirectory folder;
  const std::string hub = hub_of(folder, R"({"image_size": 16})", R"({"size": 32})");
  expect_refused({"convert", hub, folder / "no.h5"}, 4,
                 "found images of 32 × 32, expected those of the model, 16 × 16; say which with "
                 "--config CONFIG (model.image_size and preprocess.resize)");
  write_text(folder / "way.json", "{" + kModel + R"(, "preprocess": {"resize": null}})");
  EXPECT_TRUE(json_of({"convert", hub, folder / "way.h5", "--config", folder / "way.json"})
                  .at("preprocess")
                  .at("resize")
                  .is_null());
}

TEST(Travel, StepsThatCannotBeDoneAreRefusedWithAWayOut) {
  const TemporaryDirectory folder;
  const std::string hub = hub_of(folder, R"({"image_size": 16})", R"({"size": 16, "resample": 0})");
  expect_refused({"convert", hub, folder / "no.h5"}, 4,
                 "preprocessor_config.json: found resample nearest, expected bilinear, bicubic or "
                 "lanczos; say it yourself with --config CONFIG");
  EXPECT_THAT(swin({"inspect", hub}).out, HasSubstr("Images: not known"));
  write_text(folder / "part.json", "{" + kModel + R"(, "preprocess": {"resize": 16}})");
  expect_refused({"convert", hub, folder / "no.h5", "--config", folder / "part.json"}, 4,
                 "resample nearest");
  write_text(folder / "all.json", "{" + kModel + R"(, "preprocess": )" + kBilinear + "}");
  EXPECT_EQ(json_of({"convert", hub, folder / "way.h5", "--config", folder / "all.json"})
                .at("preprocess")
                .at("interpolation")
                .as_string(),
            "bilinear");
}

TEST(Travel, NamesThatAreNotThoseOfTheHeadAreRefusedWithAWayOut) {
  const TemporaryDirectory folder;
  const std::string hub =
      hub_of(folder, R"({"image_size": 16, "id2label": {"0": "a", "1": "b"}})", R"({"size": 16})");
  expect_refused({"convert", hub, folder / "no.h5"}, 4,
                 "config.json: found 2 class names for 3 classes, expected equal numbers; correct "
                 "it, or give the weight file itself and --classes FILE");
  write_text(folder / "names.txt", kNames);
  json_of({"convert", hub + "/model.safetensors", folder / "way.h5", "--classes",
           folder / "names.txt"});
  EXPECT_THAT(stored_in(folder / "way.h5").class_names, HasSubstr("猫"));
}

TEST(Travel, TheFolderCountsWhereMetadataDiffers) {
  const TemporaryDirectory folder;
  const std::string h5 = named(folder, kBilinear);
  json_of({"convert", h5, folder / "hub/", "--dialect", "huggingface"});
  std::string config = read_text(folder / "hub/config.json"),
              processor = read_text(folder / "hub/preprocessor_config.json");
  config.replace(config.find("\"9\","), 4, "\"nine\",");
  processor.replace(processor.find("\"resample\": 2"), 13, "\"resample\": 1");
  write_text(folder / "hub/config.json", config);
  write_text(folder / "hub/preprocessor_config.json", processor);
  const Json back = json_of({"convert", folder / "hub", folder / "back.h5"});
  EXPECT_EQ(back.at("class_names").items()[1].as_string(), "nine");
  EXPECT_EQ(back.at("preprocess").at("interpolation").as_string(), "lanczos");
  EXPECT_EQ(back.at("preprocess").at("resize").as_int(), 20);
  const std::string notes = base::to_text(back.at("notes"));
  EXPECT_THAT(notes,
              AllOf(HasSubstr("swin.class_names differs"), HasSubstr("swin.config differs")));
}

TEST(Travel, NamesReachNoTerminalAsEscapes) {
  const TemporaryDirectory folder;
  const std::string hub = hub_of(
      folder, R"({"image_size": 16, "id2label": {"0": "a\u001b[31m", "1": "\u009b31m", "2": "c"}})",
      R"({"size": 16})");
  for (const Words& words : {Words{"inspect", hub}, Words{"convert", hub, folder / "x.h5"}})
    EXPECT_THAT(swin(words).out,
                AllOf(HasSubstr("31m"), Not(HasSubstr("\x1b")), Not(HasSubstr("\xc2\x9b"))));
}

}  // namespace
}  // namespace swin::test
