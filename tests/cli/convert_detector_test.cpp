// swin convert and inspect of a detector: from mmdetection's names to a checkpoint, to
// torchvision's and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/cli/convert_support.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;

std::string said_by(const Words& words) {
  const Finished result = swin(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

TEST(ConvertDetector, TheHeadsTravelWithTheWeights) {
  const TemporaryDirectory folder;
  const std::string source = folder / "source.safetensors", checkpoint = folder / "model.h5",
                    mm = folder / "mm.safetensors", torchvision = folder / "tv.safetensors",
                    back = folder / "back.safetensors", names = folder / "names.txt";
  write_listed("official_mask_rcnn.txt", source);
  std::ofstream(names) << "cat\ndog\nowl\nemu\nyak\n";
  const Json report = converted({source, checkpoint, "--classes", names});
  EXPECT_EQ(report.at("kind").as_string(), "detector");
  EXPECT_EQ(report.at("model_config").at("num_classes").as_int(), 5);
  EXPECT_EQ(report.at("preprocess").at("long_side").as_int(), 1333);
  EXPECT_THAT(said_by({"inspect", checkpoint}), HasSubstr("swin with Mask R-CNN"));
  const auto stored = files::read_raw_weights(checkpoint).config_json;
  ASSERT_TRUE(stored);
  const Json task = base::parse_json(*stored, "config").at("task");
  EXPECT_EQ(task.at("name").as_string(), "detection");
  EXPECT_EQ(task.at("convention").as_string(), "mmdet");
  EXPECT_TRUE(task.at("mask").as_bool());
  EXPECT_EQ(task.at("neck").at("channels").as_int(), 6);
  EXPECT_EQ(task.at("box_head").at("channels").as_int(), 10);
  EXPECT_EQ(task.at("mask_head").at("channels").as_int(), 4);
  EXPECT_EQ(task.at("mask_head").at("convs").as_int(), 2);

  converted({checkpoint, mm, "--dialect", "mm"});
  const Json written = converted({mm, torchvision, "--dialect", "torchvision"});
  EXPECT_EQ(written.at("source_dialect").as_string(), "mm");
  EXPECT_THAT(base::to_text(written.at("differences")), HasSubstr("task.convention"));
  const Json again = converted({torchvision, back});
  EXPECT_EQ(again.at("source_dialect").as_string(), "torchvision");
  EXPECT_EQ(again.at("class_names").size(), 5u);
  EXPECT_EQ(weights_of(back), weights_of(source));
  EXPECT_EQ(weights_of(checkpoint), weights_of(source));
  EXPECT_EQ(swin({"convert", checkpoint, folder / "hub/", "--dialect", "huggingface"}).exit_code,
            2);
}

TEST(ConvertDetector, ACascadeIsOneInTheConfig) {
  const TemporaryDirectory folder;
  const std::string source = folder / "source.safetensors", checkpoint = folder / "model.h5";
  write_listed("mm_cascade_mask_rcnn.txt", source);
  converted({source, checkpoint});
  const auto stored = files::read_raw_weights(checkpoint).config_json;
  ASSERT_TRUE(stored);
  EXPECT_TRUE(base::parse_json(*stored, "config").at("task").at("cascade").as_bool());
  EXPECT_THAT(said_by({"inspect", checkpoint}),
              AllOf(HasSubstr("swin with Cascade Mask R-CNN"), HasSubstr("They fit the config")));
}

TEST(ConvertDetector, AFileOfTorchvisionHasItsConvention) {
  const TemporaryDirectory folder;
  const std::string source = folder / "source.safetensors", checkpoint = folder / "model.h5";
  write_listed("torchvision_old_mask_rcnn.txt", source);
  converted({source, checkpoint});
  const auto stored = files::read_raw_weights(checkpoint).config_json;
  ASSERT_TRUE(stored);
  const Json task = base::parse_json(*stored, "config").at("task");
  EXPECT_EQ(task.at("convention").as_string(), "torchvision");
  EXPECT_THAT(said_by({"inspect", source}), HasSubstr("torchvision's names"));
}

}  // namespace
}  // namespace swin::test
