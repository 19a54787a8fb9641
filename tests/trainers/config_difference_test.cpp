// What makes two configs those of different runs.
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/trainers/config_files.h"
#include "trainers/config/config.h"

namespace swin::trainers {
namespace {

TEST(Difference, AConfigOlderThanAFieldHasItsDefault) {
  const Config config = memory_config(R"({"data": {"train": {"format": "synthetic"}}})");
  const base::Json now = to_json(config, WithRuntime::no);
  base::Json older = base::Json::object();
  for (const auto& [section, fields] : now.members()) {
    if (section == "init") continue;
    base::Json kept = base::Json::object();
    for (const auto& [name, value] : fields.members())
      if (name != "layer_decay" && name != "window_sizes") kept[name] = value;
    older[section] = kept;
  }
  EXPECT_NE(difference(now, older), "");
  EXPECT_EQ(difference(now, with_defaults(older)), "");
  older["optimizer"]["lr"] = 0.125;
  EXPECT_EQ(difference(now, with_defaults(older)), "optimizer.lr is 0.0005, was 0.125");
  EXPECT_TRUE(with_defaults(base::Json("no config")) == base::Json("no config"));
}

TEST(Difference, NamesWhatDiffersOutsideRuntimeAndCheckpoint) {
  const auto resolved = [](const std::vector<std::string>& sets) {
    return to_json(memory_config(kSynthetic, sets));
  };
  const base::Json before = resolved({});
  EXPECT_EQ(difference(resolved({"runtime.threads=3", "checkpoint.every_steps=5"}), before), "");
  EXPECT_EQ(difference(to_json(memory_config(kSynthetic), WithRuntime::no), before), "");
  EXPECT_EQ(to_json(memory_config(kSynthetic), WithRuntime::no).find("runtime"), nullptr);
  EXPECT_EQ(difference(resolved({"optimizer.lr=0.002"}), before),
            "optimizer.lr is 0.002, was 0.0005");
  EXPECT_EQ(difference(resolved({"model.depths=[2,2,2,2]", "trainer.clip_grad=null"}), before),
            "model.depths is [2,2,2,2], was [2,2,6,2]; trainer.clip_grad is null, was 5.0");
  EXPECT_EQ(difference(resolved({"model.ape=true", "trainer.seed=1", "trainer.batch_size=1",
                                 "optimizer.eps=1e-6", "task.label_smoothing=0"}),
                       before),
            "model.ape is true, was false; task.label_smoothing is 0.0, was 0.1; optimizer.eps is "
            "1e-06, was 1e-08 and 2 more");
}

// What changes no bit of what is learned, and what a fingerprint stands for.
TEST(Difference, LeavesOutPathsReportsAndReactions) {
  const char* kFolders = R"({"data": {
    "train": {"format": "image_folder", "path": "a"}, "validation": {"path": "b"},
    "test": {"path": "c"}}, "init": {"checkpoint": "x.h5"}})";
  const auto resolved = [&](const std::vector<std::string>& sets) {
    return to_json(memory_config(kFolders, sets), WithRuntime::no);
  };
  const base::Json before = resolved({});
  for (const char* set :
       {"data.train.path=/elsewhere/a/", "data.validation.path=./b", "data.validation=null",
        "data.validation.fraction=0.5", "data.test.path=d", "data.test=null",
        "init.checkpoint=y/x.h5", "trainer.log_every_steps=3", "trainer.evaluate_every_epochs=4",
        "checkpoint.monitor=loss", "checkpoint.every_minutes=5", "checkpoint.keep_best=false",
        "data.on_bad=error", "data.max_bad_fraction=0.5", "data.ignore_unknown_classes=true",
        "trainer.tensorboard=true"})
    EXPECT_EQ(difference(resolved({set}), before), "") << set;
  EXPECT_EQ(difference(before, resolved({"data.test=null", "data.validation=null"})), "");
  EXPECT_EQ(difference(resolved({"init.checkpoint=null"}), before),
            "init.checkpoint is null, was \"x.h5\"");
  for (const char* set : {"data.train.fraction=0.5", "trainer.seed=3", "augment.mixup=0.1",
                          "schedule.epochs=7", "preprocess.resize=240"})
    EXPECT_NE(difference(resolved({set}), before), "") << set;
}

}  // namespace
}  // namespace swin::trainers
