// The program on processors without AVX, and without AVX-512, emulated by qemu-user.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/child.h"

namespace swin::test {
namespace {

struct Processor {
  const char *name, *isa;
};

class Emulator : public testing::TestWithParam<Processor> {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "qemu-x86_64 would not run a program of this processor";
#elif defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the address sanitizer does not run in qemu-user";
#endif
    if (std::system("command -v qemu-x86_64 > /dev/null") != 0)
      GTEST_SKIP() << "found no qemu-x86_64: install qemu-user (scripts/setup.sh does)";
  }
  static Finished run(const Words& arguments) {
    Child::Options options;
    options.runner = {"qemu-x86_64", "-cpu", GetParam().name};
    // With a policy set, the program has no reason to start itself again, outside of the emulator.
    options.environment = {{"OMP_WAIT_POLICY", "passive"}};
    options.unset = {"SWIN_ISA"};  // which may name a set that the emulated processor lacks
    return swin(arguments, options);
  }
};
INSTANTIATE_TEST_SUITE_P(Qemu, Emulator,
                         testing::Values(Processor{"Nehalem", "baseline"},
                                         Processor{"Haswell", "avx2"}),
                         [](const auto& test) { return test.param.name; });

TEST_P(Emulator, InfoNamesTheSet) {
  const Finished info = run({"info", "--json"});
  ASSERT_EQ(info.exit_code, 0) << info.err;
  const base::Json document = base::parse_json(info.out, "stdout");
  EXPECT_EQ(document.at("isa").at("in_use").as_string(), GetParam().isa);
  for (const base::Json& library : document.at("libraries").items())
    EXPECT_TRUE(library.at("correct").as_bool()) << library.at("name").as_string();
}

TEST_P(Emulator, TrainsAMicroModel) {
  const TemporaryDirectory folder;
  const Finished trained = run(Words{"train", "configs/synthetic_micro.json", "--output",
                                     folder / "run", "--json", "--set", "trainer.batch_size=4"} +
                               one_step() + Words{"--set", "data.train.samples=4"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(base::parse_json(trained.out, "stdout").at("steps").as_int(), 1);
}

}  // namespace
}  // namespace swin::test
