#include "data/loader.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <numeric>
#include <set>

#include "data/formats/formats.h"
#include "tests/data/one_image.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"
#include "tests/data/test_loaders.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

DatasetOptions synthetic(int64_t samples, int64_t height = 12, int64_t width = 14) {
  DatasetOptions options = dataset_options("synthetic");
  options.synthetic_samples = samples;
  options.synthetic_size = {height, width};
  return options;
}

LoaderOptions options_of(int workers, int64_t batch_size = 50) {
  return training_options(workers, batch_size, 11);
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

TEST(Loader, BatchesDoNotDependOnWorkersOrTheFirstBatch) {
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

TEST(Loader, AnEpochIsEveryImageOnce) {
  const auto dataset = open_dataset(synthetic(107));
  Loader loader(*dataset, options_of(2, 10));
  std::set<int64_t> indices;
  std::vector<int64_t> order;
  for (const Batch& batch : collect(loader, 0)) {
    for (int64_t i = 0; i < batch.size; ++i) {
      const int64_t index = batch.indices[static_cast<size_t>(i)];
      indices.insert(index);
      order.push_back(index);
      EXPECT_EQ(batch.labels[static_cast<size_t>(i)], dataset->stratum(index));
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
  int64_t index = 0;
  for (const Batch& batch : collect(loader, 9)) {
    for (int64_t i = 0; i < batch.size; ++i, ++index) {
      EXPECT_EQ(batch.indices[static_cast<size_t>(i)], index);
      const std::vector<float> expected =
          preprocess_image(dataset->load(index), options.preprocess).pixels;
      const auto begin = batch.images.begin() + i * static_cast<int64_t>(expected.size());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), begin));
    }
  }
  EXPECT_EQ(index, 25);
}

TEST(Loader, AugmentationIsCropAndFlip) {
  const auto dataset = open_dataset(synthetic(20));
  const LoaderOptions options = options_of(1, 20);
  Loader loader(*dataset, options);
  const Normalization normalization(3, options.preprocess.mean, options.preprocess.std);
  const Batch batch = collect(loader, 2)[0];
  std::vector<float> expected(12 * 14 * 3);
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t index = batch.indices[static_cast<size_t>(i)];
    const Draw draw{11, 2, static_cast<uint64_t>(index)};
    write_normalized(dataset->load(index), random_crop(2, draw), 12, 14, random_flip(0.5, draw),
                     normalization, expected.data());
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

TEST(Loader, RefusesInvalidOptions) {
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

TEST(Loader, ReusesTheMemoryOfABatch) {
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

TEST(Loader, DoesNotHangWhenAbandoned) {
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

// Counts how often each image of another data set is decoded.
class Counted : public Dataset {
 public:
  explicit Counted(const Dataset& whole) : loads(static_cast<size_t>(whole.size())), whole_(whole) {
    class_names_ = whole.class_names();
  }
  int64_t size() const override { return whole_.size(); }
  Annotation annotation(int64_t i) const override { return whole_.annotation(i); }
  std::string name(int64_t i) const override { return whole_.name(i); }
  void load(int64_t i, Image& image) const override {
    ++loads[static_cast<size_t>(i)];
    whole_.load(i, image);
  }
  mutable std::vector<std::atomic<int>> loads;

 private:
  const Dataset& whole_;
};

// Repeated augmentation ("Augment Your Batch", Hoffer et al., 2020) as in timm's RepeatAugSampler:
// the shuffled order with every image `repeats` times in a row, cut to the length of the data set.
TEST(Repeats, AnEpochIsTheFirstThirdOfTheOrderThreeTimesInARow) {
  const auto dataset = open_dataset(synthetic(100));
  LoaderOptions options = options_of(0, 16);
  Loader plain(*dataset, options);
  options.augment.repeats = 3;
  Loader repeated(*dataset, options);
  EXPECT_EQ(repeated.num_samples(), 100);
  EXPECT_EQ(repeated.num_batches(), 7);
  const auto order_of = [](const std::vector<Batch>& batches) {
    std::vector<int64_t> order;
    for (const Batch& batch : batches)
      order.insert(order.end(), batch.indices.begin(), batch.indices.end());
    return order;
  };
  std::vector<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const std::vector<int64_t> once = order_of(collect(plain, epoch));
    const std::vector<int64_t> order = order_of(collect(repeated, epoch));
    ASSERT_EQ(order.size(), 100u);
    for (size_t i = 0; i < 100; ++i) EXPECT_EQ(order[i], once[i / 3]) << epoch << " " << i;
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  // Evaluation still uses every image once.
  options.shuffle = options.training = false;
  Loader evaluation(*dataset, options);
  std::vector<int64_t> all(100);
  std::iota(all.begin(), all.end(), int64_t{0});
  EXPECT_EQ(order_of(collect(evaluation, 0)), all);
  options.augment.repeats = 0;
  EXPECT_THROW(Loader(*dataset, options), base::UsageError);
}

// Each repeat is a separate sample with its own draws: number index · repeats + repeat.
TEST(Repeats, EachHasItsOwnAugmentation) {
  const auto dataset = open_dataset(synthetic(12));
  LoaderOptions options = options_of(0, 12);
  options.augment.repeats = 4;
  Loader loader(*dataset, options);
  const size_t values = 12 * 14 * 3;
  std::vector<float> expected(values);
  const Batch batch = collect(loader, 5)[0];
  std::set<std::vector<float>> distinct;
  for (size_t i = 0; i < 12; ++i) {
    const int64_t index = batch.indices[i];
    const Draw draw{options.seed, 5, static_cast<uint64_t>(index) * 4 + i % 4};
    make_training_sample(dataset->load(index), options.preprocess, options.augment, draw,
                         expected.data());
    const auto begin = batch.images.begin() + static_cast<int64_t>(i * values);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), begin)) << i;
    EXPECT_EQ(batch.labels[i], dataset->stratum(index));
    distinct.insert(expected);
  }
  EXPECT_GT(distinct.size(), 8u);  // some draws (of 25 corners and two flips) may be equal
}

TEST(Repeats, DoNotDependOnWorkersOrTheFirstBatch) {
  const auto dataset = open_dataset(synthetic(200));
  LoaderOptions options = options_of(0, 50);  // images continue across batches and chunks
  options.augment.repeats = 3;
  Loader alone(*dataset, options);
  const auto expected = collect(alone, 2);
  for (const int workers : {1, 2, 3}) {
    options.workers = workers;
    Loader loader(*dataset, options);
    for (const int64_t first : {0, 1, 3})
      expect_equal(expected, collect(loader, 2, first), static_cast<size_t>(first));
  }
}

TEST(Repeats, DecodeAnImageOnce) {
  const auto dataset = open_dataset(synthetic(96));
  LoaderOptions options = options_of(0, 48);
  options.augment.repeats = 3;
  for (const int workers : {0, 2}) {
    const Counted counted(*dataset);
    options.workers = workers;
    Loader loader(counted, options);
    collect(loader, 0);
    int total = 0;
    for (const auto& loads : counted.loads) total += loads;
    // 32 images. 16 is not a multiple of 3: each of the two chunk edges in a batch costs one more.
    EXPECT_EQ(total, workers == 0 ? 32 : 32 + 2 * 2);
  }
}

TEST(Repeats, TheLastImageIsNotSharedBetweenLoaders) {
  LoaderOptions options = options_of(0, 3);
  options.shuffle = false;
  options.augment.repeats = 3;  // of image 0 alone
  DatasetOptions other = synthetic(3);
  other.seed = 5;
  const auto first = open_dataset(synthetic(3)), second = open_dataset(other);
  Loader of_first(*first, options), of_second(*second, options);
  const auto expected = collect(of_second, 0);
  EXPECT_NE(collect(of_first, 0)[0].images, expected[0].images);
  expect_equal(expected, collect(of_second, 0));
}

// Images 37, 45 and 130 cannot be read.
class Flawed : public Dataset {
 public:
  int64_t size() const override { return 200; }
  Annotation annotation(int64_t) const override { return OneClass{0}; }
  std::string name(int64_t i) const override { return "image " + std::to_string(i); }
  void load(int64_t i, Image& image) const override {
    if (i == 37 || i == 45 || i == 130) throw base::DataError(name(i), "damaged");
    image.reshape(12, 14, 3);
  }
};

TEST(Loader, NextThrowsTheErrorOfAWorkerForItsBatch) {
  const Flawed dataset;
  for (const int workers : {0, 1, 2, 3}) {
    LoaderOptions options = options_of(workers, 60);
    options.shuffle = false;
    Loader loader(dataset, options);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      loader.start(epoch);
      Batch batch;
      EXPECT_THAT(data_error([&] { loader.next(batch); }), HasSubstr("image 37: damaged"));
      EXPECT_TRUE(loader.next(batch));
      EXPECT_EQ(batch.indices[0], 60);
      EXPECT_THAT(data_error([&] { loader.next(batch); }), HasSubstr("image 130: damaged"));
      EXPECT_TRUE(loader.next(batch));
      EXPECT_EQ(batch.size, 20);
      EXPECT_FALSE(loader.next(batch));
    }
  }
}

TEST(Repeats, EveryRepeatOfABadImageIsListed) {
  const Flawed dataset;
  for (const int workers : {0, 2}) {
    LoaderOptions options = options_of(workers, 200);
    options.shuffle = false;
    options.augment.repeats = 4;
    options.on_bad = OnBad::replace;
    Loader loader(dataset, options);
    const Batch batch = collect(loader, 0)[0];
    std::vector<int64_t> positions;
    for (const BadImage& bad : batch.bad) {
      positions.push_back(bad.position);
      EXPECT_EQ(bad.index, bad.position / 4);
      EXPECT_EQ(bad.replaced_by, batch.bad[bad.index == 37 ? 0 : 4].replaced_by);
      EXPECT_EQ(batch.indices[static_cast<size_t>(bad.position)], bad.replaced_by);
    }
    EXPECT_THAT(positions, testing::ElementsAre(148, 149, 150, 151, 180, 181, 182, 183));
  }
}

TEST(Loader, ResizesImagesOfEverySize) {
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
