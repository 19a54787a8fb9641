// Every verb works, and --json prints one document with the keys that other programs rely on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;

const std::string kMicro = "configs/synthetic_micro.json";

TEST(Verbs, LifeOfARun) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run", last = run + "/last.h5";
  const Json trained = json_of(Words{"train", kMicro, "--output", run} + one_step());
  expect_keys(trained,
              {"steps", "epochs", "seconds", "images_per_second", "last", "best", "metrics"});
  EXPECT_EQ(trained.at("steps").as_int(), 1);
  EXPECT_EQ(trained.at("last").as_string(), last);
  expect_keys(trained.at("metrics"), {"top1", "top5", "loss"});

  const Finished again = swin(Words{"train", kMicro, "--output", run} + one_step());
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("already finished"));

  const Json evaluated = json_of({"evaluate", last, "--threads", "1"});
  expect_keys(evaluated, {"images", "top1", "top5", "loss", "images_per_second"});
  EXPECT_EQ(evaluated.at("images").as_int(), 8);
  EXPECT_EQ(evaluated.at("loss").as_real(), trained.at("metrics").at("loss").as_real());
  EXPECT_THAT(swin({"evaluate", last}).out, HasSubstr("top1"));

  const std::string bag = "docs/demo_images/bag.png";
  const Json predicted =
      json_of({"predict", last, bag, "docs/demo_images/dress.png", "--top-k", "3"});
  ASSERT_EQ(predicted.size(), 2u);
  EXPECT_EQ(predicted.items()[0].at("image").as_string(), bag);
  const Json& best = predicted.items()[0].at("predictions");
  ASSERT_EQ(best.size(), 3u);
  expect_keys(best.items()[0], {"class_index", "class_name", "probability"});
  EXPECT_GE(best.items()[0].at("probability").as_real(),
            best.items()[1].at("probability").as_real());
  const std::string table = swin({"predict", last, bag}).out;
  EXPECT_THAT(table, HasSubstr(bag));
  EXPECT_THAT(table, HasSubstr(best.items()[0].at("class_name").as_string()));

  // An unreadable image is reported; the others are predicted.
  const Finished partly = swin({"predict", last, folder / "none.png", bag, "--json"});
  EXPECT_EQ(partly.exit_code, 3);
  EXPECT_THAT(partly.err, HasSubstr("none.png"));
  const Json answers = base::parse_json(partly.out, "stdout");
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers.items()[1].at("predictions").size(), 5u);

  const Json inspected = json_of({"inspect", last});
  expect_keys(inspected, {"file", "format", "size_bytes", "sha256", "step", "epoch", "parameters",
                          "arrays", "meta"});
  EXPECT_EQ(inspected.at("step").as_int(), 1);
  expect_keys(inspected.at("meta"), {"config", "class_names", "numerics"});
  EXPECT_TRUE(inspected.at("fits_config").as_bool());
  const std::string listing = swin({"inspect", last}).out;
  EXPECT_THAT(listing, HasSubstr("model/layers.0.blocks.1.attn.qkv.weight"));
  EXPECT_THAT(listing, HasSubstr(inspected.at("sha256").as_string()));

  // A checkpoint depends on neither path nor time: an equal run gives equal bytes.
  const std::string second = folder / "second";
  json_of(Words{"train", kMicro, "--output", second} + one_step());
  EXPECT_EQ(read_text(second + "/last.h5"), read_text(last));
}

TEST(Verbs, TrainPrintsResultsOnStdoutAndIsSilentWhenQuiet) {
  const TemporaryDirectory folder;
  const Finished result =
      swin(Words{"train", kMicro, "--output", folder / "run", "--quiet"} + one_step());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("Last checkpoint: " + (folder / "run").string()));
}

TEST(Verbs, RunsLandInRunsByDefault) {
  const TemporaryDirectory folder;
  Child::Options options;
  options.working_folder = folder.path();
  const Finished result =
      swin(Words{"train", source_dir() + "/" + kMicro, "--quiet"} + one_step(), options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder / "runs/synthetic_micro/last.h5"));
}

TEST(Verbs, EvaluateReadsAFolder) {
  const TemporaryDirectory folder;
  for (const char* name : {"bag", "coat", "dress"}) {
    std::filesystem::create_directories(folder / ("images/" + std::string(name)));
    std::filesystem::copy_file(source_dir() + "/docs/demo_images/coat.png",
                               folder / ("images/" + std::string(name) + "/one.png"));
  }
  write_text(
      folder / "config.json",
      "{\"model\": {\"image_size\": 24, \"patch_size\": 4, \"in_chans\": 1, \"embed_dim\": 8, "
      "\"depths\": [1],"
      "\"num_heads\": [1], \"window_size\": 3}, \"schedule\": {\"epochs\": null, \"steps\": 1, "
      "\"warmup_steps\": 0}, \"trainer\": {\"batch_size\": 3}, \"data\": {\"train\": "
      "{\"format\": \"image_folder\", \"path\": \"" +
          (folder / "images").string() + "\"}}}");
  const Finished trained =
      swin({"train", folder / "config.json", "--output", folder / "run", "--quiet"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const std::string last = folder / "run/last.h5";
  const Json evaluated = json_of({"evaluate", last, "--data", folder / "images"});
  EXPECT_EQ(evaluated.at("images").as_int(), 3);
  EXPECT_DOUBLE_EQ(evaluated.at("top1").as_real(), 1.0 / 3);  // equal images of three classes

  EXPECT_EQ(evaluated.at("data").at("classes").as_int(), 3);
  EXPECT_EQ(evaluated.at("bad_images").as_int(), 0);

  // The metrics of the others, on one document, and exit code 3.
  write_text(folder / "images/coat/two.png", "no image");
  const Json rest = json_of({"evaluate", last, "--data", folder / "images"}, 3);
  EXPECT_EQ(rest.at("images").as_int(), 3);
  EXPECT_EQ(rest.at("loss"), evaluated.at("loss"));
  EXPECT_EQ(rest.at("bad_images").as_int(), 1);
  EXPECT_THAT(rest.at("bad").items()[0].at("path").as_string(), HasSubstr("coat/two.png"));
  const Finished failed = swin({"evaluate", last, "--data", folder / "images"});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(failed.err, HasSubstr("two.png"));
  EXPECT_THAT(failed.err, HasSubstr("found 1 of 4 images unreadable"));
  EXPECT_THAT(failed.out, HasSubstr("top1"));
  std::filesystem::remove(folder / "images/coat/two.png");

  // Other names in the same order: a list says so.
  std::filesystem::rename(folder / "images/bag", folder / "images/Tasche");
  const Finished unknown = swin({"evaluate", last, "--data", folder / "images"});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("found the class Tasche"));
  EXPECT_THAT(unknown.err, HasSubstr("--ignore-unknown-classes"));
  EXPECT_THAT(unknown.err, HasSubstr("--classes FILE"));
  const Json two =
      json_of({"evaluate", last, "--data", folder / "images", "--ignore-unknown-classes"});
  EXPECT_EQ(two.at("images").as_int(), 2);
  write_text(folder / "classes.txt", "Tasche\ncoat\ndress\n");
  const Json named =
      json_of({"evaluate", last, "--data", folder / "images", "--classes", folder / "classes.txt"});
  EXPECT_EQ(named.at("loss"), evaluated.at("loss"));
}

TEST(Verbs, ConfigShowsOrigins) {
  const Json resolved = json_of({"config", kMicro, "--set", "optimizer.lr=5e-4"});
  EXPECT_EQ(resolved.at("config").at("model").at("embed_dim").as_int(), 16);
  const Json& origins = resolved.at("origins");
  EXPECT_EQ(origins.at("optimizer.lr").as_string(), "--set");
  EXPECT_EQ(origins.at("optimizer.eps").as_string(), "default");
  EXPECT_THAT(origins.at("model.embed_dim").as_string(),
              testing::MatchesRegex(".*synthetic_micro\\.json:[0-9]+"));
  const std::string table = swin({"config", kMicro}).out;
  EXPECT_THAT(table, HasSubstr("trainer.batch_size"));
  EXPECT_THAT(table, HasSubstr("default"));

  const Finished schema = swin({"config", "--schema"});
  EXPECT_EQ(schema.exit_code, 0);
  EXPECT_NE(base::parse_json(schema.out, "stdout").find("properties"), nullptr);
}

TEST(Verbs, PlanNeedsOnlyTheModelSection) {
  const TemporaryDirectory folder;
  write_text(folder / "model.json",
             R"({"model": {"image_size": [28, 20], "patch_size": 4, "in_chans": 1, "embed_dim": 12,
    "depths": [2, 1], "num_heads": [1, 2], "window_size": 4, "num_classes": 3}})");
  const Json plan = json_of({"plan", folder / "model.json"});
  const Json& stage = plan.at("stages").items()[0];
  EXPECT_EQ(base::to_text(stage.at("map")), "[7,5]");
  EXPECT_EQ(base::to_text(stage.at("padded_map")), "[8,8]");
  EXPECT_EQ(base::to_text(stage.at("window")), "[4,4]");
  EXPECT_EQ(base::to_text(stage.at("shift")), "[2,2]");
  EXPECT_EQ(plan.at("num_classes").as_int(), 3);
  EXPECT_THAT(swin({"plan", folder / "model.json"}).out,
              HasSubstr("Peak memory of a training step"));
}

TEST(Verbs, PlanComparesTheGrowthOfModels) {
  const std::vector<std::string> configs = {"configs/vit_small_224.json",
                                            "configs/swin_tiny_224.json"};
  const Json plan = json_of(Words{"plan", "--compare", "--sizes", "224,448"} + configs);
  EXPECT_EQ(base::to_text(plan.at("models")), "[\"vit_small_224\",\"swin_tiny_224\"]");
  ASSERT_EQ(plan.at("sizes").size(), 2u);
  const auto macs = [&](size_t size, size_t model) {
    return plan.at("sizes").items()[size].at("models").items()[model].at("macs").as_real();
  };
  // With four times the pixels, windows cost four times as much. Attention over the whole image
  // costs sixteen times as much, which shows in the total of the ViT.
  EXPECT_NEAR(macs(1, 1) / macs(0, 1), 4, 0.01);
  EXPECT_GT(macs(1, 0) / macs(0, 0), 4.8);
  EXPECT_TRUE(plan.at("sizes").items()[0].at("models").items()[0].at("seconds").is_null());
  const std::string table = swin(Words{"plan", "--compare", "--sizes", "32"} + configs).out;
  EXPECT_THAT(table, HasSubstr("vit_small_224: MACS"));

  const Json measured = json_of({"plan", "--compare", "--measure", "--sizes", "24",
                                 "configs/synthetic_micro.json", "configs/synthetic_micro.json"});
  EXPECT_GT(measured.at("sizes").items()[0].at("models").items()[0].at("seconds").as_real(), 0);

  for (const std::vector<std::string>& wrong :
       {Words{"plan", "--compare", configs[0]}, Words{"plan", configs[0], configs[1]},
        Words{"plan", configs[0], "--measure"},
        Words{"plan", "--compare", "--sizes", "224,x"} + configs})
    EXPECT_EQ(swin(wrong).exit_code, 2);
}

TEST(Verbs, PlanRefusesImpossibleModels) {
  for (const char* set : {"model.num_heads=[3,2]", "model.depths=[2,2,2]", "model.embed_dim=0",
                          "model.pad_mode=assert"}) {
    const Finished result = swin({"plan", kMicro, "--set", set});
    EXPECT_EQ(result.exit_code, 2) << set << ": " << result.out;
    EXPECT_THAT(result.err,
                testing::MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"))
        << set;
  }
}

TEST(Verbs, Info) {
  const Json info = json_of({"info"});
  expect_keys(info, {"version", "cpu", "threads", "libraries", "build", "memory_bytes"});
  ASSERT_EQ(info.at("libraries").size(), 2u);
  for (const Json& library : info.at("libraries").items())
    EXPECT_TRUE(library.at("correct").as_bool());
  EXPECT_THAT(swin({"info"}).out, HasSubstr("processor"));
}

TEST(Verbs, VerifyAndInspectTheGoldens) {
  const std::string goldens = "tests/goldens/";
  const std::vector<std::string> command = {"verify", goldens + "v1_square_window.safetensors",
                                            "--golden", goldens + "v1_square.safetensors"};
  const std::vector<std::string> config = {"--config", goldens + "v1_square.json"};
  const Json verified = json_of(command + config);
  EXPECT_TRUE(verified.at("passed").as_bool());
  ASSERT_GT(verified.at("tensors").size(), 10u);
  expect_keys(verified.at("tensors").items()[0], {"name", "max_abs_error", "max_rel_error"});

  // Another scale of q: the same names and shapes, other values.
  const TemporaryDirectory folder;
  std::string text = read_text(source_dir() + "/" + goldens + "v1_square.json");
  const size_t at = text.find("\"patch_size\"");
  ASSERT_NE(at, std::string::npos);
  text.insert(at, "\"qk_scale\": 0.1, ");
  write_text(folder / "scaled.json", text);
  const Finished differs = swin(command + Words{"--config", folder / "scaled.json", "--json"});
  EXPECT_EQ(differs.exit_code, 8);
  EXPECT_FALSE(base::parse_json(differs.out, "stdout").at("passed").as_bool());
  EXPECT_THAT(differs.err,
              testing::MatchesRegex("swin: [^\n]+: found [^\n]+, expected none; [^\n]+\n"));

  const Json inspected =
      json_of(Words{"inspect", goldens + "v1_square_window.safetensors"} + config);
  EXPECT_EQ(inspected.at("format").as_string(), "safetensors");
  EXPECT_TRUE(inspected.at("fits_config").as_bool());
  const Finished unfit =
      swin({"inspect", goldens + "v1_square_window.safetensors", "--config", kMicro});
  EXPECT_EQ(unfit.exit_code, 4);
}

}  // namespace
}  // namespace swin::test
