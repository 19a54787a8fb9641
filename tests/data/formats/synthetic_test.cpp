#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <set>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

TEST(Synthetic, IsAFunctionOfItsSeed) {
  DatasetOptions options = dataset_options("synthetic");
  options.synthetic_size = {20, 31};
  options.synthetic_samples = 40;
  options.seed = 5;
  const auto one = open_dataset(options), same = open_dataset(options);
  options.seed = 6;
  const auto other = open_dataset(options);
  options.seed = 5;
  options.split = Split::test;
  const auto test = open_dataset(options);
  ASSERT_EQ(one->size(), 40);
  EXPECT_EQ(one->num_classes(), 10);
  EXPECT_EQ(one->fingerprint(), same->fingerprint());
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  EXPECT_NE(one->fingerprint(), test->fingerprint());
  std::set<int64_t> labels;
  for (int64_t i = 39; i >= 0; --i) {
    const Image image = one->load(i);
    EXPECT_EQ(image.height, 20);
    EXPECT_EQ(image.width, 31);
    EXPECT_EQ(image, same->load(i));
    EXPECT_NE(image, other->load(i));
    EXPECT_NE(image, test->load(i));
    labels.insert(one->stratum(i));
  }
  EXPECT_EQ(labels.size(), 10u);
  // Equal on every machine.
  options.split = Split::train;
  EXPECT_EQ(sha256_of(open_dataset(options)->load(7).pixels),
            "227639944de8e8f9b1fd3942fd5cd62dadf17d4e44251b55a93b62a6444c8e3c");
  options.channels = 1;
  EXPECT_EQ(open_dataset(options)->load(0).channels, 1);
}

TEST(Synthetic, ANearestMeanTellsTheClassesApart) {
  DatasetOptions options = dataset_options("synthetic", "", 1);
  options.synthetic_size = {16, 16};
  options.synthetic_samples = 1000;
  const auto train = open_dataset(options);
  options.split = Split::test;
  options.synthetic_samples = 200;
  const auto test = open_dataset(options);
  std::vector<std::vector<double>> means(10, std::vector<double>(256));
  const auto centered = [](const Image& image) {
    std::vector<double> values(image.pixels.begin(), image.pixels.end());
    double mean = 0, square = 0;
    for (const double v : values) mean += v / 256;
    for (const double v : values) square += (v - mean) * (v - mean);
    for (double& v : values) v = (v - mean) / std::sqrt(square);
    return values;
  };
  for (int64_t i = 0; i < train->size(); ++i) {
    const auto values = centered(train->load(i));
    for (size_t p = 0; p < 256; ++p) means[static_cast<size_t>(train->stratum(i))][p] += values[p];
  }
  int64_t correct = 0;
  for (int64_t i = 0; i < test->size(); ++i) {
    const auto values = centered(test->load(i));
    size_t best = 0;
    double best_score = -1e9;
    for (size_t c = 0; c < 10; ++c) {
      const double score = std::inner_product(values.begin(), values.end(), means[c].begin(), 0.0);
      if (score > best_score) best = c, best_score = score;
    }
    correct += static_cast<int64_t>(best) == test->stratum(i);
  }
  EXPECT_GT(correct, 60) << "of 200; chance is 20";
}

}  // namespace
}  // namespace swin::data
