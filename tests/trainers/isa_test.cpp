// Training with each instruction set: the same bits on any number of threads.
#include "tests/support/isas.h"
#include "tests/trainers/run_support.h"

namespace swin::trainers {
namespace {

using namespace testing;

class TrainingWithIsa : public test::IsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, TrainingWithIsa, ::testing::ValuesIn(test::tested_isas()),
                         test::isa_of_test);

// Large enough that every kernel has more than one tile.
Config config_with_tiles(const std::string& model) {
  return micro_config({"model.name=" + model, "model.image_size=32", "model.embed_dim=24",
                       "trainer.batch_size=13", "schedule.steps=2", "schedule.warmup_steps=1"});
}

TEST_P(TrainingWithIsa, HasTheSameBitsOnOneTwoAndThreeThreads) {
  const TemporaryDirectory directory;
  for (const std::string model : {"swin", "swin_v2"}) {
    std::string first;
    for (const int threads : {1, 2, 3}) {
      const Threads scope(threads);
      const auto run = directory / (model + std::to_string(threads));
      train(options_of(config_with_tiles(model), run));
      const std::string bytes = checkpoint_bytes(run, 2);
      ASSERT_GT(bytes.size(), 10000u);
      if (threads == 1) first = bytes;
      EXPECT_TRUE(bytes == first) << model << ", " << threads << " threads";
    }
  }
}

// With fused multiply-adds other bits come out than without: the sets are really used.
TEST(TrainingIsa, TheLowestSetRoundsOtherwise) {
  if (base::best_isa() == base::Isa::baseline) GTEST_SKIP() << "this processor has one set";
  const TemporaryDirectory directory;
  std::vector<std::string> bytes;
  for (const base::Isa isa : {base::Isa::baseline, base::best_isa()}) {
    const test::IsaScope scope(isa);
    const auto run = directory / base::isa_name(isa);
    train(options_of(micro_config(), run));
    bytes.push_back(checkpoint_bytes(run, 4));
  }
  EXPECT_FALSE(bytes[0] == bytes[1]);
}

}  // namespace
}  // namespace swin::trainers
