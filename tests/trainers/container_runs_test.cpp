// Runs on images that are stored inside other files: tar shards and packed sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "data/decode/decode.h"
#include "data/formats/formats.h"
#include "data/formats/packed.h"
#include "tests/data/formats/tar_bytes.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers::testing {
namespace {

using ::testing::ElementsAre;
namespace fs = std::filesystem;

constexpr int kImages = 30, kShards = 3;
const char* const kClasses[] = {"ant", "bee", "wasp"};

/// Two sets of images, each as a folder, as three tar shards that use the same keys, and packed.
class ContainerRuns : public ::testing::Test {
 protected:
  ContainerRuns() {
    for (const std::string part : {"train", "validation"}) {
      write_set(part);
      data::DatasetOptions options;
      options.format = "image_folder";
      options.path = (directory_ / part).string();
      data::pack_dataset(*data::open_dataset(options), packed(part));
    }
  }
  std::string shards(const std::string& part) const {
    return (directory_ / (part + "-{0..2}.tar")).string();
  }
  std::string packed(const std::string& part) const {
    return (directory_ / (part + ".h5")).string();
  }
  /// Four steps, three per epoch.
  Config config(const std::string& format, const std::string& train,
                const std::string& validation) const {
    const auto section = [&](const std::string& path) {
      return "{\"format\":\"" + format + "\",\"samples\":null,\"path\":\"" + path + "\"}";
    };
    return micro_config({"data.train=" + section(train), "data.validation=" + section(validation),
                         "trainer.batch_size=10", "checkpoint.every_steps=1"});
  }
  /// Stops after each step in turn and resumes with other workers: the last checkpoint is the same.
  void expect_resume_to_equal(const Config& config, const std::string& expected) const {
    for (const int stop_at : {1, 2, 3}) {
      const fs::path run = directory_ / ("stopped_" + std::to_string(stop_at));
      TrainOptions options = options_of(config, run);
      AfterStep after_step([=](int64_t step) {
        if (step == stop_at) raise(SIGUSR1);
      });
      options.listeners = {&after_step};
      EXPECT_NE(train(options).exit_code, base::ExitCode::done);
      Config other = config;
      other.runtime.workers = stop_at;
      EXPECT_EQ(train(options_of(other, run)).steps, 4);
      EXPECT_TRUE(checkpoint_bytes(run, 4) == expected) << stop_at;
      fs::remove_all(run);
    }
  }
  std::vector<std::string> class_names(const std::string& run) const {
    return load_model((directory_ / run / "last.h5").string()).class_names;
  }
  void expect_evaluation_to_agree(const std::string& run, const TrainResult& trained) const {
    EvaluateOptions options;
    options.checkpoint = (directory_ / run / "last.h5").string();
    options.quiet = true;
    const EvaluateResult result = evaluate(options);
    EXPECT_EQ(result.images, kImages);
    EXPECT_EQ(result.metrics, trained.metrics);
    EXPECT_FALSE(result.metrics.empty());
  }
  TemporaryDirectory directory_;

 private:
  void write_set(const std::string& part) const {
    data::Bytes tars[kShards];
    for (int i = 0; i < kImages; ++i) {
      data::Image image;
      image.reshape(16 + i % 3, 16, 3);
      for (size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = static_cast<uint8_t>(p * 7 + static_cast<size_t>(i) * 31 + part.size());
      const data::Bytes bytes = data::encode_png(image);
      const std::string label = kClasses[i % 3], key = std::to_string(i / kShards);
      // One class per shard and leading zeros: shards and folder have the same order.
      const std::string file = std::string(i < 10 ? "0" : "") + std::to_string(i) + ".png";
      directory_.write(part + "/" + label + "/" + file, std::span(bytes));
      data::Bytes& tar = tars[i % kShards];
      data::add_to_tar(tar, key + ".png", std::span(bytes));
      data::add_to_tar(tar, key + ".cls", label);
    }
    for (int shard = 0; shard < kShards; ++shard)
      directory_.write(part + "-" + std::to_string(shard) + ".tar", data::ended(tars[shard]));
  }
};

TEST_F(ContainerRuns, TarShardsTrainEvaluateAndResumeBitForBit) {
  const Config of_shards = config("webdataset", shards("train"), shards("validation"));
  const TrainResult result = train(options_of(of_shards, directory_ / "run"));
  EXPECT_EQ(result.steps, 4);
  EXPECT_EQ(result.bad_images, 0);
  EXPECT_THAT(class_names("run"), ElementsAre("ant", "bee", "wasp"));
  expect_evaluation_to_agree("run", result);
  expect_resume_to_equal(of_shards, checkpoint_bytes(directory_ / "run", 4));
}

TEST_F(ContainerRuns, PackedSetsTrainEvaluateAndResumeBitForBit) {
  const Config of_packed = config("packed", packed("train"), packed("validation"));
  const TrainResult result = train(options_of(of_packed, directory_ / "run"));
  EXPECT_EQ(result.steps, 4);
  EXPECT_THAT(class_names("run"), ElementsAre("ant", "bee", "wasp"));
  expect_evaluation_to_agree("run", result);
  expect_resume_to_equal(of_packed, checkpoint_bytes(directory_ / "run", 4));
}

// The three hold the same images in the same order, so training gives the same weights.
TEST_F(ContainerRuns, GiveTheSameWeightsAsTheirFolder) {
  const auto folder = [&](const std::string& part) { return (directory_ / part).string(); };
  const auto learned = [&](const std::string& format, const std::string& train_path,
                           const std::string& validation_path) {
    train(options_of(config(format, train_path, validation_path), directory_ / format));
    std::vector<float> weights(3 * 16);
    files::CheckpointFile(directory_ / format / "last.h5")
        .read_float32("model/head.weight", weights);
    return weights;
  };
  const auto expected = learned("image_folder", folder("train"), folder("validation"));
  EXPECT_EQ(learned("webdataset", shards("train"), shards("validation")), expected);
  EXPECT_EQ(learned("packed", packed("train"), packed("validation")), expected);
  EXPECT_NE(expected, std::vector<float>(3 * 16));
}

TEST_F(ContainerRuns, AResumeOnOtherShardsGoesOnWithAWarning) {
  const Config before = config("webdataset", shards("train"), shards("validation"));
  TrainOptions options = options_of(before, directory_ / "run");
  AfterStep after_step([](int64_t step) {
    if (step == 2) raise(SIGUSR1);
  });
  options.listeners = {&after_step};
  train(options);
  // The same images under the same keys, one label changed.
  const std::string shard = (directory_ / "train-0.tar").string();
  std::string bytes = read_text(shard);
  const size_t label = bytes.find(std::string("ant") + std::string(509, '\0'));
  ASSERT_NE(label, std::string::npos);
  bytes.replace(label, 3, "bee");
  swin::test::write_text(shard, bytes);
  options.listeners = {};
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(train(options).steps, 4);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::HasSubstr("warning: data.train changed since step 2: "));
}

}  // namespace
}  // namespace swin::trainers::testing
