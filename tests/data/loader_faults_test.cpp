// The loader with images that cannot be read, unexpected errors and slow images. No test waits for
// a clock.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "data/loader.h"
#include "tests/data/faulty_dataset.h"
#include "tests/data/test_files.h"
#include "tests/data/test_loaders.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

LoaderOptions options_of(int workers, OnBad on_bad, int64_t batch_size = 50) {
  LoaderOptions options = training_options(workers, batch_size, 5);
  options.on_bad = on_bad;
  return options;
}

void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.images, b.images);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.indices, b.indices);
  ASSERT_EQ(a.bad.size(), b.bad.size());
  for (size_t i = 0; i < a.bad.size(); ++i) {
    EXPECT_EQ(a.bad[i].position, b.bad[i].position);
    EXPECT_EQ(a.bad[i].index, b.bad[i].index);
    EXPECT_EQ(a.bad[i].error, b.bad[i].error);
    EXPECT_EQ(a.bad[i].replaced_by, b.bad[i].replaced_by);
  }
}

// Class 3 of 10 has twenty images, of which only image 23 can be read.
std::map<int64_t, Fault> all_but_one_of_class_3() {
  std::map<int64_t, Fault> faults = {{50, Fault::damaged_unnamed}};
  for (int64_t i = 3; i < 200; i += 10)
    if (i != 23) faults[i] = Fault::damaged;
  return faults;
}

TEST(BadImages, AreReplacedWithinTheirClassForAnyNumberOfWorkers) {
  const FaultyDataset dataset(200, 10, all_but_one_of_class_3());
  Loader alone(dataset, options_of(0, OnBad::replace));
  const std::vector<Batch> expected = collect(alone, 1);
  std::set<int64_t> bad;
  for (const Batch& batch : expected) {
    for (const BadImage& image : batch.bad) {
      EXPECT_TRUE(bad.insert(image.index).second);
      EXPECT_THAT(image.error, HasSubstr(dataset.name(image.index) + ": "));
      EXPECT_EQ(dataset.stratum(image.replaced_by), dataset.stratum(image.index));
      EXPECT_NE(image.replaced_by, image.index);
      const auto position = static_cast<size_t>(image.position);
      EXPECT_EQ(batch.indices[position], image.replaced_by);
      EXPECT_EQ(batch.labels[position], dataset.stratum(image.index));
      EXPECT_EQ(image.replaced_by == 23, image.index % 10 == 3);
      // The middle of the image is in every crop. It must come from the replacement.
      const float value = batch.images[position * 12 * 14 * 3 + (6 * 14 + 7) * 3];
      EXPECT_FLOAT_EQ(value, (static_cast<float>(image.replaced_by) / 255 - 0.4f) / 0.3f);
    }
  }
  EXPECT_EQ(bad.size(), 20u);
  for (const int workers : {1, 3}) {
    Loader loader(dataset, options_of(workers, OnBad::replace));
    for (const int64_t first : {0, 1, 3}) {
      const std::vector<Batch> batches = collect(loader, 1, first);
      ASSERT_EQ(batches.size() + static_cast<size_t>(first), expected.size());
      for (size_t i = 0; i < batches.size(); ++i)
        expect_equal(expected[i + static_cast<size_t>(first)], batches[i]);
    }
  }
}

TEST(BadImages, HaveOtherReplacementsInOtherEpochs) {
  const FaultyDataset dataset(200, 2, {{8, Fault::damaged}});
  Loader loader(dataset, options_of(2, OnBad::replace));
  std::set<int64_t> replacements;
  for (int64_t epoch = 0; epoch < 6; ++epoch)
    for (const Batch& batch : collect(loader, epoch))
      for (const BadImage& image : batch.bad) replacements.insert(image.replaced_by);
  EXPECT_GT(replacements.size(), 2u);
}

TEST(BadImages, AClassWithoutReadableImagesIsAnError) {
  const FaultyDataset dataset(8, 4, {{1, Fault::damaged}, {5, Fault::damaged}});
  for (const int workers : {0, 1, 3}) {
    Loader loader(dataset, options_of(workers, OnBad::replace, 8));
    loader.start(0);
    Batch batch;
    EXPECT_THAT(data_error([&] { loader.next(batch); }),
                AllOf(HasSubstr("image_"), HasSubstr("no readable image of its class"),
                      HasSubstr("damaged")));
  }
}

TEST(BadImages, AreListedAndZeroUnderSkip) {
  const FaultyDataset dataset(70, 7,
                              {{4, Fault::damaged}, {33, Fault::damaged}, {69, Fault::damaged}});
  for (const int workers : {0, 1, 3}) {
    LoaderOptions options = options_of(workers, OnBad::skip, 64);
    options.shuffle = options.training = false;
    Loader loader(dataset, options);
    const std::vector<Batch> batches = collect(loader, 0);
    ASSERT_EQ(batches.size(), 2u);
    ASSERT_EQ(batches[0].bad.size(), 2u);
    EXPECT_EQ(batches[0].bad[0].index, 4);
    EXPECT_EQ(batches[0].bad[1].position, 33);
    EXPECT_EQ(batches[0].indices[33], 33);
    EXPECT_EQ(batches[0].images[33 * 12 * 14 * 3], 0);
    EXPECT_NE(batches[0].images[34 * 12 * 14 * 3], 0);
    ASSERT_EQ(batches[1].bad.size(), 1u);
    EXPECT_EQ(batches[1].bad[0].index, 69);
    EXPECT_EQ(batches[1].bad[0].position, 5);
  }
}

struct Expected {
  Fault fault;
  base::ExitCode code;
  const char* text;
};

TEST(WorkerErrors, ReachTheCallerWithTheNameOfTheFile) {
  const Expected cases[] = {
      {Fault::damaged, base::ExitCode::data, "damaged"},
      {Fault::damaged_unnamed, base::ExitCode::data, "a decoder: damaged"},
      {Fault::disk, base::ExitCode::disk, "a disk: gone"},
      {Fault::no_memory, base::ExitCode::memory, "no memory"},
      {Fault::unexpected, base::ExitCode::internal, "a library's own words"},
      {Fault::not_an_exception, base::ExitCode::internal, "unexpected"},
      {Fault::gray, base::ExitCode::internal, "an image of 1 channels"},
  };
  for (const Expected& expected : cases) {
    const FaultyDataset dataset(300, 3, {{77, expected.fault}, {203, expected.fault}});
    for (const OnBad on_bad : {OnBad::error, OnBad::replace, OnBad::skip}) {
      if (on_bad != OnBad::error && expected.code == base::ExitCode::data) continue;
      for (const int workers : {0, 1, 3}) {
        LoaderOptions options = options_of(workers, on_bad, 100);
        options.shuffle = false;
        options.training = on_bad != OnBad::skip;
        Loader loader(dataset, options);
        for (int64_t epoch = 0; epoch < 2; ++epoch) {
          loader.start(epoch);
          Batch batch;
          for (const char* name : {"image_77.jpg", "", "image_203.jpg"}) {
            try {
              EXPECT_TRUE(loader.next(batch));
              EXPECT_STREQ(name, "");
            } catch (const base::Error& error) {
              EXPECT_EQ(error.code(), expected.code);
              EXPECT_THAT(error.what(), AllOf(HasSubstr(name), HasSubstr(expected.text)));
              EXPECT_STRNE(name, "");
            }
          }
          EXPECT_FALSE(loader.next(batch));
        }
      }
    }
  }
}

TEST(SlowImages, DelayOnlyTheirBatchAndTheQueueIsBounded) {
  for (const int workers : {2, 3}) {
    FaultyDataset dataset(320, 10);
    std::atomic<int64_t> asked_for = 0, farthest = 0;
    dataset.on_load = [&](int64_t i) {
      // Two batches are made ahead of the one the caller holds or asks for.
      if (i >= (asked_for + 2) * 32) farthest = i;
    };
    dataset.close(0);
    LoaderOptions options = options_of(workers, OnBad::error, 32);
    options.shuffle = false;
    Loader loader(dataset, options);
    loader.start(0);
    dataset.wait_until_loaded(48);  // two batches, except the chunk of image 0
    EXPECT_EQ(dataset.loaded(), 48);
    dataset.open();
    Batch batch;
    for (int64_t number = 0; number < 10; ++number) {
      ++asked_for;
      ASSERT_TRUE(loader.next(batch));
      EXPECT_EQ(batch.indices[0], number * 32);
    }
    EXPECT_EQ(farthest, 0);
    EXPECT_FALSE(loader.next(batch));
  }
}

TEST(SlowImages, ALoaderEndsWhileItsWorkersAreBlocked) {
  for (const int workers : {1, 3}) {
    FaultyDataset dataset(320, 10);
    dataset.close(5);
    auto loader = std::make_unique<Loader>(dataset, options_of(workers, OnBad::replace, 320));
    loader->start(0);
    std::thread ending([&] { loader.reset(); });
    dataset.open();
    ending.join();
    EXPECT_LE(dataset.loaded(), 320);
  }
}

TEST(SlowImages, ALoaderEndsWhileItsWorkersWaitForRoom) {
  for (const int workers : {1, 3}) {
    const FaultyDataset dataset(320, 10);
    Loader loader(dataset, options_of(workers, OnBad::replace, 32));
    loader.start(0);
    dataset.wait_until_loaded(64);  // the queue is full: all workers wait
  }
}

TEST(SlowImages, ANewEpochStartsWhileTheOldOneIsBlocked) {
  FaultyDataset dataset(64, 4);
  dataset.close(7);
  LoaderOptions options = options_of(3, OnBad::error, 16);
  options.shuffle = false;
  Loader loader(dataset, options);
  loader.start(0);
  std::thread starting([&] { loader.start(1, 2); });
  dataset.open();
  starting.join();
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.indices[0], 32);
}

}  // namespace
}  // namespace swin::data
