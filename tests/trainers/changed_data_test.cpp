// A run whose files changed, or lie elsewhere, goes on: a run's identity is content.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <utility>

#include "base/errors.h"
#include "data/decode/decode.h"
#include "files/checkpoint_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/evaluate.h"

namespace swin::trainers {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class ChangedData : public ::testing::Test {
 protected:
  ChangedData() {
    base::set_num_threads(1);
    make_set("train", 12);
    make_set("val", 5);
  }
  void make_image(const std::string& file, int seed, int64_t side = 16) {
    data::Image image;
    image.reshape(side, side, 3);
    for (size_t p = 0; p < image.pixels.size(); ++p)
      image.pixels[p] = static_cast<uint8_t>(p * 7 + static_cast<size_t>(seed) * 31);
    fs::create_directories((directory_ / file).parent_path());
    data::write_png((directory_ / file).string(), image);
  }
  /// Two classes.
  void make_set(const std::string& name, int images) {
    for (const char* c : {"/a/", "/b/"})
      for (int i = 0; i < images; ++i)
        make_image(name + c + std::to_string(i) + ".png", i + (c[1] == 'b' ? 100 : 0));
  }
  /// Two epochs of three steps; the set of 24 images has just those batches.
  Config config(const std::vector<std::string>& sets = {}) {
    const auto section = [&](const std::string& name) {
      return "{\"format\":\"image_folder\",\"samples\":null,\"path\":\"" +
             (directory_ / name).string() + "\"}";
    };
    std::vector<std::string> all = {"data.train=" + section("train"),
                                    "data.validation=" + section("val"), "schedule.steps=null",
                                    "schedule.epochs=3", "checkpoint.keep_last=20"};
    all.insert(all.end(), sets.begin(), sets.end());
    return micro_config(all);
  }
  void stop_at(int64_t stop, const std::string& run, const Config& config) {
    TrainOptions options = options_of(config, directory_ / run);
    AfterStep after_step([=](int64_t step) {
      if (step == stop) raise(SIGUSR1);
    });
    options.listeners = {&after_step};
    EXPECT_EQ(train(options).steps, stop);
  }
  /// Resumes to the end. @return what was said on stderr.
  std::string resume(const std::string& run, const Config& config, int64_t steps = 9) {
    TrainOptions options = options_of(config, directory_ / run);
    options.quiet = false;
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(train(options).steps, steps);
    return ::testing::internal::GetCapturedStderr();
  }
  static int warnings_in(const std::string& said) {
    int count = 0;
    for (size_t at = said.find("swin: warning: "); at != std::string::npos;
         at = said.find("swin: warning: ", at + 1))
      ++count;
    return count;
  }
  std::vector<int64_t> epochs(const std::string& run) {
    std::vector<int64_t> numbers;
    for (const base::Json& line : read_log(directory_ / run))
      if (!line.find("step")) numbers.push_back(line.at("epoch").as_int());
    return numbers;
  }
  TemporaryDirectory directory_;
};

TEST_F(ChangedData, ChangedValidationImagesAreNamedAndBestStartsAgain) {
  struct Change {
    const char* says;
    std::function<void()> act;
  };
  const auto path = [&](const std::string& name) { return directory_ / name; };
  const Change changes[] = {
      {"removed a/3.png; its metrics change", [&] { fs::remove(path("val/a/3.png")); }},
      {"removed a/4.png; added a/new name.png; its metrics",
       [&] { fs::rename(path("val/a/4.png"), path("val/a/new name.png")); }},
      {"replaced b/0.png; its metrics", [&] { make_image("val/b/0.png", 3, 20); }},
      {"added b/90.png, b/91.png, b/92.png and 2 more; its metrics",
       [&] {
         for (int i = 90; i < 95; ++i) make_image("val/b/" + std::to_string(i) + ".png", i);
       }},
  };
  int number = 0;
  for (const Change& change : changes) {
    const std::string run = "run" + std::to_string(number++);
    stop_at(4, run, config());
    ASSERT_TRUE(fs::exists(path(run) / "best.h5"));
    change.act();
    const std::string said = resume(run, config());
    EXPECT_THAT(said, HasSubstr("warning: data.validation changed since step 4: " +
                                std::string(change.says)));
    EXPECT_EQ(warnings_in(said), 1) << said;
    // The best of the new images: never that of step 3.
    EXPECT_THAT(fs::read_symlink(path(run) / "best.h5").string(), Not(HasSubstr("000003")));
    EXPECT_THAT(resume(run, config()), Not(HasSubstr("warning")));  // finished, of the new files
  }
}

TEST_F(ChangedData, TheModelDoesNotDependOnTheValidationImages) {
  train(options_of(config(), directory_ / "whole"));
  stop_at(4, "run", config());
  fs::remove(directory_ / "val/a/3.png");
  resume("run", config());
  const auto weights = [&](const std::string& run) {
    std::vector<float> values(2 * 16);
    files::CheckpointFile(directory_ / run / "last.h5").read_float32("model/head.weight", values);
    return values;
  };
  EXPECT_EQ(weights("run"), weights("whole"));
}

// Fewer images than an epoch has batches for, and more.
TEST_F(ChangedData, ChangedTrainingImagesKeepTheSteps) {
  for (const bool fewer : {true, false}) {
    const std::string run = fewer ? "fewer" : "more";
    make_set("train", 12);
    stop_at(4, run, config());
    if (fewer)
      for (const char* file : {"a/0.png", "b/5.png"}) fs::remove(directory_ / "train" / file);
    else
      make_set("train", 18);
    fs::copy(directory_ / run, directory_ / (run + "_again"),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    const std::string said = resume(run, config());
    EXPECT_THAT(said, HasSubstr(std::string("warning: data.train changed since step 4: ") +
                                (fewer ? "removed a/0.png, b/5.png; " : "added ")));
    EXPECT_THAT(said, HasSubstr("an epoch keeps its 3 steps"));
    EXPECT_EQ(warnings_in(said), 1) << said;
    EXPECT_EQ(epochs(run), (std::vector<int64_t>{1, 2, 3}));
    // Stopped again and resumed, it has the same bits.
    const std::string again = run + "_again";
    stop_at(6, again, config());
    EXPECT_THAT(resume(again, config()), Not(HasSubstr("warning")));
    EXPECT_EQ(checkpoint_bytes(directory_ / again, 9), checkpoint_bytes(directory_ / run, 9));
    fs::remove_all(directory_ / "train");
  }
}

TEST_F(ChangedData, BothSetsAreNamed) {
  stop_at(4, "run", config());
  fs::remove(directory_ / "train/a/0.png");
  fs::remove(directory_ / "val/b/1.png");
  EXPECT_THAT(resume("run", config()),
              AllOf(HasSubstr("data.train changed since step 4: removed a/0.png"),
                    HasSubstr("data.validation changed since step 4: removed b/1.png")));
}

TEST_F(ChangedData, OtherClassesAreRefused) {
  stop_at(4, "run", config());
  make_image("train/c/0.png", 1);
  std::string message =
      message_of<base::DataError>([&] { train(options_of(config(), directory_ / "run")); });
  EXPECT_THAT(message, AllOf(HasSubstr("found a run of 2 classes that are not the 3 of data.train"),
                             HasSubstr("not in the checkpoint: c"), HasSubstr("--resume never")));
  // "restore the classes"
  fs::remove_all(directory_ / "train/c");
  resume("run", config());
}

// A run of an earlier version: no files.gz, no steps in the checkpoint.
TEST_F(ChangedData, AnOldRunGoesOn) {
  const auto make_old = [&](const std::string& run) {
    stop_at(4, run, config());
    fs::remove(directory_ / run / "files.gz");
    const fs::path path = directory_ / run / "checkpoints" / "step_000000004.h5";
    files::CheckpointContents contents;
    const files::CheckpointFile file(path);
    contents.step = file.step();
    contents.epoch = file.epoch();
    for (const auto& entry : file.entries()) contents.arrays.push_back(file.read(entry.name));
    for (const std::string& name : file.meta_names())
      if (name != "run") contents.meta.emplace_back(name, file.meta(name));
    files::write_checkpoint(path, contents);
  };
  train(options_of(config(), directory_ / "whole"));
  make_old("same");
  EXPECT_THAT(resume("same", config()), Not(HasSubstr("warning")));
  EXPECT_EQ(checkpoint_bytes(directory_ / "same", 9), checkpoint_bytes(directory_ / "whole", 9));
  EXPECT_TRUE(fs::exists(directory_ / "same" / "files.gz"));

  make_old("changed");
  fs::remove(directory_ / "train/a/0.png");
  const std::string said = resume("changed", config(), 6);
  EXPECT_THAT(said, AllOf(HasSubstr("files.gz has no list of those before"),
                          HasSubstr("from here on it has 2")));
}

TEST_F(ChangedData, AnotherPathToTheSameFilesGivesTheSameBits) {
  train(options_of(config(), directory_ / "whole"));
  const auto at = [&](const std::string& train, const std::string& validation) {
    return config({"data.train.path=" + train, "data.validation.path=" + validation});
  };
  const std::string root = directory_.path().string();
  fs::create_directory_symlink(directory_.path(), directory_ / "link");
  fs::create_directories(directory_ / "scratch");
  fs::copy(directory_ / "train", directory_ / "scratch/train", fs::copy_options::recursive);
  const std::string relative = fs::relative(directory_.path(), fs::current_path()).string();
  const std::pair<std::string, std::string> paths[] = {
      {root + "/train/", root + "//val"},
      {root + "/link/train", root + "/./val"},
      {root + "/scratch/train", root + "/link/val"},
      {relative + "/train", relative + "/val"}};
  int number = 0;
  for (const auto& [train_path, validation] : paths) {
    const std::string run = "run" + std::to_string(number++);
    stop_at(4, run, config());
    EXPECT_THAT(resume(run, at(train_path, validation)), Not(HasSubstr("warning")));
    // All but the stored paths is equal.
    const files::CheckpointFile ours(directory_ / run / "last.h5"),
        theirs(directory_ / "whole" / "last.h5");
    for (const auto& entry : theirs.entries()) {
      std::vector<float> a(static_cast<size_t>(*files::num_elements_of(entry.shape))), b = a;
      ours.read_float32(entry.name, a);
      theirs.read_float32(entry.name, b);
      EXPECT_EQ(a, b) << entry.name;
    }
    EXPECT_EQ(ours.meta("metrics"), theirs.meta("metrics"));
    EXPECT_THAT(ours.meta("config"), HasSubstr(train_path));  // of the latest start
  }
}

TEST_F(ChangedData, AMovedInitFileAndOtherReportsAreTheSameRun) {
  train(options_of(config({"schedule.epochs=1"}), directory_ / "first"));
  const auto from = [&](const std::string& file) {
    return "init.checkpoint=" + (directory_ / file).string();
  };
  stop_at(4, "run", config({from("first/last.h5")}));
  fs::rename(directory_ / "first", directory_ / "moved");
  const std::string said = resume(
      "run",
      config({from("moved/last.h5"), "trainer.log_every_steps=2", "trainer.evaluate_every_epochs=2",
              "checkpoint.every_epochs=2", "data.test={\"path\": \"nowhere\"}"}));
  EXPECT_THAT(said, Not(HasSubstr("warning")));
}

// After the end the message says how to train on, and that works.
TEST_F(ChangedData, AFinishedRunNamesTheWayToGoOn) {
  train(options_of(config(), directory_ / "run"));
  const std::string last = (directory_ / "run" / "last.h5").string();
  fs::remove(directory_ / "val/a/0.png");  // of no matter any more
  EXPECT_THAT(resume("run", config()), AllOf(HasSubstr("is finished: 9 steps"),
                                             HasSubstr("--init " + last + " and another --output"),
                                             Not(HasSubstr("warning"))));
  const Config longer = config({"schedule.epochs=4"});
  EXPECT_THAT(message_of<base::UsageError>([&] { train(options_of(longer, directory_ / "run")); }),
              AllOf(HasSubstr("schedule.epochs is 4, was 3"), HasSubstr("another --output"),
                    HasSubstr("--init ")));
  const Config on = config({"schedule.epochs=4", "init.checkpoint=" + last});
  EXPECT_EQ(train(options_of(on, directory_ / "on")).steps, 12);
}

// A validation set that is a manifest: the list names its images.
TEST_F(ChangedData, AManifestIsAListOfFiles) {
  const auto write_list = [&](int images) {
    std::string text = "path,label\n";
    for (const std::string c : {"a", "b"})
      for (int i = 0; i < images; ++i)
        text += "val/" + c + "/" + std::to_string(i) + ".png," + c + "\n";
    directory_.write("list.csv", text);
  };
  write_list(5);
  const Config listed = config({"data.validation={\"format\":\"manifest\",\"path\":\"" +
                                (directory_ / "list.csv").string() + "\"}"});
  stop_at(4, "run", listed);
  write_list(4);
  const std::string said = resume("run", listed);
  EXPECT_THAT(said, HasSubstr("data.validation changed since step 4: "));
  EXPECT_EQ(warnings_in(said), 1) << said;
}

TEST_F(ChangedData, TheResultSaysWhatTheSetsHold) {
  const TrainResult result = train(options_of(config(), directory_ / "run"));
  const base::Json json = to_json(result);
  EXPECT_EQ(json.at("data").at("train").at("images").as_int(), 24);
  EXPECT_EQ(json.at("data").at("validation").at("classes").as_int(), 2);
  TrainOptions options = options_of(config(), directory_ / "loud");
  options.quiet = false;
  ::testing::internal::CaptureStderr();
  train(options);
  const std::string said = ::testing::internal::GetCapturedStderr();
  const size_t train_at = said.find("data.train: 24 images of 2 classes"),
               validation_at = said.find("data.validation: 10 images of 2 classes");
  EXPECT_LT(train_at, validation_at);
  EXPECT_LT(validation_at, said.find("step "));
}

// ---- Sets whose classes differ

TEST_F(ChangedData, AnUnknownClassOfValidationIsRefusedAndTheRemedyWorks) {
  make_image("val/gnu/0.png", 5);
  make_image("val/gnu/1.png", 6);
  EXPECT_THAT(message_of<base::DataError>([&] { train(options_of(config(), directory_ / "run")); }),
              AllOf(HasSubstr("data.validation: found the class gnu, expected those of data.train"),
                    HasSubstr("--set data.ignore_unknown_classes=true")));
  const Config ignoring = config({"data.ignore_unknown_classes=true"});
  const std::string said = resume("run", ignoring);
  EXPECT_THAT(said, HasSubstr("left out 2 images of 1 class that data.train does not have: gnu"));
  // The metrics are those of the set without it.
  const base::Json with = read_log(directory_ / "run").back();
  fs::remove_all(directory_ / "val/gnu");
  train(options_of(config(), directory_ / "plain"));
  EXPECT_EQ(with.at("loss"), read_log(directory_ / "plain").back().at("loss"));
}

TEST_F(ChangedData, AClassThatAppearsInTheMiddleOfARunCanBeIgnored) {
  stop_at(4, "run", config());
  make_image("val/gnu/0.png", 5);
  EXPECT_THROW(train(options_of(config(), directory_ / "run")), base::DataError);
  EXPECT_THAT(resume("run", config({"data.ignore_unknown_classes=true"})), HasSubstr("gnu"));
}

TEST_F(ChangedData, ClassesMissingFromValidationAreNamed) {
  for (const char* c : {"train/c/", "train/d/"})
    for (int i = 0; i < 8; ++i) make_image(c + std::to_string(i) + ".png", i);
  fs::create_directories(directory_ / "val/d");  // an empty folder; none for c
  const std::string said = resume("run", config(), 15);
  EXPECT_THAT(said, HasSubstr("data.validation: no image of 2 of 4 classes (c, d)"));
  const std::string last = (directory_ / "run" / "last.h5").string();
  EvaluateOptions options;
  options.checkpoint = last;
  options.quiet = true;
  EXPECT_EQ(evaluate(options).metrics[2].second,
            read_log(directory_ / "run").back().at("loss").as_real());
  // Only the second class, as a list.
  directory_.write("list.csv", "path,label\nval/b/0.png,b\nval/b/1.png,b\n");
  options.data = (directory_ / "list.csv").string();
  const EvaluateResult listed = evaluate(options);
  fs::remove_all(directory_ / "val/a");
  for (int i = 2; i < 5; ++i) fs::remove(directory_ / "val/b" / (std::to_string(i) + ".png"));
  options.data = (directory_ / "val").string();
  EXPECT_EQ(evaluate(options).metrics, listed.metrics);
}

}  // namespace
}  // namespace swin::trainers
