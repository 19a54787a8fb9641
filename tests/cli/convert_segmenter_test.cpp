// swin convert and inspect of a segmenter: from mmsegmentation's names to a checkpoint, a folder
// for transformers and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/cli/convert_support.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;

TEST(ConvertSegmenter, TheHeadsTravelWithTheWeights) {
  const TemporaryDirectory folder;
  const std::string source = folder / "source.safetensors", hub = folder / "hub/",
                    checkpoint = folder / "model.h5", mm = folder / "mm.safetensors",
                    back = folder / "back.safetensors", names = folder / "names.txt";
  write_listed("official_upernet.txt", source);
  std::ofstream(names) << "sky\ntree\nwall\ndoor\nlamp\n";
  const Json report = converted({source, checkpoint, "--classes", names});
  EXPECT_EQ(report.at("kind").as_string(), "segmenter");
  EXPECT_EQ(report.at("model_config").at("num_classes").as_int(), 5);
  EXPECT_EQ(swin({"inspect", checkpoint}).exit_code, 0);
  const auto stored = files::read_raw_weights(checkpoint).config_json;
  ASSERT_TRUE(stored);
  const Json task = base::parse_json(*stored, "config").at("task");
  EXPECT_EQ(task.at("name").as_string(), "semantic_segmentation");
  EXPECT_EQ(task.at("head").at("channels").as_int(), 6);
  EXPECT_EQ(task.at("head").at("auxiliary_channels").as_int(), 4);
  EXPECT_EQ(task.at("head").at("norm").as_string(), "batch");

  converted({checkpoint, hub, "--dialect", "huggingface"});
  const auto config = files::read_raw_weights(hub).hub_config;
  ASSERT_TRUE(config);
  const Json json = base::parse_json(*config, "config.json");
  EXPECT_EQ(json.at("model_type").as_string(), "upernet");
  EXPECT_EQ(json.at("hidden_size").as_int(), 6);
  EXPECT_EQ(json.at("id2label").at("1").as_string(), "tree");

  converted({hub, mm, "--dialect", "mm"});
  EXPECT_EQ(converted({mm, back}).at("source_dialect").as_string(), "mm");
  EXPECT_EQ(weights_of(back), weights_of(source));
  EXPECT_EQ(weights_of(checkpoint), weights_of(source));
}

}  // namespace
}  // namespace swin::test
