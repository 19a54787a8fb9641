// The command line itself: help, wrong verbs and flags, --json, --threads, stdout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

const char* const kVerbs[] = {"train",  "evaluate",  "predict", "explain", "report",
                              "plan",   "runs",      "config",  "inspect", "convert",
                              "verify", "benchmark", "data",    "info"};

TEST(Arguments, HelpOfEachVerbShowsAnExample) {
  const Finished all = swin({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const std::string verb : kVerbs) {
    EXPECT_THAT(all.out, HasSubstr(verb));
    const Finished help = swin({verb, "--help"});
    EXPECT_EQ(help.exit_code, 0) << verb;
    EXPECT_THAT(help.out, HasSubstr("Example:\n  swin " + verb)) << verb;
    for (const char* flag : {"--json", "--threads", "--quiet"})
      EXPECT_THAT(help.out, HasSubstr(flag)) << verb;
    EXPECT_EQ(help.err, "") << verb;
  }
  EXPECT_EQ(swin({"help", "plan"}).out, swin({"plan", "--help"}).out);
  EXPECT_EQ(swin({}).out, all.out);
  EXPECT_THAT(swin({"--version"}).out, MatchesRegex("swin [0-9.]+\n"));
}

struct Wrong {
  std::vector<std::string> arguments;
  std::string says;
};

TEST(Arguments, WrongCommandLinesAreOneLineAndExitTwo) {
  const std::vector<Wrong> table = {
      {{"trian", "x.json"}, "found the verb \"trian\".*; did you mean train\\?"},
      {{"inform"}, "found the verb \"inform\".*; did you mean info\\?"},
      {{"xyzzyplugh"},
       "found the verb \"xyzzyplugh\", expected one of train, evaluate, predict, explain, "
       "report, "
       "plan, runs, config, inspect, convert, verify, benchmark, data, info; swin --help "
       "explains "
       "them"},
      {{"--json", "info"}, "found the flag --json before a verb.*"},
      {{"train", "configs/synthetic_micro.json", "--ouput", "x"},
       "found the flag --ouput.*; did you mean --output\\?"},
      {{"plan", "configs/synthetic_micro.json", "--jsn"},
       "found the flag --jsn.*; did you mean --json\\?"},
      {{"info", "--frobnicate"}, "found the flag --frobnicate.*; swin info --help lists them"},
      {{"info", "extra"}, "found the argument \"extra\".*"},
      {{"train"}, "found no CONFIG, expected one; .*"},
      {{"predict", "x.h5"}, "found no IMAGE, expected one; .*"},
      {{"verify", "x.safetensors"}, "found no --golden FILE, expected one; .*"},
      {{"benchmark"}, "found no CONFIG, expected one; .*"},
      {{"benchmark", "data"}, "found no CONFIG, expected one; .*"},
      {{"benchmark", "kernels"}, "found no CONFIG, expected one; .*"},
      {{"benchmark", "a.json", "b.json"}, "found the argument \"b.json\", expected no more; .*"},
      {{"benchmark", "data", "a.json", "b.json"}, "found the argument \"b.json\".*"},
      {{"benchmark", "kernels", "configs/synthetic_micro.json", "missing.json"},
       ".*missing.json.*"},
      {{"benchmark", "kernels", "a.json", "--profile"},
       "found --profile, expected it with a config alone; .*"},
      {{"benchmark", "data", "a.json", "--profile"},
       "found --profile, expected it with a config alone; .*"},
      {{"benchmark", "a.json", "--trace", "t.json"},
       "found no --profile, expected both; write it as: .*"},
      {{"benchmark", "a.json", "--profile", "--trace"},
       "found --trace without a value, expected --trace FILE; .*"},
      {{"info", "--threads", "zero"}, "found \"zero\", expected a whole number from 1 to 1024; .*"},
      {{"info", "--threads", "0"}, "found \"0\", expected a whole number from 1 to 1024; .*"},
      {{"info", "--threads", "2x"}, "found \"2x\", expected a whole number from 1 to 1024; .*"},
      {{"info", "--threads"}, "found --threads without a value, expected --threads N; .*"},
      {{"train", "x.json", "--output="},
       "found --output without a value, expected --output DIR; .*"},
      {{"train", "x.json", "--output", "a", "--output=b"},
       "found --output a second time, expected --output DIR once; .*"},
      {{"train", "x.json", "--set"}, "found --set without a value, expected --set FIELD=VALUE; .*"},
      {{"info", "--json=maybe"}, "found --json=maybe, expected --json alone; .*"},
      {{"explain", "x.h5", "y.png"}, "found no --output DIR, expected one; .*"},
      {{"explain", "x.h5", "y.png", "--output", "z", "--token", "3"},
       "swin explain --token: found \"3\", expected a row and a column from 0 on, as 3,5.*"},
      {{"explain", "x.h5", "y.png", "--output", "z", "--head", "all"},
       "swin explain --head: found \"all\", expected mean or a whole number of at least 0.*"},
      {{"predict", "x.h5", "y.png", "--top-k", "0"},
       "found \"0\", expected a whole number of at least 1; .*"},
      {{"predict", "x.h5", "y.png", "--score", "1.5"},
       "found \"1.5\", expected a number from 0 to 1; .*"},
      {{"predict", "x.h5", "y.png", "--iou", "nan"},
       "found \"nan\", expected a number from 0 to 1; .*"},
      {{"predict", "x.h5", "y.png", "--max-detections", "0"},
       "found \"0\", expected a whole number of at least 1; .*"},
      {{"predict", "x.h5", "y.png", "--only-classes", ","},
       "found no name of a class after --only-classes, expected one; .*"},
      {{"benchmark", "x.json", "--mode", "trian"},
       "found \"trian\", expected train or infer; did you mean train\\?"},
      {{"benchmark", "configs/synthetic_micro.json", "--precision", "fp8"}, ".*fp8.*"},
      {{"config", "configs/synthetic_micro.json", "--set", "nonsense"}, ".*nonsense.*"},
  };
  for (const Wrong& wrong : table) {
    const Finished result = swin(wrong.arguments);
    EXPECT_EQ(result.exit_code, 2) << wrong.arguments[0] << ": " << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, MatchesRegex("swin[^\n:]*: [^\n]+, expected [^\n]+; [^\n]+\n"));
    EXPECT_THAT(result.err, MatchesRegex("swin[^\n]*: " + wrong.says + "\n"));
  }
}  // namespace

TEST(Arguments, SetTakesOneOrMore) {
  const Finished one = swin({"config", "configs/synthetic_micro.json", "--json", "--set",
                             "optimizer.lr=1e-4", "--set", "trainer.batch_size=8"});
  const Finished two = swin({"config", "--set", "optimizer.lr=1e-4", "trainer.batch_size=8",
                             "configs/synthetic_micro.json", "--json"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, two.out) << two.err;
  const base::Json json = base::parse_json(one.out, "stdout");
  EXPECT_EQ(json.at("config").at("optimizer").at("lr").as_real(), 1e-4);
  EXPECT_EQ(json.at("config").at("trainer").at("batch_size").as_int(), 8);
  EXPECT_EQ(json.at("origins").at("optimizer.lr").as_string(), "--set");
}

int64_t threads_of_run(const Words& more, const char* environment) {
  const TemporaryDirectory folder;
  Child::Options options;
  options.environment = {{"OMP_NUM_THREADS", environment}};
  const Finished result =
      swin(Words{"train", "configs/synthetic_micro.json", "--output", folder / "run", "--quiet"} +
               one_step() + more,
           options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return base::parse_json(read_text(folder / "run/run.json"), "run.json").at("threads").as_int();
}

TEST(Arguments, ThreadsComeFromFlagThenConfigThenEnvironment) {
  EXPECT_EQ(threads_of_run({"--set", "runtime.threads=3", "--threads", "1"}, "2"), 1);
  EXPECT_EQ(threads_of_run({"--set", "runtime.threads=3"}, "2"), 3);
  EXPECT_EQ(threads_of_run({}, "2"), 2);
}

TEST(Arguments, StdoutThatCannotBeWrittenIsExitFive) {
  Child::Options full;
  full.stdout_path = "/dev/full";
  Child::Options closed;
  closed.close_stdout = true;
  for (const Child::Options& options : {full, closed}) {
    const Finished result = swin({"info"}, options);
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_THAT(result.err,
                MatchesRegex("swin: standard output: found [^\n]+, expected [^\n]+; [^\n]+\n"));
  }
}

TEST(Arguments, AClosedPipeIsNoError) {
  Child::Options options;
  options.leave_pipe = true;
  const Finished result = swin({"info"}, options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace swin::test
