// The list of runs: what their small files say, also of damaged and of old ones.
#include "trainers/run/runs.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/trainers/run_support.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using State = RunInfo::State;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::vector<std::string> names(const std::vector<RunInfo>& runs) {
  std::vector<std::string> names;
  for (const RunInfo& run : runs) names.push_back(run.name);
  return names;
}

TEST(Runs, OfARealRunAllIsKnown) {
  const TemporaryDirectory folder;
  TrainOptions options = options_of(micro_config(), folder / "a/first");
  AfterStep stop([](int64_t step) {
    if (step == 3) std::raise(SIGTERM);
  });
  options.listeners = {&stop};
  train(options);
  std::vector<RunInfo> runs = find_runs(folder.path(), RunOrder::newest);
  ASSERT_EQ(names(runs), (std::vector<std::string>{"a/first"}));
  EXPECT_EQ(runs[0].state, State::stopped);
  EXPECT_EQ(runs[0].step, 3);
  EXPECT_EQ(runs[0].total_steps, 4);
  EXPECT_EQ(runs[0].total_epochs, 2);

  std::vector<State> while_running;
  AfterStep look([&](int64_t) {
    while_running.push_back(find_runs(folder / "a/first", RunOrder::newest).at(0).state);
  });
  options.listeners = {&look};
  const TrainResult result = train(options);
  EXPECT_EQ(while_running, (std::vector<State>{State::running}));
  runs = find_runs(folder / "a/first", RunOrder::newest);  // the folder itself
  ASSERT_EQ(names(runs), (std::vector<std::string>{"first"}));
  const RunInfo& run = runs[0];
  EXPECT_EQ(run.state, State::finished);
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.step, 4);
  EXPECT_EQ(run.epoch, 2);
  EXPECT_EQ(run.task, "classification");
  EXPECT_EQ(run.model, "swin");
  EXPECT_EQ(run.monitor, "top1");
  EXPECT_EQ(run.metrics, result.metrics);
  ASSERT_TRUE(run.best && run.loss && run.images_per_second && run.started_seconds);
  double best = 0;
  for (const base::Json& line : read_log(folder / "a/first"))
    if (const base::Json* top1 = line.find("top1")) best = std::max(best, top1->as_real());
  EXPECT_EQ(*run.best, best);
}

TEST(Runs, ARunThatFailsIsRecorded) {
  const TemporaryDirectory folder;
  TrainOptions options = options_of(micro_config(), folder / "run");
  AfterStep fail([](int64_t step) {
    if (step == 2) throw base::DivergedError("step 3", "found inf, expected finite values");
    throw base::DataError("a.png", "found no image");
  });
  options.listeners = {&fail};
  EXPECT_THROW(train(options), base::DataError);
  RunInfo run = find_runs(folder.path(), RunOrder::newest).at(0);
  EXPECT_EQ(run.state, State::failed);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.error, "a.png: found no image");
  EXPECT_THROW(train(options), base::DivergedError);  // the step after the one that was saved
  run = find_runs(folder.path(), RunOrder::newest).at(0);
  EXPECT_EQ(run.state, State::diverged);
  EXPECT_EQ(run.exit_code, 7);
}

TEST(Runs, DamagedAndOldOnesHaveARowOfWhatIsKnown) {
  const TemporaryDirectory folder;
  write(folder / "damaged/run.json", "{\"times\": {\"started\": 5");
  write(folder / "damaged/config.json", "[]");
  write(folder / "damaged/log.jsonl",
        "{\"step\":7,\"epoch\":1,\"loss\":2.5}\nrubbish\n{\"step\":8");
  write(folder / "old/log.jsonl",
        "{\"step\":1,\"epoch\":1,\"loss\":3}\n{\"epoch\":1,\"loss\":2,\"mine\":1}\n"
        "{\"epoch\":2,\"loss\":1.5}\n{\"epoch\":3,\"loss\":1.75}\n");
  write(folder / "old/config.json",
        R"({"task": {"name": "simmim"}, "checkpoint": {"monitor": "loss"},
            "schedule": {"epochs": 9, "steps": null}})");
  write(
      folder / "killed/run.json",
      R"({"times": {"started": "2026-01-02T03:04:05Z"}, "total_steps": 10, "steps_per_epoch": 4})");
  fs::create_directories(folder / "begun/checkpoints");
  write(folder / "begun/lock", "");
  fs::create_directories(folder / "no_run/checkpoints");
  write(folder / "directory/run.json/file", "");
  std::vector<RunInfo> runs = find_runs(folder.path(), RunOrder::name);
  ASSERT_EQ(names(runs),
            (std::vector<std::string>{"begun", "damaged", "directory", "killed", "old"}));
  EXPECT_EQ(runs[0].state, State::not_started);
  EXPECT_EQ(runs[1].state, State::unknown);
  EXPECT_EQ(runs[1].step, 7);
  EXPECT_EQ(runs[1].loss, 2.5);
  EXPECT_FALSE(runs[1].best || runs[1].total_steps);
  EXPECT_EQ(runs[3].state, State::killed);
  EXPECT_EQ(runs[3].started_seconds, 1767323045);
  EXPECT_EQ(runs[3].total_epochs, 3);
  EXPECT_EQ(runs[4].state, State::unknown);
  EXPECT_EQ(runs[4].best, 1.5);  // the least loss
  EXPECT_EQ(runs[4].best_epoch, 2);
  EXPECT_EQ(runs[4].epoch, 3);
  EXPECT_EQ(runs[4].total_epochs, 9);
  EXPECT_EQ(runs[4].metrics, (tasks::Metrics{{"loss", 1.75}}));
  EXPECT_EQ(names(find_runs(folder.path(), RunOrder::newest))[0], "killed");
  const base::Json json = to_json(runs[0]);
  for (const char* key : {"step", "best", "monitor", "exit_code", "started"})
    EXPECT_TRUE(json.at(key).is_null()) << key;
}

TEST(Runs, WithoutARecordTheLogTellsWhetherTheRunIsAtItsEnd) {
  const TemporaryDirectory folder;
  train(options_of(micro_config(), folder / "run"));
  const auto look = [&] { return find_runs(folder.path(), RunOrder::name).at(0); };
  const fs::path record = folder / "run/run.json";
  const std::string whole = read_text(record);
  for (const char* text : {"", "{}", "{\"times\": {\"sta"}) {
    write(record, text);
    EXPECT_EQ(look().state, State::finished) << text;
    EXPECT_EQ(look().step, 4);
  }
  fs::remove(record);
  write(folder / "run/config.json", R"({"schedule": {"steps": 4}})");
  EXPECT_EQ(look().state, State::finished);
  write(folder / "run/config.json", R"({"schedule": {"steps": 5}})");
  EXPECT_EQ(look().state, State::unknown);
  write(folder / "run/config.json", R"({"schedule": {"epochs": 2}})");
  EXPECT_EQ(look().state, State::finished);

  // With a record, that of a run that was killed in its last evaluation.
  write(record, R"({"times": {}, "total_steps": 4, "steps_per_epoch": 3})");
  EXPECT_EQ(look().state, State::finished);
  write(folder / "run/log.jsonl", "{\"step\":4,\"epoch\":2,\"loss\":1}\n{\"epoch\":1}\n");
  EXPECT_EQ(look().state, State::killed);

  // A record without a log: a finished run is at its end.
  write(record, whole);
  fs::remove(folder / "run/log.jsonl");
  EXPECT_EQ(look().state, State::finished);
  EXPECT_EQ(look().epoch, 2);
  EXPECT_EQ(look().step, 4);
  fs::remove(record);  // its checkpoints are left
  write(folder / "run/lock", "");
  EXPECT_EQ(look().state, State::unknown);
}

TEST(Runs, OnlyRegularFilesAreRead) {
  const TemporaryDirectory folder;
  for (const char* name : {"run.json", "config.json", "log.jsonl"}) {
    fs::create_directories(folder / "run");
    ASSERT_EQ(mkfifo((folder / "run" / name).c_str(), 0600), 0);
  }
  EXPECT_EQ(find_runs(folder.path(), RunOrder::name).at(0).state, State::not_started);
}

TEST(Runs, ALinkDoesNotHideTheNameOfARun) {
  const TemporaryDirectory folder;
  write(folder / "v1/b/log.jsonl", "");
  fs::create_directory_symlink("v1/b", folder / "Latest");
  fs::create_directory(folder / "a");
  fs::create_directory_symlink("../v1/b", folder / "a/best");
  EXPECT_EQ(names(find_runs(folder.path(), RunOrder::name)), (std::vector<std::string>{"v1/b"}));
}

TEST(Runs, AreFoundThreeFoldersDeepAndThroughLinksOnce) {
  const TemporaryDirectory folder;
  write(folder / "runs/log.jsonl", "");
  write(folder / "runs/1/2/3/log.jsonl", "");
  write(folder / "runs/1/2/3/4/log.jsonl", "");
  write(folder / "runs/.hidden/log.jsonl", "");
  write(folder / "elsewhere/log.jsonl", "");
  fs::create_directory_symlink(folder / "elsewhere", folder / "runs/linked");
  fs::create_directory_symlink(folder / "runs", folder / "runs/1/back");
  EXPECT_EQ(names(find_runs(folder / "runs", RunOrder::name)),
            (std::vector<std::string>{"1/2/3", "linked", "runs"}));
  EXPECT_EQ(find_runs(folder / "runs/1/2", RunOrder::name).size(), 2u);
  fs::create_directory(folder / "empty");
  EXPECT_TRUE(find_runs(folder / "empty", RunOrder::name).empty());
  EXPECT_THROW(find_runs(folder / "absent", RunOrder::name), base::UsageError);
  EXPECT_THROW(find_runs(folder / "elsewhere/log.jsonl", RunOrder::name), base::UsageError);
}

TEST(Runs, ByTheirBestValueInTheMetricsDirection) {
  const TemporaryDirectory folder;
  const auto add = [&](const std::string& name, const std::string& monitor, double value) {
    write(folder / name / "config.json", R"({"task": {"name": "classification"},
        "checkpoint": {"monitor": ")" + monitor +
                                             "\"}}");
    write(folder / name / "log.jsonl",
          "{\"epoch\":1,\"" + monitor + "\":" + std::to_string(value) + "}\n");
  };
  add("a", "top1", 0.5);
  add("b", "top1", 0.75);
  add("c", "loss", 2);
  add("d", "loss", 1);
  write(folder / "e/log.jsonl", "");
  EXPECT_EQ(names(find_runs(folder.path(), RunOrder::metric)),
            (std::vector<std::string>{"d", "c", "b", "a", "e"}));
}

TEST(Runs, LookingAtARunDoesNotKeepAnotherProcessFromIt) {
  const TemporaryDirectory folder;
  EXPECT_EQ(user_of_run(folder / "run"), std::nullopt);
  EXPECT_NO_THROW(require_unused(folder / "run"));
  EXPECT_FALSE(fs::exists(folder / "run"));
  {
    const RunDirectory directory(folder / "run");
    EXPECT_EQ(user_of_run(folder / "run"), std::to_string(getpid()));
    EXPECT_EQ(message_of<base::Error>([&] { require_unused(folder / "run"); }),
              message_of<base::Error>([&] { RunDirectory second(folder / "run"); }));
  }
  EXPECT_EQ(user_of_run(folder / "run"), std::nullopt);
  const RunDirectory looking = RunDirectory::look(folder / "run");
  const RunDirectory directory(folder / "run");
}

}  // namespace
}  // namespace swin::trainers
