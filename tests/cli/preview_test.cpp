// swin data preview: a PNG of the first training batch.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/json.h"
#include "tests/cli/child.h"

namespace swin::test {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DataPreview, DrawsTheTrainingBatchAndIsTheSameEveryTime) {
  const TemporaryDirectory folder;
  const std::string config = folder / "c.json";
  write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                                   "num_heads": [2], "window_size": 4},
                         "data": {"train": {"format": "synthetic"}}, "trainer": {"batch_size": 6},
                         "augment": {"random_resized_crop": {}, "auto_augment": "rand-m9-inc1",
                                     "mixup": 0.8}})");
  const std::string picture = folder / "a.png";
  const base::Json json = json_of({"data", "preview", config, "--output", picture, "--json"});
  EXPECT_EQ(json.at("images").as_int(), 6);
  const std::string bytes = read(picture);
  EXPECT_EQ(bytes.substr(1, 3), "PNG");
  EXPECT_EQ(swin({"data", "preview", config, "--output", folder / "b.png"}).exit_code, 0);
  EXPECT_EQ(read(folder / "b.png"), bytes);
  EXPECT_EQ(
      swin({"data", "preview", config, "--output", folder / "c.png", "--set", "trainer.seed=1"})
          .exit_code,
      0);
  EXPECT_NE(read(folder / "c.png"), bytes);
  EXPECT_EQ(swin({"data", "preview", config, "--output", folder / "no/such/d.png"}).exit_code, 5);
  EXPECT_EQ(swin({"data", "preview", config, "--set", "augment.auto_augment=rand-x1"}).exit_code,
            2);
  EXPECT_EQ(swin({"data", "check", config, "--output", picture}).exit_code, 2);
}

}  // namespace
}  // namespace swin::test
