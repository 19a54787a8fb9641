// How a process starts: the instruction set, what its libraries are told, and the one restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/isa.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using base::Isa;
using base::Json;
using testing::AnyOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// As from a shell of a user who set nothing.
Child::Options nothing_set() {
  Child::Options options;
  options.unset = {"OMP_WAIT_POLICY",    "GOMP_SPINCOUNT",    "OPENBLAS_CORETYPE",
                   "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",  "SWIN_ISA",
                   "OMP_PROC_BIND",      "GOMP_CPU_AFFINITY", "OMP_PLACES"};
  return options;
}

Child::Options with(std::vector<std::pair<std::string, std::string>> variables) {
  Child::Options options = nothing_set();
  options.environment = std::move(variables);
  return options;
}

Json info(const Words& flags, const Child::Options& options) {
  const Finished result = swin(Words{"info", "--json"} + flags, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return base::parse_json(result.out, "stdout");
}

std::string core(const Json& info, size_t library) {
  return info.at("libraries").items()[library].at("core").as_string();
}
constexpr size_t kOpenblas = 0, kOnednn = 1;

std::vector<std::string> set_by_restart(const Json& info) {
  std::vector<std::string> names;
  for (const Json& name : info.at("set_by_restart").items()) names.push_back(name.as_string());
  return names;
}

std::vector<Isa> sets_of_this_machine() {
  std::vector<Isa> sets;
  for (int isa = 0; isa <= static_cast<int>(base::best_isa()); ++isa)
    sets.push_back(static_cast<Isa>(isa));
  return sets;
}

TEST(Start, TheBestSetIsUsed) {
  const Json json = info({}, nothing_set());
  EXPECT_EQ(json.at("isa").at("in_use").as_string(), base::isa_name(base::best_isa()));
  EXPECT_EQ(json.at("isa").at("best").as_string(), base::isa_name(base::best_isa()));
  EXPECT_TRUE(json.at("isa").at("chosen_by").is_null());
}

TEST(Start, AForcedSetHoldsKernelsAndLibraries) {
  for (const Isa isa : sets_of_this_machine())
    for (const bool flag : {true, false}) {
      const std::string name = base::isa_name(isa);
      SCOPED_TRACE(name + (flag ? " by flag" : " by variable"));
      const Json json =
          flag ? info({"--isa", name}, nothing_set()) : info({}, with({{"SWIN_ISA", name}}));
      EXPECT_EQ(json.at("isa").at("in_use").as_string(), name);
      EXPECT_EQ(json.at("isa").at("best").as_string(), base::isa_name(base::best_isa()));
      if (isa < base::best_isa()) {
        EXPECT_EQ(json.at("isa").at("chosen_by").as_string(), flag ? "--isa" : "SWIN_ISA");
      } else {
        EXPECT_TRUE(json.at("isa").at("chosen_by").is_null());
      }
      if (base::best_isa() == Isa::baseline) continue;  // the libraries choose from one set alone
      const std::string blas = core(json, kOpenblas), onednn = core(json, kOnednn);
      if (isa == Isa::baseline) {
        EXPECT_EQ(blas, "Nehalem");
        EXPECT_EQ(onednn, "sse41");
      } else if (isa == Isa::avx2) {
        EXPECT_THAT(blas, AnyOf("Haswell", "Zen"));
        EXPECT_THAT(onednn, StartsWith("avx2"));
      } else {
        EXPECT_THAT(blas, AnyOf("SkylakeX", "Cooperlake", "SapphireRapids"));
      }
    }
}

TEST(Start, TheFlagWinsOverTheVariable) {
  for (const char* variable : {base::isa_name(base::best_isa()), "sse9"}) {
    const Json json = info({"--isa", "baseline"}, with({{"SWIN_ISA", variable}}));
    EXPECT_EQ(json.at("isa").at("in_use").as_string(), "baseline");
  }
}

TEST(Start, ASetThatIsNoneIsRefused) {
  for (const Finished& result : {swin({"info", "--isa", "avx"}, nothing_set()),
                                 swin({"info"}, with({{"SWIN_ISA", "avx"}}))}) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, MatchesRegex("swin: [^\n]*(--isa|SWIN_ISA): found \"avx\", expected "
                                         "baseline[^\n]*; [^\n]+\n"));
  }
  EXPECT_THAT(swin({"--help"}, with({{"SWIN_ISA", "avx"}})).out, HasSubstr("train"));
}

TEST(Start, ASetAboveTheProcessorsIsRefused) {
  if (base::best_isa() == Isa::avx512) GTEST_SKIP() << "this processor has every set";
  for (const Finished& result : {swin({"info", "--isa", "avx512"}, nothing_set()),
                                 swin({"info"}, with({{"SWIN_ISA", "avx512"}}))}) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                MatchesRegex("swin: [^\n]*: found avx512, expected no more than [^\n]+\n"));
  }
}

TEST(Start, TheUsersChoicesStay) {
  const Json held = info({"--isa", "baseline"},
                         with({{"OPENBLAS_CORETYPE", "Prescott"}, {"ONEDNN_MAX_CPU_ISA", "AVX"}}));
  EXPECT_THAT(set_by_restart(held), testing::ElementsAre("GOMP_SPINCOUNT"));
  if (base::best_isa() > Isa::baseline) {
    EXPECT_EQ(core(held, kOpenblas), "Prescott");
    EXPECT_EQ(core(held, kOnednn), "avx");
  }
  const Json passive = info({}, with({{"OMP_WAIT_POLICY", "passive"}}));
  EXPECT_EQ(passive.at("waiting").at("wait_policy").as_string(), "passive");
  EXPECT_TRUE(passive.at("waiting").at("spin_count").is_null());
  const Json spins = info({}, with({{"GOMP_SPINCOUNT", "7"}}));
  EXPECT_EQ(spins.at("waiting").at("spin_count").as_string(), "7");
  for (const Json* json : {&passive, &spins})
    EXPECT_THAT(set_by_restart(*json), testing::Not(testing::Contains("GOMP_SPINCOUNT")));
}

TEST(Start, WaitingThreadsSpinAsOftenAsMeasured) {
  const Json json = info({}, nothing_set());
  EXPECT_THAT(set_by_restart(json), testing::Contains("GOMP_SPINCOUNT"));
  EXPECT_EQ(json.at("waiting").at("spin_count").as_string(), "10000");
  EXPECT_THAT(swin({"info"}, nothing_set()).out, HasSubstr("GOMP_SPINCOUNT=10000, set by swin"));
}

// The mark of a restart is there and its variables are not: a process that looks at these alone
// would start itself for ever.
TEST(Start, ThereIsOneRestart) {
  const Json json = info({"--isa", "baseline"}, with({{"SWIN_RESTARTED", "NOTHING"}}));
  EXPECT_THAT(set_by_restart(json), testing::ElementsAre("NOTHING"));
  EXPECT_TRUE(json.at("waiting").at("spin_count").is_null());
}

TEST(Start, ARestartIsImpossibleUnderLdSoAndWhereThreadsAreBound) {
  const Json bound = info({}, with({{"OMP_PROC_BIND", "true"}}));
  EXPECT_EQ(set_by_restart(bound).size(), 0u);
  Child::Options options = nothing_set();
  options.runner = {"/lib64/ld-linux-x86-64.so.2"};
  if (!std::filesystem::exists(options.runner.front())) GTEST_SKIP() << "no ld.so of this name";
  EXPECT_EQ(set_by_restart(info({}, options)).size(), 0u);
}

TEST(Start, ARestartKeepsStreamsArgumentsAndExitCodes) {
  Child::Options closed = nothing_set();
  closed.close_stdout = true;
  EXPECT_EQ(swin({"info"}, closed).exit_code, 5);
  Child::Options pipe = nothing_set();
  pipe.leave_pipe = true;
  EXPECT_EQ(swin({"info"}, pipe).exit_code, 0);
  const Finished missing = swin({"plan", "no such file.json"}, nothing_set());
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("no such file.json"));
}

// The reader of a third-party file is this program, too. Its sandbox forbids to start a program.
TEST(Start, TheReaderOfThirdPartyFilesDoesNotRestart) {
  const TemporaryDirectory folder;
  write_text(folder / "set.h5", std::string("\x89HDF\r\n\x1a\n") + std::string(4096, '\0'));
  const Finished result = swin({"data", "check", folder / "set.h5"}, nothing_set());
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("set.h5: is not an HDF5 file, or a damaged one"));
}

}  // namespace
}  // namespace swin::test
