// swin convert and inspect of a segmenter: from mmsegmentation's names to a checkpoint, a folder
// for transformers and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/json.h"
#include "files/safetensors.h"
#include "files/weight_file.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;

/// The arrays of a list in tests/weights/dialect_keys, without integers.
void write_listed(const std::string& list, const std::string& file) {
  std::ifstream lines(source_dir() + "/tests/weights/dialect_keys/" + list);
  ASSERT_TRUE(lines);
  std::vector<std::vector<float>> values;
  std::vector<std::pair<std::string, std::vector<int64_t>>> rows;
  for (std::string name, dims; lines >> name >> dims;) {
    if (dims == "scalar" || name.ends_with("relative_position_index")) continue;
    std::vector<int64_t> shape;
    std::istringstream items(dims);
    for (std::string dim; std::getline(items, dim, ',');) shape.push_back(std::stoll(dim));
    values.emplace_back(static_cast<size_t>(*files::num_elements_of(shape)),
                        static_cast<float>(values.size() + 1) / 256);
    rows.emplace_back(name, shape);
  }
  std::vector<files::NamedArray> arrays;
  for (size_t i = 0; i < rows.size(); ++i)
    arrays.push_back(
        files::NamedArray::of(rows[i].first, rows[i].second, std::span<const float>(values[i])));
  files::write_safetensors(file, arrays, {});
}

std::map<std::string, std::string> weights_of(const std::string& file) {
  std::map<std::string, std::string> weights;
  for (const files::NamedArray& array : files::read_raw_weights(file).arrays)
    if (array.dtype == files::DType::f32)
      weights[array.name] =
          files::to_text(array.shape) +
          std::string(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  return weights;
}

Json converted(const Words& arguments) {
  Words words = {"convert"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back("--json");
  const Finished result = swin(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return base::parse_json(result.out, "convert");
}

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
