// Every architecture learns rendered shapes: the loss falls and the accuracy rises above chance.
#include "tests/trainers/run_support.h"

namespace swin::trainers {
namespace {

using namespace testing;

class Learning : public ::testing::TestWithParam<const char*> {};

TEST_P(Learning, TheLossFallsOnRenderedShapes) {
  const TemporaryDirectory directory;
  const auto run = directory / "run";
  std::vector<std::string> architecture = {"model.name=" + std::string(GetParam())};
  if (architecture[0] == "model.name=vit")
    architecture.insert(architecture.end(), {"model.depths=[3]", "model.num_heads=[2]",
                                             "model.patch_size=4", "model.embed_dim=32"});
  std::vector<std::string> sets = {"model.drop_rate=0",      "model.attn_drop_rate=0",
                                   "model.drop_path_rate=0", "model.embed_dim=16",
                                   "augment.random_crop=0",  "augment.horizontal_flip=0",
                                   "data.train.samples=512", "data.validation.samples=200",
                                   "schedule.epochs=12",     "schedule.warmup_steps=10",
                                   "optimizer.lr=0.004",     "trainer.batch_size=16",
                                   "task.label_smoothing=0", "trainer.evaluate_every_epochs=12"};
  sets.insert(sets.end(), architecture.begin(), architecture.end());
  const TrainResult result = train(options_of(micro_config(sets), run));
  double first = 0, last = 0;
  int steps = 0;
  const auto log = read_log(run);
  for (const auto& line : log) steps += line.find("step") != nullptr;
  int i = 0;
  for (const auto& line : log) {
    if (!line.find("step")) continue;
    if (i < 10) first += line.at("loss").as_real() / 10;
    if (i >= steps - 10) last += line.at("loss").as_real() / 10;
    ++i;
  }
  EXPECT_LT(last, 0.6 * first);
  EXPECT_GT(result.metrics[0].second, 0.3);  // chance is 0.1
}
INSTANTIATE_TEST_SUITE_P(Architectures, Learning,
                         ::testing::Values("swin", "swin_v2", "swin_mlp", "vit"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace swin::trainers
