// What will happen and what happened: `swin train --plan` and `swin runs`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::string kMicro = "configs/synthetic_micro.json";

TEST(RunsVerb, APlanThenARunThenItsRow) {
  const TemporaryDirectory folder;
  const std::string runs = folder / "runs", run = runs + "/one";
  const Words train = Words{"train", kMicro, "--output", run} + one_step();
  const Finished planned = swin(train + Words{"--plan"});
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  for (const char* part :
       {"data.train: 16 images of 10 classes\n", "Model: swin for classification, ",
        "Start: a new run with random weights (trainer.seed 0)\n", "Schedule: 1 step of ",
        "Peak memory of a training step: ", "Estimate: ", " (new), up to ",
        "Nothing was started; the same command without --plan trains\n"})
    EXPECT_THAT(planned.out, HasSubstr(part));
  EXPECT_FALSE(std::filesystem::exists(runs));
  const Json plan = json_of(train + Words{"--plan"});
  expect_keys(plan, {"data", "start", "total_steps", "steps_per_epoch", "epochs", "steps_left",
                     "evaluations_left", "output", "notes", "warnings", "task", "model", "cost"});
  expect_keys(plan.at("start"), {"from", "file", "step"});
  expect_keys(plan.at("output"),
              {"path", "exists", "checkpoint_bytes", "disk_bytes", "free_bytes"});
  expect_keys(plan.at("cost"), {"parameters", "macs", "peak_memory_bytes", "estimate"});
  EXPECT_FALSE(std::filesystem::exists(runs));

  // Without a folder of runs: exit code 2 and what to do.
  const Finished absent = swin({"runs", runs});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_THAT(absent.err, MatchesRegex("swin: [^\n]*: found no folder that can be read .*, "
                                       "expected one with runs; .*\n"));
  std::filesystem::create_directories(runs);
  EXPECT_THAT(swin({"runs", runs}).out, HasSubstr("no run in it"));
  EXPECT_EQ(json_of({"runs", runs}).at("runs").size(), 0u);

  const Json trained = json_of(train);
  const Json listed = json_of({"runs", runs});
  ASSERT_EQ(listed.at("runs").size(), 1u);
  const Json& row = listed.at("runs").items()[0];
  expect_keys(row, {"name", "path", "state", "exit_code", "error", "task", "model", "step",
                    "total_steps", "epoch", "total_epochs", "monitor", "best", "best_epoch",
                    "metrics", "loss", "images_per_second", "started"});
  EXPECT_EQ(row.at("state").as_string(), "finished");
  EXPECT_EQ(row.at("best").as_real(), trained.at("metrics").at("top1").as_real());
  const std::string table = swin({"runs", runs, "--sort", "metric"}).out;
  EXPECT_THAT(table, HasSubstr("RUN  STATE "));
  EXPECT_THAT(table, HasSubstr("one  finished   1/1 "));

  EXPECT_THAT(swin(train + Words{"--plan"}).out, HasSubstr("is the end of this run, at step 1\n"));
  const Finished other = swin(train + Words{"--set", "optimizer.lr=0.5", "--plan", "--quiet"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("found a run of another config: optimizer.lr is 0.5"));
}

TEST(RunsVerb, RunsIsTheFolderByDefault) {
  const TemporaryDirectory folder;
  Child::Options options;
  options.working_folder = folder.path();
  EXPECT_EQ(swin({"runs"}, options).exit_code, 2);
  write_text(folder.path() / "log.jsonl", "");
  std::filesystem::create_directories(folder / "runs/a");
  write_text(folder / "runs/a/log.jsonl", "{\"epoch\":1}\n");
  EXPECT_THAT(swin({"runs"}, options).out, HasSubstr("\na    unknown "));
  EXPECT_EQ(swin({"runs", "--sort", "nmae"}, options).exit_code, 2);
}

TEST(RunsVerb, APlanSaysWhyDataCannotBeReadAndWhatItAssumed) {
  const TemporaryDirectory folder;
  write_text(folder / "config.json",
             "{\"extends\": \"" + source_dir() + "/" + kMicro +
                 "\", \"data\": {\"train\": {\"format\": \"image_folder\", \"path\": \"" +
                 (folder / "none").string() + "\", \"samples\": null}, \"validation\": null}}");
  const Finished plan = swin({"plan", folder / "config.json", "--quiet", "--json"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.err,
              MatchesRegex("swin: warning: [^\n]*/none: found no [^\n]*; until then 1,000 "
                           "classes are assumed, and the number of images is unknown\n"));
  EXPECT_EQ(base::parse_json(plan.out, "stdout").at("num_classes").as_int(), 1000);
  EXPECT_EQ(swin({"plan", kMicro}).err, "");
}

}  // namespace
}  // namespace swin::test
