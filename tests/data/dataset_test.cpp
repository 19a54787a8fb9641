#include "data/dataset.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

TEST(Fraction, PartsAreDisjointCoverAndKeepTheClasses) {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 1003; ++i) labels.push_back(i * i % 7);
  for (const double cut : {0.75, 0.9, 0.3, 1 - 0.7, 0.005, 0.5}) {
    const auto front = stratified_fraction(labels, 7, 0, cut, 3);
    const auto back = stratified_fraction(labels, 7, cut, 1, 3);
    std::set<int64_t> all(front.begin(), front.end());
    all.insert(back.begin(), back.end());
    EXPECT_EQ(front.size() + back.size(), labels.size());
    EXPECT_EQ(all.size(), labels.size());
    for (int64_t c = 0; c < 7; ++c) {
      const auto of_class = [&](const std::vector<int64_t>& kept) {
        return std::count_if(kept.begin(), kept.end(),
                             [&](int64_t i) { return labels[static_cast<size_t>(i)] == c; });
      };
      std::vector<int64_t> whole(labels.size());
      std::iota(whole.begin(), whole.end(), 0);
      EXPECT_NEAR(static_cast<double>(of_class(front)), cut * static_cast<double>(of_class(whole)),
                  0.51);
    }
  }
  EXPECT_EQ(stratified_fraction(labels, 7, 0, 0.5, 3), stratified_fraction(labels, 7, 0, 0.5, 3));
  EXPECT_NE(stratified_fraction(labels, 7, 0, 0.5, 3), stratified_fraction(labels, 7, 0, 0.5, 4));
  EXPECT_EQ(stratified_fraction(labels, 7, 0, 1 - 0.7, 3),
            stratified_fraction(labels, 7, 0, 0.3, 3));
  // A shuffled order, not the start of the file.
  EXPECT_GT(stratified_fraction(labels, 7, 0, 0.1, 3).back(), 700);
}

TEST(Fraction, OfADatasetKeepsItsImages) {
  DatasetOptions options = dataset_options("synthetic");
  options.synthetic_samples = 200;
  const auto whole = open_dataset(options);
  options.fraction_end = 0.75;
  const auto front = open_dataset(options);
  options.fraction_begin = 0.75;
  options.fraction_end = 1;
  const auto back = open_dataset(options);
  EXPECT_EQ(front->size(), 150);
  EXPECT_EQ(back->size(), 50);
  EXPECT_NE(front->fingerprint(), back->fingerprint());
  std::set<std::string> names;
  for (const auto* part : {front.get(), back.get()}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      names.insert(part->name(i));
      const int64_t index = std::stoll(part->name(i).substr(part->name(i).find('#') + 1));
      ASSERT_EQ(part->stratum(i), whole->stratum(index));
      ASSERT_EQ(part->load(i), whole->load(index));
    }
  }
  EXPECT_EQ(names.size(), 200u);
}

// Every kind of file, turned by EXIF or not, at full size or scaled.
TEST(Size, IsThatOfTheLoadedImage) {
  const TemporaryDirectory folder;
  int64_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden_path("images"))) {
    folder.write("a/" + entry.path().filename().string(), read_bytes(entry.path().string()));
    ++files;
  }
  DatasetOptions options;
  options.format = "image_folder";
  options.path = folder.path();
  for (const bool turned : {false, true})
    for (const int64_t short_side : {0, 9}) {
      options.decode.exif_orientation = turned;
      options.decode.min_short_side = short_side;
      const auto dataset = open_dataset(options);
      ASSERT_EQ(dataset->size(), files);
      for (int64_t i = 0; i < files; ++i) {
        Image image;
        try {
          dataset->load(i, image);
        } catch (const base::DataError&) {
          continue;  // some are damaged
        }
        EXPECT_EQ(dataset->size(i), (base::Size2{image.height, image.width})) << dataset->name(i);
      }
    }
}

TEST(Size, NeedsTheHeaderOfAFileAlone) {
  const TemporaryDirectory folder;
  for (const char* name : {"rgb_420.jpg", "rgb.png", "lossless.webp"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    const size_t kept = whole.size() - 60;  // the end of the pixels is missing
    folder.write("a/" + std::string(name), std::span(whole).first(kept));
  }
  DatasetOptions options;
  options.format = "image_folder";
  options.path = folder.path();
  const auto dataset = open_dataset(options);
  int64_t sizes = 0;
  for (int64_t i = 0; i < dataset->size(); ++i) {
    EXPECT_THROW(dataset->load(i), base::DataError) << dataset->name(i);
    if (dataset->name(i).ends_with(".webp")) continue;  // its container states its length
    EXPECT_EQ(dataset->size(i), (base::Size2{37, 43})) << dataset->name(i);
    ++sizes;
  }
  EXPECT_EQ(sizes, 2);
  folder.write("a/rgb.png", "text");
  EXPECT_THROW(dataset->size(1), base::DataError);
}

TEST(Size, OfPixelsIsKnown) {
  DatasetOptions options = dataset_options("synthetic");
  options.synthetic_size = {7, 9};
  options.synthetic_samples = 40;
  options.fraction_end = 0.5;
  const auto dataset = open_dataset(options);
  EXPECT_EQ(dataset->size(3), (base::Size2{7, 9}));
  EXPECT_EQ(dataset->annotation_kind(), AnnotationKind::one_class);
  EXPECT_EQ(std::get<OneClass>(dataset->annotation(3)).index, dataset->stratum(3));
}

}  // namespace
}  // namespace swin::data
