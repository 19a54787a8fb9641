// Runs whose images keep their ratio: batches of several sizes, resumed, sliced and with bad files.
#include <signal.h>

#include "data/decode/decode.h"
#include "tests/trainers/run_support.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class SeveralSizes : public ::testing::Test {
 protected:
  // Two classes of twelve images; the batches of eight are three steps an epoch.
  SeveralSizes() {
    for (const std::string name : {"train", "test"})
      for (const std::string c : {"a", "b"}) {
        fs::create_directories(directory_ / name / c);
        for (int64_t i = 0; i < 12; ++i) {
          data::Image image;
          image.reshape(14 + i * 5 % 17, 12 + i * 7 % 23, 3);
          for (size_t p = 0; p < image.pixels.size(); ++p)
            image.pixels[p] = static_cast<uint8_t>(p * 7 + static_cast<size_t>(i) * 31);
          data::write_png((directory_ / name / c / (std::to_string(i) + ".png")).string(), image);
        }
        std::ofstream(directory_ / name / c / "5.png") << "no image";
      }
  }
  Config config(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> sets = {
        "data.train.format=image_folder",
        "data.train.path=" + (directory_ / "train").string(),
        "data.train.samples=null",
        "data.validation={\"path\":\"" + (directory_ / "test").string() + "\",\"samples\":null}",
        "data.max_bad_fraction=0.5",
        "data.group_by_aspect_ratio=true",
        "augment.random_crop=0",
        "augment.short_sides=[16,24,32]",
        "augment.photometric_distortion=true",
        "preprocess.resize=24",
        "preprocess.long_side=48",
        "schedule.steps=5",
        "checkpoint.every_steps=1",
        "checkpoint.keep_last=100"};
    sets.insert(sets.end(), more.begin(), more.end());
    return micro_config(sets);
  }
  // The first step of a run: later ones make more of the differences in rounding.
  static base::Json first_step(const fs::path& run) {
    for (const base::Json& line : read_log(run))
      if (line.find("loss")) return line;
    return {};
  }

  TemporaryDirectory directory_;
};

TEST_F(SeveralSizes, ResumeAndWorkersChangeNoBit) {
  const TrainResult whole = train(options_of(config({"runtime.workers=0"}), directory_ / "whole"));
  EXPECT_EQ(whole.steps, 5);
  EXPECT_EQ(whole.validation_bad_images, 2);
  EXPECT_FALSE(whole.metrics.empty());
  const std::string expected = checkpoint_bytes(directory_ / "whole", 5);
  for (const int stop_at : {1, 4}) {  // in the middle of an epoch
    const fs::path run = directory_ / std::to_string(stop_at);
    TrainOptions options = options_of(config({"runtime.workers=3"}), run);
    AfterStep after_step([=](int64_t step) {
      if (step == stop_at) raise(SIGUSR1);
    });
    options.listeners = {&after_step};
    EXPECT_EQ(train(options).steps, stop_at);
    EXPECT_EQ(train(options_of(config({"runtime.workers=1"}), run)).steps, 5);
    EXPECT_TRUE(checkpoint_bytes(run, 5) == expected) << stop_at;
  }
}

// The padding of a slice is that of the whole batch, so the model sees the same images.
TEST_F(SeveralSizes, SlicesSeeTheSameImages) {
  const std::vector<std::string> still = {"model.drop_rate=0", "model.attn_drop_rate=0",
                                          "model.drop_path_rate=0"};
  train(options_of(config(still), directory_ / "whole"));
  for (const int slice : {1, 4}) {
    std::vector<std::string> sets = still;
    sets.push_back("trainer.micro_batch_size=" + std::to_string(slice));
    const fs::path run = directory_ / ("sliced" + std::to_string(slice));
    train(options_of(config(sets), run));
    for (const char* name : {"loss", "grad_norm"})
      EXPECT_NEAR(first_step(run).at(name).as_real(),
                  first_step(directory_ / "whole").at(name).as_real(), 2e-5)
          << name << " " << slice;
  }
}

}  // namespace
}  // namespace swin::trainers
