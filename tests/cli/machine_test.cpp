// Machines as they are: who chooses the number of threads, and what is said of memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/limits.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

Child::Options with_threads(const std::string& value) {
  Child::Options options;
  options.environment = {{"OMP_NUM_THREADS", value}};
  return options;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Started by a shell that does `setup` before.
Child::Options after(const std::string& setup) {
  Child::Options options;
  options.unset = {"OMP_NUM_THREADS"};
  options.runner = {"/bin/sh", "-c", setup + " && exec \"$@\"", "sh"};
  return options;
}

Json info(const Child::Options& options, const Words& flags = {}) {
  const Finished result = swin(Words{"info", "--json"} + flags, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return base::parse_json(result.out, "stdout");
}

TEST(Machine, ThreadsFollowTheLimitsAndInfoSaysWhoChose) {
  const base::Limits& limits = base::limits();
  Child::Options none;
  none.unset = {"OMP_NUM_THREADS"};
  const Json chosen = info(none);
  EXPECT_EQ(chosen.at("threads").as_int(), limits.threads());
  EXPECT_EQ(chosen.at("cpu").at("cores").as_int(), limits.cores);
  EXPECT_EQ(chosen.at("threads_chosen_by").as_string(),
            limits.threads() < limits.cores ? "quota" : "cores");
  EXPECT_EQ(chosen.at("cpu").at("quota_cores").is_null(), !limits.quota_cores);
  EXPECT_EQ(info(with_threads("")).at("threads").as_int(), limits.threads());
  EXPECT_EQ(info(with_threads("3")).at("threads_chosen_by").as_string(), "OMP_NUM_THREADS");
  const Json flag = info(with_threads("3"), {"--threads", "5"});
  EXPECT_EQ(flag.at("threads").as_int(), 5);
  EXPECT_EQ(flag.at("threads_chosen_by").as_string(), "--threads");
  EXPECT_THAT(swin({"info"}, with_threads("3")).out, HasSubstr("3: OMP_NUM_THREADS\n"));
}

TEST(Machine, OmpNumThreadsHasTheBoundsOfTheFlag) {
  for (const char* good : {"1", "1024", " 7 ", "4,2", "1024, 1"})
    EXPECT_EQ(info(with_threads(good)).at("threads").as_int(), std::atoi(good)) << good;
  for (const char* bad : {"0", "-1", "1025", "100000", "99999999999999999999", "two", "2x", "2 3",
                          "4,0", "4,", ",", "0x2", "1e3", "\x1b[31m"}) {
    const Finished result = swin({"info"}, with_threads(bad));
    EXPECT_EQ(result.exit_code, 2) << bad;
    EXPECT_EQ(result.out, "");
    // libgomp has its own opinion, in lines of its own.
    EXPECT_THAT(result.err, MatchesRegex("(\n?libgomp: [^\n]*\n)*swin: OMP_NUM_THREADS: found "
                                         "\"[^\n]*\", expected a whole number from 1 to 1024; "
                                         "[^\n]+ --threads N\n"))
        << bad;
    EXPECT_THAT(result.err, Not(HasSubstr("\x1b"))) << bad;
    // The remedy, to the letter; and what is stronger is not held up by a variable it does not
    // need.
    EXPECT_EQ(swin({"info", "--threads", "2"}, with_threads(bad)).exit_code, 0) << bad;
  }
  for (const char* bad : {"0", "-1", "1025", "100000", "two", "2x"})
    EXPECT_EQ(swin({"info", "--threads", bad}).exit_code, 2) << bad;
  for (const char* bad : {"0", "1025"})
    EXPECT_EQ(swin({"config", "configs/synthetic_micro.json", "--set",
                    std::string("runtime.threads=") + bad})
                  .exit_code,
              2);
}

TEST(Machine, ThreadsFollowTheAffinityMask) {
  if (std::system("taskset -c 0 true 2>/dev/null") != 0) GTEST_SKIP() << "no taskset, or no core 0";
  const Json json = info(after("exec taskset -c 0 \"$@\""));
  EXPECT_EQ(json.at("threads").as_int(), 1);
  EXPECT_EQ(json.at("cpu").at("cores").as_int(), 1);
}

TEST(Machine, MemoryFollowsUlimit) {
  if (kSanitized) GTEST_SKIP() << "the address sanitizer needs more memory and /proc";
  const Child::Options limited = after("ulimit -v 8000000");
  const Json json = info(limited);
  const base::Limits& limits = base::limits();
  if (!limits.memory_bytes() || *limits.memory_bytes() < 8'192'000'000) {
    EXPECT_EQ(json.at("memory_limit_bytes").is_null(), !limits.group_bytes);
  } else {
    EXPECT_EQ(json.at("memory_limit_bytes").as_int(), 8'192'000'000);
    EXPECT_EQ(json.at("memory_limited_by").as_string(), "ulimit -v");
    EXPECT_THAT(swin({"info"}, limited).out, HasSubstr("limited to 8.19 GB (ulimit -v)"));
  }
  EXPECT_LE(json.at("available_memory_bytes").as_int(), 8'192'000'000);
}

TEST(Machine, PlanSaysWhatDoesNotFit) {
  if (kSanitized) GTEST_SKIP() << "the address sanitizer needs more memory and /proc";
  const Words plan = {"plan", "configs/synthetic_micro.json", "--set", "trainer.batch_size=65536"};
  EXPECT_THAT(swin(plan, after("ulimit -v 8000000")).out,
              testing::ContainsRegex("That is more than the [0-9.]+ GB that this process may use"));
  const Finished followed =
      swin(plan + Words{"--set", "trainer.micro_batch_size=16"}, after("ulimit -v 8000000"));
  EXPECT_EQ(followed.exit_code, 0) << followed.err;
  EXPECT_THAT(followed.out, Not(HasSubstr("That is more")));
}

TEST(Machine, WithoutProcNothingIsInvented) {
  if (kSanitized) GTEST_SKIP() << "the address sanitizer needs more memory and /proc";
  Child::Options hidden = after("mount -t tmpfs none /proc");
  hidden.runner.insert(hidden.runner.begin(), {"unshare", "--mount"});
  if (std::system("unshare --mount mount -t tmpfs none /proc 2>/dev/null") != 0)
    GTEST_SKIP() << "needs the right to mount";
  const Finished text = swin({"info"}, hidden);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, Not(HasSubstr(" 0 B")));
  EXPECT_THAT(text.out, Not(HasSubstr("available")));
  EXPECT_THAT(text.out, HasSubstr("processor   unknown\n"));
  const Json json = info(hidden);
  EXPECT_TRUE(json.at("available_memory_bytes").is_null());
  EXPECT_TRUE(json.at("memory_limit_bytes").is_null());
  EXPECT_GE(json.at("threads").as_int(), 1);
}

}  // namespace
}  // namespace swin::test
