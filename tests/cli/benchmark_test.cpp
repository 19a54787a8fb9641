// swin benchmark, of training and of the data loader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using base::Json;

const std::string kMicro = "configs/synthetic_micro.json";

TEST(Benchmark, TrainingAndLoader) {
  const Json result = json_of(
      {"benchmark", kMicro, "--seconds", "0", "--batch", "4", "--threads", "1", "--profile"});
  expect_keys(result, {"images_per_second", "step_seconds", "peak_memory_bytes", "flops_per_image",
                       "gemm_gflops", "gemm_fraction", "precision", "mode", "threads", "batch_size",
                       "cpu", "profile"});
  EXPECT_EQ(result.at("mode").as_string(), "train");
  EXPECT_EQ(result.at("batch_size").as_int(), 4);
  EXPECT_NEAR(result.at("gemm_fraction").as_real(),
              result.at("images_per_second").as_real() * result.at("flops_per_image").as_real() /
                  (result.at("gemm_gflops").as_real() * 1e9),
              1e-9);
  const Json data = json_of({"benchmark", "data", kMicro, "--seconds", "0"});
  EXPECT_GT(data.at("images_per_second").as_real(), 0);
  EXPECT_GT(data.at("images_per_second_per_core").as_real(), 0);
  std::vector<std::string> stages;
  for (const Json& row : data.at("stages").items()) stages.push_back(row.at("stage").as_string());
  EXPECT_EQ(stages, (Words{"load", "resize", "normalise"}));
}

// The stages decode as training does, and skip bad files.
TEST(Benchmark, StagesAreThoseOfTheLoader) {
  const TemporaryDirectory folder;
  const std::string images = std::string(SWIN_SOURCE_DIR) + "/tests/data/images/";
  std::filesystem::create_directories(folder / "set/a");
  std::filesystem::copy_file(images + "rgb_420.jpg", folder / "set/a/1.jpg");  // 37 × 43
  std::filesystem::copy_file(images + "rgb_420.jpg", folder / "set/a/2.jpg");
  write_text(folder / "set/a/bad.jpg", "no image");
  const std::string config = folder / "c.json";
  write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                                   "num_heads": [2], "window_size": 4},
                         "data": {"train": {"format": "image_folder", "path": ")" +
                         (folder / "set").string() + R"("}}, "trainer": {"batch_size": 4},
                         "augment": {"random_erasing": 0.5}})");
  const Words words = {"benchmark", "data", config, "--seconds", "0"};
  const Json whole = json_of(words);
  EXPECT_EQ(whole.at("decoded_pixels").as_real(), 37 * 43);
  std::vector<std::string> stages;
  for (const Json& row : whole.at("stages").items()) stages.push_back(row.at("stage").as_string());
  EXPECT_EQ(stages, (Words{"read", "decode", "resize", "augment", "normalise"}));
  const Words scaled = words + Words{"--set", "augment.scaled_decode=true"};
  EXPECT_EQ(json_of(scaled).at("decoded_pixels").as_real(), 19 * 22);
  EXPECT_THAT(swin(scaled).out,
              testing::HasSubstr("decoded to 418 pixels (augment.scaled_decode)"));
  // A crop of a fiftieth of the image needs too many pixels: the whole image is decoded.
  EXPECT_EQ(json_of(scaled + Words{"--set", "augment.random_resized_crop={}"})
                .at("decoded_pixels")
                .as_real(),
            37 * 43);
  EXPECT_EQ(json_of(scaled + Words{"--set", "augment.repeats=3"}).at("decoded_pixels").as_real(),
            19 * 22);
}

}  // namespace
}  // namespace swin::test
