// A config's decoding options reach training, evaluation and predict.
#include <gtest/gtest.h>

#include "data/decode/decode.h"
#include "tests/support/places.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/data_options.h"
#include "trainers/run/predict.h"

namespace swin::trainers::testing {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(swin::test::source_dir()) / "tests/data/images" / name;
}

// Two classes: one with the eight orientations, one with upright images.
void write_classes(const fs::path& root) {
  for (int label = 0; label < 2; ++label) {
    const fs::path folder = root / std::to_string(label);
    fs::create_directories(folder);
    for (int i = 1; i <= 8; ++i) {
      const std::string name = "exif_" + std::to_string(label == 0 ? i : 1) + ".jpg";
      fs::copy_file(golden(name), folder / (std::to_string(i) + ".jpg"));
    }
  }
}

std::vector<std::string> sets_for(const fs::path& root) {
  return {"data.train={\"format\":\"image_folder\",\"samples\":null,\"path\":\"" + root.string() +
              "\"}",
          "data.validation={\"format\":\"image_folder\",\"samples\":null,\"path\":\"" +
              root.string() + "_too" + "\"}"};
}

TEST(DecodeOptions, ExifOrientationReachesEveryReader) {
  const TemporaryDirectory directory;
  write_classes(directory / "data");
  write_classes(directory / "data_too");
  std::vector<std::string> sets = sets_for(directory / "data");
  const auto stored = open_dataset_of(micro_config(sets).data.train, micro_config(sets));
  sets.push_back("preprocess.exif_orientation=true");
  const Config config = micro_config(sets);
  const auto train = open_dataset_of(config.data.train, config);
  const auto validation = open_dataset_of(*config.data.validation, config);
  ASSERT_EQ(train->size(), 16);
  for (int64_t i = 0; i < 16; ++i) {
    const std::string path = train->name(i);
    const data::Image seen = data::read_image(path, 3, {.exif_orientation = true});
    EXPECT_EQ(train->load(i), seen) << path;
    EXPECT_EQ(validation->load(i), seen) << path;  // copies of the same files
    EXPECT_EQ(stored->load(i), data::read_image(path, 3)) << path;
  }

  // predict gives the same answer for a rotated file and an upright one with the same pixels.
  swin::trainers::train(options_of(config, directory / "run"));
  const std::string upright = (directory / "upright.png").string();
  data::write_png(upright,
                  data::read_image(golden("exif_6.jpg").string(), 3, {.exif_orientation = true}));
  const std::string checkpoint = (directory / "run" / "last.h5").string();
  const auto answers =
      Predictor(checkpoint)
          .predict({golden("exif_6.jpg").string(), upright, golden("exif_1.jpg").string()},
                   {.top_k = 2});
  ASSERT_EQ(answers.size(), 3u);
  const auto probability = [&](size_t i) { return answers[i].predictions.at(0).probability; };
  EXPECT_EQ(probability(0), probability(1));
  EXPECT_NE(probability(0), probability(2));
}

TEST(DecodeOptions, ScaledDecodingIsForTrainingAndLeavesCropsLargeEnough) {
  const TemporaryDirectory directory;
  fs::create_directories(directory / "data" / "a");
  fs::copy_file(golden("rgb_420.jpg"), directory / "data" / "a" / "1.jpg");  // 37 × 43
  std::vector<std::string> sets = sets_for(directory / "data");
  sets.push_back("model.num_classes=1");
  EXPECT_EQ(decode_of(micro_config(sets), true).min_short_side, 0);  // off by default
  sets.push_back("augment.scaled_decode=true");
  const auto height = [&](const std::string& set, bool training) {
    std::vector<std::string> with = sets;
    with.push_back(set);
    const Config config = micro_config(with);
    return open_dataset_of(config.data.train, config, training)->load(0).height;
  };
  // Directly to 16 × 16, or first to a short side.
  EXPECT_EQ(height("preprocess.resize=null", true), 19);
  EXPECT_EQ(height("preprocess.resize=null", false), 37);
  EXPECT_EQ(height("preprocess.resize=19", true), 19);
  EXPECT_EQ(height("preprocess.resize=20", true), 37);
  // A quarter of 19 × 22 has too few pixels for a crop of 16 × 16; nine tenths are enough.
  const std::string square = R"(augment.random_resized_crop={"ratio":[1,1],"scale":)";
  EXPECT_EQ(height(square + "[0.25,1]}", true), 37);
  EXPECT_EQ(height(square + "[0.9,1]}", true), 19);
  EXPECT_EQ(height(square + "[0.9,1]}", false), 37);
}

}  // namespace
}  // namespace swin::trainers::testing
