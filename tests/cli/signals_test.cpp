// A signal makes a run save and exit with its documented code; the same command continues the run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

std::vector<std::string> endless(const std::string& run) {
  return {"train",     "configs/synthetic_micro.json",
          "--output",  run,
          "--threads", "1",
          "--quiet",   "--json",
          "--set",     "schedule.epochs=1000000",
          "--set",     "data.validation=null",
          "--set",     "checkpoint.keep_best=false"};
}

// Stops an endless run once it has started. @return what it printed.
Finished stopped_by(int signal, const std::string& run) {
  std::filesystem::create_directories(run);
  Arrival begun(run, "run.json");
  Child child(endless(run));
  EXPECT_TRUE(begun.wait());
  child.send(signal);
  return child.wait();
}

void expect_saved(const Finished& result, int exit_code, const std::string& run) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  const base::Json json = base::parse_json(result.out, "stdout");
  const int64_t steps = json.at("steps").as_int();
  const Finished inspected = swin({"inspect", run + "/last.h5", "--json"});
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(base::parse_json(inspected.out, "stdout").at("step").as_int(), steps);
}

TEST(Signals, TermSavesAndAsksToBeRequeued) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run";
  expect_saved(stopped_by(SIGTERM, run), 85, run);

  // The same command continues: a later step, until the next signal.
  const int64_t before =
      base::parse_json(swin({"inspect", run + "/last.h5", "--json"}).out, "stdout")
          .at("step")
          .as_int();
  Arrival link(run, "last.h5");
  std::vector<std::string> again = endless(run);
  again.insert(again.end(),
               {"--set", "checkpoint.every_steps=1", "--set", "checkpoint.every_epochs=null"});
  Child child(again);
  EXPECT_TRUE(link.wait());
  child.send(SIGTERM);
  const Finished result = child.wait();
  expect_saved(result, 85, run);
  EXPECT_GT(base::parse_json(result.out, "stdout").at("steps").as_int(), before);
}

TEST(Signals, IntSavesAndExits130) {
  const TemporaryDirectory folder;
  expect_saved(stopped_by(SIGINT, folder / "run"), 130, folder / "run");
}

TEST(Signals, Usr1SavesAndAsksToBeRequeued) {
  const TemporaryDirectory folder;
  expect_saved(stopped_by(SIGUSR1, folder / "run"), 85, folder / "run");
}

TEST(Signals, ALockLeftByAKilledRunDoesNotStopTheNext) {
  const TemporaryDirectory folder;
  EXPECT_EQ(stopped_by(SIGKILL, folder / "run").exit_code, 128 + SIGKILL);
  expect_saved(stopped_by(SIGTERM, folder / "run"), 85, folder / "run");
}

TEST(Signals, TwoRunsInOneDirectoryAreRefused) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run";
  std::filesystem::create_directories(run);
  Arrival begun(run, "run.json");
  Child first(endless(run));
  ASSERT_TRUE(begun.wait());
  const Finished second = swin(endless(run));
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(second.err, testing::MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"));
  first.send(SIGTERM);
  EXPECT_EQ(first.wait().exit_code, 85);
}

}  // namespace
}  // namespace swin::test
