#include "data/loader.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <set>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

DatasetOptions synthetic(int64_t samples, int64_t height = 12, int64_t width = 14) {
  DatasetOptions options;
  options.format = "synthetic";
  options.synthetic_samples = samples;
  options.synthetic_size = {height, width};
  return options;
}

LoaderOptions options_of(int workers, int64_t batch_size = 50) {
  LoaderOptions options;
  options.batch_size = batch_size;
  options.shuffle = options.training = true;
  options.seed = 11;
  options.workers = workers;
  options.preprocess = {.height = 12, .width = 14, .channels = 3, .mean = {0.4f}, .std = {0.3f}};
  options.augment = {.random_crop = 2, .horizontal_flip = 0.5};
  return options;
}

std::vector<Batch> collect(Loader& loader, int64_t epoch, int64_t first = 0) {
  std::vector<Batch> batches;
  loader.start(epoch, first);
  for (Batch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b, size_t skipped = 0) {
  ASSERT_EQ(a.size() - skipped, b.size());
  for (size_t i = 0; i < b.size(); ++i) {
    EXPECT_EQ(a[i + skipped].size, b[i].size);
    EXPECT_EQ(a[i + skipped].images, b[i].images) << "batch " << i;
    EXPECT_EQ(a[i + skipped].labels, b[i].labels) << "batch " << i;
    EXPECT_EQ(a[i + skipped].indices, b[i].indices) << "batch " << i;
  }
}

TEST(Loader, BatchesDoNotDependOnWorkersOrOnWhereAnEpochIsEntered) {
  const auto dataset = open_dataset(synthetic(333));
  Loader alone(*dataset, options_of(0));
  EXPECT_EQ(alone.num_batches(), 7);
  EXPECT_EQ(alone.num_samples(), 333);
  const auto expected = collect(alone, 3);
  ASSERT_EQ(expected.size(), 7u);
  EXPECT_EQ(expected.back().size, 33);
  EXPECT_EQ(expected.back().images.size(), 33u * 12 * 14 * 3);
  for (const int workers : {0, 1, 2, 3}) {
    Loader loader(*dataset, options_of(workers));
    expect_equal(expected, collect(loader, 3));
    for (const int64_t first : {0, 1, 4, 6, 7}) {
      expect_equal(expected, collect(loader, 3, first), static_cast<size_t>(first));
    }
    EXPECT_NE(collect(loader, 4)[0].indices, expected[0].indices);
    expect_equal(expected, collect(loader, 3));
  }
}

TEST(Loader, AnEpochIsEveryPictureOnce) {
  const auto dataset = open_dataset(synthetic(107));
  Loader loader(*dataset, options_of(2, 10));
  std::set<int64_t> indices;
  std::vector<int64_t> order;
  for (const Batch& batch : collect(loader, 0)) {
    for (int64_t i = 0; i < batch.size; ++i) {
      const int64_t index = batch.indices[static_cast<size_t>(i)];
      indices.insert(index);
      order.push_back(index);
      EXPECT_EQ(batch.labels[static_cast<size_t>(i)], dataset->label(index));
    }
  }
  EXPECT_EQ(order.size(), 107u);
  EXPECT_EQ(indices.size(), 107u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST(Loader, EvaluationIsInOrderAndNotAugmented) {
  const auto dataset = open_dataset(synthetic(25));
  LoaderOptions options = options_of(2, 10);
  options.shuffle = options.training = false;
  Loader loader(*dataset, options);
  int64_t place = 0;
  for (const Batch& batch : collect(loader, 9)) {
    for (int64_t i = 0; i < batch.size; ++i, ++place) {
      EXPECT_EQ(batch.indices[static_cast<size_t>(i)], place);
      const std::vector<float> expected =
          preprocess_image(dataset->load(place), options.preprocess);
      const auto begin = batch.images.begin() + i * static_cast<int64_t>(expected.size());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), begin));
    }
  }
  EXPECT_EQ(place, 25);
}

TEST(Loader, AugmentationIsTheCropAndFlipOfThePicture) {
  const auto dataset = open_dataset(synthetic(20));
  const LoaderOptions options = options_of(1, 20);
  Loader loader(*dataset, options);
  const Normalization normalization(3, options.preprocess.mean, options.preprocess.std);
  const Batch batch = collect(loader, 2)[0];
  std::vector<float> expected(12 * 14 * 3);
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t index = batch.indices[static_cast<size_t>(i)];
    write_normalized(dataset->load(index), random_crop(2, 11, 2, static_cast<uint64_t>(index)), 12,
                     14, random_flip(0.5, 11, 2, static_cast<uint64_t>(index)), normalization,
                     expected.data());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                           batch.images.begin() + i * static_cast<int64_t>(expected.size())));
  }
}

TEST(Loader, DropLastLeavesOnlyFullBatches) {
  const auto dataset = open_dataset(synthetic(107));
  LoaderOptions options = options_of(2, 10);
  options.drop_last = true;
  Loader loader(*dataset, options);
  EXPECT_EQ(loader.num_batches(), 10);
  EXPECT_EQ(loader.num_samples(), 100);
  EXPECT_EQ(collect(loader, 0).size(), 10u);
  options.batch_size = 108;
  EXPECT_THROW(Loader(*dataset, options), base::UsageError);
}

TEST(Loader, RefusesOptionsThatMakeNoSense) {
  const auto dataset = open_dataset(synthetic(10));
  const auto refuses = [&](auto change) {
    LoaderOptions options = options_of(0);
    change(options);
    EXPECT_THROW(Loader(*dataset, options), base::UsageError);
  };
  refuses([](LoaderOptions& o) { o.batch_size = 0; });
  refuses([](LoaderOptions& o) { o.workers = -1; });
  refuses([](LoaderOptions& o) { o.preprocess.height = 0; });
  refuses([](LoaderOptions& o) { o.augment.random_crop = -1; });
  refuses([](LoaderOptions& o) { o.preprocess.mean = {0.5f, 0.5f}; });
}

TEST(Loader, MemoryOfABatchIsUsedAgain) {
  const auto dataset = open_dataset(synthetic(400));
  for (const int workers : {0, 2}) {
    Loader loader(*dataset, options_of(workers, 20));
    std::set<const float*> blocks;
    Batch batch;
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      loader.start(epoch);
      while (loader.next(batch)) blocks.insert(batch.images.data());
    }
    EXPECT_LE(blocks.size(), 3u) << workers << " workers";
  }
}

TEST(Loader, NothingHangsWhenItIsLeftInTheMiddle) {
  const auto dataset = open_dataset(synthetic(500));
  for (int round = 0; round < 20; ++round) {
    Loader loader(*dataset, options_of(3, 40));
    if (round % 4 == 0) continue;  // never started
    loader.start(round);
    Batch batch;
    for (int i = 0; i < round % 5; ++i) loader.next(batch);
    if (round % 2) loader.start(round + 1, 2);  // and again
  }
}

TEST(Loader, ReturnsFalseBeforeStartAndAfterTheEnd) {
  const auto dataset = open_dataset(synthetic(10));
  for (const int workers : {0, 2}) {
    Loader loader(*dataset, options_of(workers));
    Batch batch;
    EXPECT_FALSE(loader.next(batch));
    loader.start(0);
    EXPECT_TRUE(loader.next(batch));
    EXPECT_FALSE(loader.next(batch));
    EXPECT_FALSE(loader.next(batch));
    EXPECT_GT(loader.seconds_waited(), 0);
  }
}

// Pictures 37, 45 and 130 cannot be read.
class Flawed : public Dataset {
 public:
  int64_t size() const override { return 200; }
  int64_t label(int64_t) const override { return 0; }
  std::string name(int64_t i) const override { return "picture " + std::to_string(i); }
  void load(int64_t i, Image& image) const override {
    if (i == 37 || i == 45 || i == 130) throw base::DataError(name(i), "damaged");
    image.reshape(12, 14, 3);
  }
};

TEST(Loader, TheErrorOfAWorkerReachesTheCallerAtItsBatch) {
  const Flawed dataset;
  for (const int workers : {0, 1, 2, 3}) {
    LoaderOptions options = options_of(workers, 60);
    options.shuffle = false;
    Loader loader(dataset, options);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      loader.start(epoch);
      Batch batch;
      EXPECT_THAT(data_error([&] { loader.next(batch); }), HasSubstr("picture 37: damaged"));
      EXPECT_TRUE(loader.next(batch));
      EXPECT_EQ(batch.indices[0], 60);
      EXPECT_THAT(data_error([&] { loader.next(batch); }), HasSubstr("picture 130: damaged"));
      EXPECT_TRUE(loader.next(batch));
      EXPECT_EQ(batch.size, 20);
      EXPECT_FALSE(loader.next(batch));
    }
  }
}

TEST(Loader, ResizesPicturesOfEverySize) {
  const auto dataset = open_dataset(synthetic(30, 40, 30));
  LoaderOptions options = options_of(2, 8);
  options.preprocess.resize = 16;
  Loader loader(*dataset, options), alone(*dataset, [&] {
    LoaderOptions copy = options;
    copy.workers = 0;
    return copy;
  }());
  expect_equal(collect(alone, 1), collect(loader, 1));
  for (const Batch& batch : collect(loader, 1)) {
    for (const float value : batch.images) ASSERT_TRUE(std::isfinite(value));
  }
}

}  // namespace
}  // namespace swin::data
