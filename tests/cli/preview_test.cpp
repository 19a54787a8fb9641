// swin data preview: a picture of the first training batch.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/json.h"
#include "data/decode/decode.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

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
  const std::string image = folder / "a.png";
  const base::Json json = json_of({"data", "preview", config, "--output", image, "--json"});
  EXPECT_EQ(json.at("images").as_int(), 6);
  const std::string bytes = read(image);
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
  EXPECT_EQ(swin({"data", "check", config, "--output", image}).exit_code, 2);
}

// 37 × 43 pixels in the file; 19 × 22 are enough for a model of 16 × 16.
TEST(DataPreview, DecodesAsTrainingDoes) {
  const TemporaryDirectory folder;
  const std::string jpeg = source_dir() + "/tests/data/images/rgb_420.jpg";
  std::filesystem::create_directories(folder / "files/a");
  std::filesystem::create_directories(folder / "scaled/a");
  std::filesystem::copy_file(jpeg, folder / "files/a/1.jpg");
  const data::Image scaled = data::read_image(jpeg, 3, {.min_short_side = 16});
  ASSERT_EQ(scaled.height, 19);
  data::write_png(folder / "scaled/a/1.png", scaled);
  const auto preview = [&](const std::string& set, bool scaled_decode) {
    const std::string config = folder / "c.json";
    write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8,
                                     "depths": [1], "num_heads": [2], "window_size": 4},
                           "data": {"train": {"format": "image_folder", "path": ")" +
                           (folder / set).string() + R"("}}, "trainer": {"batch_size": 1},
                           "augment": {"scaled_decode": )" +
                           (scaled_decode ? "true" : "false") + "}}");
    const std::string image = folder / "p.png";
    EXPECT_EQ(swin({"data", "preview", config, "--output", image}).exit_code, 0);
    return read(image);
  };
  EXPECT_EQ(preview("files", true), preview("scaled", false));
  EXPECT_NE(preview("files", false), preview("scaled", false));
}

TEST(DataPreview, TheNameSaysTheFormat) {
  const TemporaryDirectory folder;
  const Words preview = {
      "data",    "preview", "configs/synthetic_micro.json", "--set", "trainer.batch_size=2",
      "--output"};
  const auto starts = [&](const char* name) {
    EXPECT_EQ(swin(preview + Words{folder / name}).exit_code, 0) << name;
    return read(folder / name).substr(0, 4);
  };
  for (const char* name : {"a.png", "a.PNG", "b.jpg.png"}) EXPECT_EQ(starts(name), "\x89PNG");
  for (const char* name : {"a.jpg", "a.jpeg", "a.JPG", "b.png.jpg"})
    EXPECT_EQ(starts(name).substr(0, 3), "\xFF\xD8\xFF");
  EXPECT_EQ(data::read_image(folder / "a.jpg", 3).width,
            data::read_image(folder / "a.png", 3).width);
  for (const char* name : {"a.webp", "a.gif", "a.bmp", "a", "png", ".png"}) {
    const Finished result = swin(preview + Words{folder / name});
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_NE(result.err.find("expected a name that ends in .png, .jpg or .jpeg"),
              std::string::npos)
        << result.err;
    EXPECT_FALSE(std::filesystem::exists(folder / name)) << name;
  }
}

TEST(DataPreview, ABadImageIsReplacedAndReported) {
  const TemporaryDirectory folder;
  std::filesystem::create_directories(folder / "set/a");
  std::filesystem::copy_file(source_dir() + "/tests/data/images/rgb.png", folder / "set/a/1.png");
  std::filesystem::copy(folder / "set/a", folder / "set/b");
  write_text(folder / "set/a/2.png", "no image");
  write_text(folder / "set/a/2.txt", "what it shows");
  const std::string config = folder / "c.json";
  write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                                   "num_heads": [2], "window_size": 4},
                         "data": {"train": {"format": "image_folder", "path": ")" +
                         (folder / "set").string() + R"("}}, "trainer": {"batch_size": 3}})");
  const Words words = {"data", "preview", config, "--output", folder / "p.png"};
  const Finished reported = swin(words);
  EXPECT_EQ(reported.exit_code, 0);
  EXPECT_NE(reported.err.find("1 bad images are replaced"), std::string::npos) << reported.err;
  EXPECT_NE(reported.err.find("set/a/2.png: found"), std::string::npos) << reported.err;
  EXPECT_NE(reported.err.find("data.train: 3 images of 2 classes\n"), std::string::npos);
  EXPECT_NE(reported.err.find("data.train: 1 passed over, no image (.txt): "), std::string::npos);
  EXPECT_EQ(json_of(words + Words{"--json"}).at("passed_over").size(), 1u);
  EXPECT_EQ(swin(words + Words{"--quiet"}).err, "");
  EXPECT_EQ(swin(words + Words{"--set", "data.on_bad=error"}).exit_code, 3);
}

TEST(DataPreview, LinksAreFollowedUnlessTheConfigSaysOtherwise) {
  const TemporaryDirectory folder;
  const std::string image = source_dir() + "/tests/data/images/rgb.png";
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directories(folder / ("set/" + std::string(name)));
    std::filesystem::copy_file(image, folder / ("set/" + std::string(name) + "/1.png"));
    std::filesystem::create_symlink(image, folder / ("set/" + std::string(name) + "/2.png"));
  }
  const std::string config = folder / "c.json";
  write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                                   "num_heads": [2], "window_size": 4},
                         "data": {"train": {"format": "image_folder", "path": ")" +
                         (folder / "set").string() + R"("}}, "trainer": {"batch_size": 4}})");
  const Words words = {"data", "preview", config, "--output", folder / "p.png", "--json"};
  const base::Json all = json_of(words);
  EXPECT_EQ(all.at("images").as_int(), 4);
  EXPECT_EQ(all.at("passed_over").size(), 0u);
  const base::Json plain = json_of(words + Words{"--set", "data.follow_links=false"});
  EXPECT_EQ(plain.at("images").as_int(), 2);
  ASSERT_EQ(plain.at("passed_over").size(), 1u);
  EXPECT_EQ(plain.at("passed_over").items()[0].at("reason").as_string(), "link");
  EXPECT_EQ(plain.at("passed_over").items()[0].at("count").as_int(), 2);
}

}  // namespace
}  // namespace swin::test
