// What a run would do is said as it then happens, and nothing is created.
#include "trainers/run/train_plan.h"

#include <gmock/gmock.h>

#include <csignal>

#include "data/decode/decode.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;
using From = TrainPlan::From;

class TrainPlanOf : public ::testing::Test {
 protected:
  TrainPlan plan(const std::vector<std::string>& sets = {}, const std::string& resume = "auto") {
    TrainOptions options = options_of(micro_config(sets), run());
    options.resume = resume;
    return plan_train(options);
  }
  void train_until(int64_t last, const std::vector<std::string>& sets = {}) {
    TrainOptions options = options_of(micro_config(sets), run());
    AfterStep stop([&](int64_t step) {
      if (step == last) std::raise(SIGTERM);
    });
    options.listeners = {&stop};
    train(options);
  }
  fs::path run() const { return folder_ / "runs/new"; }

  TemporaryDirectory folder_;
};

TEST_F(TrainPlanOf, ANewRunSaysAllAndCreatesNothing) {
  const TrainPlan plan = this->plan();
  EXPECT_EQ(folder_.num_entries(), 0);
  EXPECT_EQ(plan.from, From::scratch);
  EXPECT_EQ(plan.total_steps, 4);
  EXPECT_EQ(plan.steps_per_epoch, 3);
  EXPECT_EQ(plan.epochs, 2);
  EXPECT_EQ(plan.evaluations, 2);
  EXPECT_EQ(plan.validation_images, 21);
  EXPECT_FALSE(plan.output_exists);
  EXPECT_EQ(plan.config.model.num_classes, 10);
  EXPECT_THAT(plan.data_lines, ElementsAre("data.train: 26 images of 10 classes",
                                           "data.validation: 21 images of 10 classes"));
  EXPECT_EQ(plan.cost.training_images, 26);
  EXPECT_GT(plan.cost.training.peak_memory_bytes, 0);
  EXPECT_GT(plan.free_bytes, 0);

  // The run itself: its files are as large as it was said.
  train(options_of(micro_config(), run()));
  const auto bytes = static_cast<int64_t>(fs::file_size(run() / "checkpoints/step_000000004.h5"));
  EXPECT_GE(bytes, plan.cost.training.checkpoint_bytes);
  EXPECT_LE(bytes, plan.cost.training.checkpoint_bytes + 200'000);  // names and places of arrays
  EXPECT_LE(std::ssize(step_files(run())), plan.kept_checkpoints);
}

TEST_F(TrainPlanOf, AStoppedRunSaysWhereItGoesOnAndAFinishedOneThatItIs) {
  train_until(2);
  const std::string record = read_text(run() / "run.json"), log = read_text(run() / "log.jsonl");
  TrainPlan plan = this->plan();
  EXPECT_EQ(plan.from, From::checkpoint);
  EXPECT_EQ(plan.first_step, 2);
  EXPECT_EQ(plan.file, (run() / "checkpoints/step_000000002.h5").string());
  EXPECT_EQ(plan.cost.time.steps, 2);
  EXPECT_EQ(plan.evaluations, 2);
  EXPECT_TRUE(plan.output_exists);
  EXPECT_EQ(this->plan({}, "never").from, From::scratch);
  EXPECT_EQ(read_text(run() / "run.json"), record);
  EXPECT_EQ(read_text(run() / "log.jsonl"), log);

  train(options_of(micro_config(), run()));
  plan = this->plan();
  EXPECT_EQ(plan.from, From::finished);
  EXPECT_EQ(plan.evaluations, 0);
  EXPECT_EQ(to_json(plan).at("start").at("from").as_string(), "finished");
}

TEST_F(TrainPlanOf, WeightsOfAFileAreFittedWithoutAnyFile) {
  train(options_of(micro_config(), folder_ / "first"));
  const int before = folder_.num_entries();
  const std::string weights = "init.checkpoint=" + (folder_ / "first/last.h5").string();
  const TrainPlan plan = this->plan({weights, "optimizer.lr=0.1"});
  EXPECT_EQ(plan.from, From::weights);
  EXPECT_THAT(plan.notes, Contains(HasSubstr("loaded")));
  EXPECT_EQ(folder_.num_entries(), before);
  EXPECT_THROW(this->plan({weights, "model.embed_dim=16"}), base::WeightError);
}

TEST_F(TrainPlanOf, RefusesWhatARealStartRefusesInTheSameWords) {
  const auto both_refuse = [&](const std::vector<std::string>& sets, const std::string& says) {
    const std::string planned = message_of<base::Error>([&] { plan(sets); });
    EXPECT_THAT(planned, HasSubstr(says));
    EXPECT_EQ(planned,
              message_of<base::Error>([&] { train(options_of(micro_config(sets), run())); }));
  };
  both_refuse({"trainer.batch_size=32"}, "at least the 32 of one batch");
  both_refuse({"data.train.samples=null", "data.validation=null", "data.train.format=image_folder",
               "data.train.path=/none"},
              "/none");
  train_until(2);
  both_refuse({"optimizer.lr=0.5"}, "found a run of another config: optimizer.lr is 0.5");
  const RunDirectory used(run());
  both_refuse({}, "found the run in use by process");
}

TEST_F(TrainPlanOf, AnOutputThatCannotBeMadeIsTheSameDiskError) {
  const auto both_refuse = [&](const char* says) {
    const std::string planned = message_of<base::DiskError>([&] { plan(); });
    EXPECT_THAT(planned, HasSubstr(says));
    EXPECT_EQ(planned,
              message_of<base::DiskError>([&] { train(options_of(micro_config(), run())); }));
  };
  std::ofstream(folder_ / "runs") << "a file";
  both_refuse("Not a directory");
  fs::remove(folder_ / "runs");
  fs::create_directory_symlink("nowhere", folder_ / "runs");
  both_refuse("File exists");
  fs::remove(folder_ / "runs");
  fs::create_directory(folder_ / "runs");
  fs::create_directory_symlink("nowhere", run());
  both_refuse("File exists");
  fs::remove(run());
  std::ofstream(run()) << "a file";
  both_refuse("Not a directory");
  fs::remove(run());
  if (geteuid() == 0) return;  // may write anywhere
  fs::permissions(folder_ / "runs", fs::perms::owner_read | fs::perms::owner_exec);
  both_refuse("Permission denied");
  fs::permissions(folder_ / "runs", fs::perms::owner_all);
}

TEST_F(TrainPlanOf, AFinishedRunNamesACheckpointThatIsThere) {
  train(options_of(micro_config(), run()));
  fs::remove(run() / "last.h5");
  ::testing::internal::CaptureStderr();
  TrainOptions options = options_of(micro_config(), run());
  options.quiet = false;
  EXPECT_TRUE(train(options).already_finished);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("--init " + (run() / "checkpoints/step_000000004.h5").string() + " and"));
}

TEST_F(TrainPlanOf, ADetectorWithoutObjectsIsRefused) {
  data::write_png((folder_ / "one.png").string(),
                  {8, 8, 3, std::vector<uint8_t>(static_cast<size_t>(8 * 8 * 3))});
  const auto list = [&](const std::string& annotations) {
    std::ofstream(folder_ / "list.json")
        << R"({"images": [{"id": 1, "file_name": "one.png", "height": 8, "width": 8}],
              "categories": [{"id": 1, "name": "a"}], "annotations": [)"
        << annotations << "]}";
  };
  base::Json document = base::parse_json(R"({
    "model": {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1],
              "num_heads": [1, 2], "window_size": 4},
    "task": {"name": "detection", "anchors": {"sizes": [8, 12, 20]}, "mask": false},
    "preprocess": {"resize": 32, "long_side": 64},
    "schedule": {"name": "multi_step", "steps": 1, "milestones": [], "warmup_steps": 0},
    "trainer": {"batch_size": 1}})",
                                         "micro.json");
  apply_sets(document,
             {"data.train.format=coco", "data.train.path=" + (folder_ / "list.json").string()});
  const TrainOptions options = options_of(parse_config(document), run());
  list("");
  EXPECT_THAT(message_of<base::Error>([&] { plan_train(options); }),
              HasSubstr("data.train: found 1 image without any object, expected objects to learn"));
  list(R"({"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 1})");
  EXPECT_THROW(plan_train(options), base::DataError);
  list(R"({"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 0})");
  EXPECT_EQ(plan_train(options).total_steps, 1);

  // Boxes alone are refused where masks are to be learned.
  apply_sets(document, {"task.mask=true"});
  TrainOptions masks = options_of(parse_config(document), run());
  const std::string planned = message_of<base::DataError>([&] { plan_train(masks); });
  EXPECT_THAT(planned, HasSubstr("data.train: found an object without a mask in "));
  EXPECT_EQ(planned, message_of<base::DataError>([&] { train(masks); }));
  list(R"({"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 0,
           "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]})");
  EXPECT_EQ(plan_train(masks).total_steps, 1);
}

}  // namespace
}  // namespace swin::trainers
