// Batches of samples of several sizes: how large they are, and what is in the padding.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "data/loader.h"
#include "data/stages.h"
#include "tests/data/sized_images.h"
#include "tests/data/test_loaders.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::vector<base::Size2> sizes(int64_t count) {
  std::vector<base::Size2> all;
  for (int64_t i = 0; i < count; ++i) all.push_back({20 + i * 7 % 31, 18 + i * 11 % 37});
  return all;
}

LoaderOptions options_of(int workers, int64_t batch_size) {
  LoaderOptions options = training_options(workers, batch_size, 11);
  options.preprocess.resize = 24;
  options.preprocess.long_side = 60;
  options.augment = {.horizontal_flip = 0.5, .photometric_distortion = true};
  options.augment.short_sides = {12, 20, 30};
  return options;
}

void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.padded_size, b.padded_size);
  EXPECT_EQ(a.images, b.images);
  EXPECT_EQ(a.real_sizes, b.real_sizes);
  EXPECT_EQ(a.original_sizes, b.original_sizes);
  EXPECT_TRUE(a.annotations == b.annotations);
  EXPECT_EQ(a.indices, b.indices);
}

// Sample i of a batch without its padding.
std::vector<float> sample_of(const Batch& batch, int64_t i) {
  const auto [height, width] = batch.real_sizes[static_cast<size_t>(i)];
  std::vector<float> values;
  for (int64_t y = 0; y < height; ++y) {
    const auto row =
        batch.images.begin() + ((i * batch.padded_size[0] + y) * batch.padded_size[1]) * 3;
    values.insert(values.end(), row, row + width * 3);
  }
  return values;
}

TEST(BatchSizes, AreThoseOfTheLargestSample) {
  for (const AnnotationKind kind : {AnnotationKind::label_map, AnnotationKind::objects}) {
    const SizedImages set(sizes(50), kind);
    const LoaderOptions options = options_of(0, 8);
    Loader loader(set, options);
    const Normalization normalization(3, options.preprocess.mean, options.preprocess.std);
    std::set<base::Size2> padded_sizes;
    for (const Batch& batch : collect(loader, 4)) {
      base::Size2 largest = {0, 0};
      for (int64_t i = 0; i < batch.size; ++i) {
        const auto at = static_cast<size_t>(i);
        const int64_t index = batch.indices[at];
        const Geometry geometry =
            draw_geometry(set.size(index), options.preprocess, options.augment,
                          {11, 4, static_cast<uint64_t>(index)});
        const base::Size2 real = {geometry.window.height, geometry.window.width};
        EXPECT_EQ(batch.real_sizes[at], real);
        EXPECT_EQ(batch.original_sizes[at], set.size(index));
        EXPECT_EQ(batch.annotations[at],
                  transformed(padded(geometry, batch.padded_size), set.annotation(index)));
        for (size_t axis = 0; axis < 2; ++axis) largest[axis] = std::max(largest[axis], real[axis]);
        if (kind == AnnotationKind::label_map) {
          const auto& map = std::get<LabelMap>(batch.annotations[at]);
          EXPECT_EQ((base::Size2{map.height, map.width}), batch.padded_size);
          EXPECT_EQ(map.classes.back() == LabelMap::kIgnored, real != batch.padded_size);
        }
        // The padding is the mean color, whatever happens to colors.
        const float* values =
            batch.images.data() + i * batch.padded_size[0] * batch.padded_size[1] * 3;
        for (int64_t y = 0; y < batch.padded_size[0]; ++y)
          for (int64_t x = 0; x < batch.padded_size[1]; ++x, values += 3)
            if (y >= real[0] || x >= real[1]) {
              ASSERT_EQ(values[0], 0) << y << " " << x;
            }
      }
      EXPECT_EQ(batch.padded_size, padded_up(largest));
      padded_sizes.insert(batch.padded_size);
    }
    EXPECT_GT(padded_sizes.size(), 1u);
  }
}

TEST(BatchSizes, DoNotDependOnWorkersOrTheFirstBatch) {
  for (const bool grouped : {false, true}) {
    const SizedImages set(sizes(70));
    LoaderOptions options = options_of(0, 20);
    options.group_by_aspect_ratio = grouped;
    Loader alone(set, options);
    const auto expected = collect(alone, 3);
    ASSERT_THAT(expected, SizeIs(4));
    for (const int workers : {1, 3}) {
      options.workers = workers;
      Loader loader(set, options);
      for (const int64_t first : {0, 2}) {
        const auto found = collect(loader, 3, first);
        ASSERT_EQ(found.size(), expected.size() - static_cast<size_t>(first));
        for (size_t i = 0; i < found.size(); ++i)
          expect_equal(found[i], expected[i + static_cast<size_t>(first)]);
      }
    }
  }
}

// A sample is the same in a batch of any size, but for its padding.
TEST(BatchSizes, ChangeNothingButThePadding) {
  const SizedImages set(sizes(24));
  Loader of_one(set, options_of(0, 1)), of_eight(set, options_of(0, 8));
  const auto singles = collect(of_one, 1);
  int64_t position = 0;
  for (const Batch& batch : collect(of_eight, 1))
    for (int64_t i = 0; i < batch.size; ++i, ++position) {
      const Batch& single = singles[static_cast<size_t>(position)];
      ASSERT_EQ(batch.indices[static_cast<size_t>(i)], single.indices[0]);
      EXPECT_EQ(sample_of(batch, i), sample_of(single, 0));
    }
  EXPECT_EQ(position, 24);
}

TEST(BatchSizes, AreReadOnceAndBeforeDecoding) {
  const SizedImages set(sizes(30));
  Loader loader(set, options_of(2, 10));
  for (int64_t epoch = 0; epoch < 3; ++epoch) collect(loader, epoch);
  EXPECT_EQ(set.sizes_read, 30);
  EXPECT_EQ(set.loads, 90);
  LoaderOptions fixed = options_of(0, 10);
  fixed.augment.short_sides.clear();
  fixed.augment.resize_ratio = {0.3, 2};
  Loader cropping(set, fixed);
  for (const Batch& batch : collect(cropping, 0)) {
    EXPECT_THAT(batch.padded_size, ElementsAre(12, 14));
    EXPECT_THAT(batch.real_sizes, testing::Contains(testing::Not(ElementsAre(12, 14))));
  }
  EXPECT_EQ(set.sizes_read, 30);
}

TEST(BatchSizes, EvaluationKeepsTheOriginalAnnotations) {
  for (const AnnotationKind kind : {AnnotationKind::label_map, AnnotationKind::objects}) {
    const SizedImages set(sizes(10), kind);
    LoaderOptions options = options_of(1, 4);
    options.shuffle = options.training = false;
    Loader loader(set, options);
    int64_t index = 0;
    for (const Batch& batch : collect(loader, 0))
      for (int64_t i = 0; i < batch.size; ++i, ++index) {
        EXPECT_EQ(batch.annotations[static_cast<size_t>(i)], set.annotation(index));
        const PreparedImage prepared =
            preprocess_image(set.Dataset::load(index), options.preprocess);
        EXPECT_EQ(batch.real_sizes[static_cast<size_t>(i)], prepared.real_size);
        Batch alone;
        alone.images = prepared.pixels;
        alone.padded_size = prepared.padded_size;
        alone.real_sizes = {prepared.real_size};
        EXPECT_EQ(sample_of(batch, i), sample_of(alone, 0));
      }
    EXPECT_EQ(index, 10);
  }
}

// A header that cannot be read: the size is that of the image which replaces it. Pixels that cannot
// be read: the other image is made to fit.
TEST(BatchSizes, HoldForImagesThatReplaceOthers) {
  std::vector<base::Size2> all(12, {20, 20});
  all[5] = {20, 50};
  SizedImages set(all);
  set.no_header = {3};
  set.no_pixels = {7};
  for (const int64_t batch_size : {1, 4})
    for (const int workers : {0, 2}) {
      LoaderOptions options = options_of(workers, batch_size);
      options.shuffle = false;
      options.on_bad = OnBad::replace;
      Loader loader(set, options);
      std::vector<std::vector<Batch>> epochs;
      for (int64_t epoch = 0; epoch < 12; ++epoch) {
        for (const Batch& batch : collect(loader, epoch)) {
          for (const BadImage& bad : batch.bad) {
            EXPECT_NE(bad.replaced_by, bad.index);
            const auto at = static_cast<size_t>(bad.position);
            EXPECT_LE(batch.real_sizes[at][0], batch.padded_size[0]);
            EXPECT_LE(batch.real_sizes[at][1], batch.padded_size[1]);
            EXPECT_GE(batch.real_sizes[at][0], 12 * 20 / 30);
            EXPECT_EQ(batch.original_sizes[at], all[static_cast<size_t>(bad.replaced_by)]);
          }
        }
      }
      options.on_bad = OnBad::skip;
      Loader skipping(set, options);
      int64_t bad = 0;
      for (const Batch& batch : collect(skipping, 0)) bad += std::ssize(batch.bad);
      EXPECT_EQ(bad, 2);
      options.on_bad = OnBad::error;
      Loader strict(set, options);
      strict.start(0, 3 / batch_size);
      Batch batch;
      EXPECT_THROW(strict.next(batch), base::DataError);
    }
}

TEST(BatchSizes, GroupsAreOfOneShape) {
  const SizedImages set(sizes(60));
  LoaderOptions options = options_of(2, 6);
  options.group_by_aspect_ratio = true;
  Loader loader(set, options);
  int64_t mixed = 0;
  std::vector<int64_t> all;
  for (const Batch& batch : collect(loader, 0)) {
    int64_t wide = 0;
    for (const base::Size2& size : batch.original_sizes) wide += size[1] > size[0];
    mixed += wide > 0 && wide < batch.size;
    all.insert(all.end(), batch.indices.begin(), batch.indices.end());
  }
  EXPECT_LE(mixed, 1);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 60u);
  options.augment.repeats = 2;
  EXPECT_THROW(Loader(set, options), base::UsageError);
}

}  // namespace
}  // namespace swin::data
