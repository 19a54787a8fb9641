// The draws of the augmentations against their published definitions, and samples against a plain
// reference implementation.
#include "data/transforms/augment.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/data/one_image.h"
#include "tests/data/test_files.h"
#include "tests/data/transforms/whole_resize.h"

namespace swin::data {
namespace {

Image noise_image(int64_t height, int64_t width, int64_t channels) {
  Image image;
  image.reshape(height, width, channels);
  image.pixels = noise(height * width * channels);
  return image;
}

TEST(RandomCrop, IsUniformAndNamedByEpochAndIndex) {
  std::set<std::pair<int64_t, int64_t>> seen;
  for (uint64_t index = 0; index < 2000; ++index) {
    const Corner corner = random_crop(2, {1, 0, index});
    ASSERT_LE(std::abs(corner.top), 2);
    ASSERT_LE(std::abs(corner.left), 2);
    seen.insert({corner.top, corner.left});
  }
  EXPECT_EQ(seen.size(), 25u);
  int64_t differs = 0, flips = 0;
  for (uint64_t index = 0; index < 1000; ++index) {
    const Corner a = random_crop(4, {1, 0, index}), b = random_crop(4, {1, 1, index}),
                 again = random_crop(4, {1, 0, index});
    differs += a.top != b.top || a.left != b.left;
    ASSERT_EQ(a.top, again.top);
    flips += random_flip(0.25, {1, 0, index});
  }
  EXPECT_GT(differs, 900);
  EXPECT_NEAR(static_cast<double>(flips), 250, 60);
  EXPECT_TRUE(random_flip(1, {1, 0, 0}));
  EXPECT_FALSE(random_flip(0, {1, 0, 0}));
}

TEST(RandomResizedCrop, AreaAndRatioAreAsConfigured) {
  const RandomResizedCrop options;
  double area = 0, log_ratio = 0, least = 1, most = 0;
  constexpr int64_t kCount = 4000;
  for (uint64_t sample = 0; sample < kCount; ++sample) {
    const Box box = random_resized_crop(options, 300, 400, {1, 2, sample});
    ASSERT_GE(box.top, 0);
    ASSERT_GE(box.left, 0);
    ASSERT_LE(box.top + box.height, 300);
    ASSERT_LE(box.left + box.width, 400);
    const double share = static_cast<double>(box.height * box.width) / (300.0 * 400);
    const double ratio = static_cast<double>(box.width) / static_cast<double>(box.height);
    ASSERT_GT(ratio, 0.74);
    ASSERT_LT(ratio, 1.35);
    area += share / kCount;
    log_ratio += std::log(ratio) / kCount;
    least = std::min(least, share);
    most = std::max(most, share);
  }
  // Boxes that do not fit are drawn again, so large ones are rarer and have ratios close to that of
  // the image. The expected values are torchvision's for an image of this size (30,000 draws).
  EXPECT_NEAR(area, 0.4331, 0.012);
  EXPECT_NEAR(log_ratio, 0.0300, 0.008);
  EXPECT_NEAR(least, 0.08, 0.01);
  EXPECT_GT(most, 0.93);
}

TEST(RandomResizedCrop, FallsBackToTheLargestCentralBox) {
  const RandomResizedCrop options{{1, 1}, {3.0 / 4, 4.0 / 3}};
  EXPECT_EQ(random_resized_crop(options, 10, 100, {}), (Box{0, 43, 10, 13}));
  EXPECT_EQ(random_resized_crop(options, 100, 10, {}), (Box{43, 0, 13, 10}));
  EXPECT_EQ(random_resized_crop({{2, 3}, {0.5, 2}}, 64, 64, {}), (Box{0, 0, 64, 64}));
  EXPECT_EQ(random_resized_crop(options, 1, 1, {}), (Box{0, 0, 1, 1}));
}

// The kernel resizes the box without a copy; the reference crops, resizes, flips and normalizes.
TEST(TrainingSample, EqualsTheReference) {
  for (const int64_t channels : {1, 3}) {
    const Preprocess preprocess{
        .height = 24, .width = 20, .channels = channels, .mean = {0.4f}, .std = {0.3f}};
    const Normalization normalization(channels, preprocess.mean, preprocess.std);
    Augment augment;
    augment.random_resized_crop.emplace();
    augment.horizontal_flip = 0.5;
    augment.random_erasing = 0.5;
    const Image image = noise_image(70, 90, channels);
    int64_t flips = 0, erased = 0;
    for (uint64_t sample = 0; sample < 40; ++sample) {
      const Draw draw{7, 1, sample};
      std::vector<float> out(static_cast<size_t>(24 * 20 * channels)), expected(out.size());
      make_training_sample(image, preprocess, augment, draw, out.data());

      const Box box = random_resized_crop(*augment.random_resized_crop, 70, 90, draw);
      Image cut, resized;
      crop(image, {box.top, box.left}, box.height, box.width, cut);
      resized.reshape(24, 20, channels);
      Bytes between;
      kernels::resize(cut.pixels.data(), cut.height, cut.width, channels, 24, 20,
                      Interpolation::bicubic, resized.pixels.data(), between);
      const bool flip = random_flip(0.5, {7, 1, sample});
      write_normalized(resized, {}, 24, 20, flip, normalization, expected.data());
      if (const auto erasing = random_erasing(0.5, 24, 20, draw)) {
        erase(*erasing, 20, channels, draw, expected.data());
        ++erased;
      }
      ASSERT_EQ(out, expected) << sample;
      flips += flip;
    }
    EXPECT_GT(flips, 5);
    EXPECT_GT(erased, 5);
  }
}

TEST(TrainingSample, ColorsChangeOnTheCroppedAndFlippedWindow) {
  const Preprocess preprocess{
      .height = 16, .width = 16, .channels = 3, .mean = {0.0f}, .std = {1.0f}};
  const Normalization normalization(3, preprocess.mean, preprocess.std);
  const Image image = noise_image(16, 16, 3);
  Augment augment{.random_crop = 3, .horizontal_flip = 1};
  augment.color_jitter = {0.4, 0.4, 0.4, 0.1};
  std::vector<float> out(16 * 16 * 3), expected(out.size());
  for (uint64_t sample = 0; sample < 10; ++sample) {
    const Draw draw{3, 0, sample};
    make_training_sample(image, preprocess, augment, draw, out.data());
    Image changed, scratch;
    crop(image, random_crop(3, {3, 0, sample}), 16, 16, changed);
    Image mirrored = changed;
    for (int64_t y = 0; y < 16; ++y)
      for (int64_t x = 0; x < 16; ++x)
        std::copy_n(changed.row(y) + x * 3, 3, mirrored.row(y) + (15 - x) * 3);
    for (const Choice& choice : color_jitter(augment.color_jitter, draw))
      apply(choice.operation, choice.argument, {}, mirrored, scratch);
    write_normalized(mirrored, {}, 16, 16, false, normalization, expected.data());
    ASSERT_EQ(out, expected) << sample;
  }
  // A policy turns the jitter off, as in timm.
  augment.auto_augment.emplace("rand-m9-n0");
  make_training_sample(image, preprocess, augment, {3, 0, 0}, out.data());
  augment.color_jitter = {};
  make_training_sample(image, preprocess, augment, {3, 0, 0}, expected.data());
  EXPECT_EQ(out, expected);
}

// The names of random streams are a contract: another name is another training.
TEST(TrainingSample, AutoAugmentDrawsFromItsNamedStream) {
  const Preprocess preprocess{
      .height = 16, .width = 16, .channels = 3, .mean = {0.0f}, .std = {1.0f}};
  const Normalization normalization(3, preprocess.mean, preprocess.std);
  const Image image = noise_image(16, 16, 3);
  Augment augment;
  augment.auto_augment.emplace("cifar10");
  std::vector<float> out(16 * 16 * 3), expected(out.size());
  for (uint64_t sample = 0; sample < 10; ++sample) {
    const Draw draw{3, 0, sample};
    make_training_sample(image, preprocess, augment, draw, out.data());
    Image changed = image, scratch;
    for (const Choice& choice : draw_cifar10(draw.random("data/auto_augment"), 16, 16))
      apply(choice.operation, choice.argument, {Sampling::nearest, {0, 0, 0}}, changed, scratch);
    write_normalized(changed, {}, 16, 16, false, normalization, expected.data());
    ASSERT_EQ(out, expected) << sample;
  }
}

TEST(ColorJitter, FactorsAreUniformAndTheOrderIsRandom) {
  std::map<Operation, int> first;
  double most = 0, least = 2;
  for (uint64_t sample = 0; sample < 2000; ++sample) {
    const std::vector<Choice> choices = color_jitter({0.4, 0.3, 1.5, 0.1}, {0, 0, sample});
    ASSERT_EQ(choices.size(), 4u);
    ++first[choices[0].operation];
    for (const Choice& choice : choices) {
      if (choice.operation == Operation::brightness) {
        most = std::max(most, choice.argument);
        least = std::min(least, choice.argument);
      }
      if (choice.operation == Operation::color) {
        ASSERT_GE(choice.argument, 0);
      }
      if (choice.operation == Operation::hue) {
        ASSERT_LE(std::abs(choice.argument), 0.1);
      }
    }
  }
  EXPECT_EQ(first.size(), 4u);
  for (const auto& [operation, count] : first)
    EXPECT_NEAR(count, 500, 100) << static_cast<int>(operation);
  EXPECT_NEAR(least, 0.6, 0.005);
  EXPECT_NEAR(most, 1.4, 0.005);
  EXPECT_EQ(color_jitter({0, 0.3, 0, 0}, {}).size(), 1u);
}

TEST(RandomErasing, BoxesAndValuesAreThoseOfTimm) {
  int64_t erased = 0;
  double area = 0, sum = 0, squares = 0, count = 0;
  for (uint64_t sample = 0; sample < 2000; ++sample) {
    const auto box = random_erasing(0.25, 48, 64, {5, 1, sample});
    if (!box) continue;
    ++erased;
    const double share = static_cast<double>(box->height * box->width) / (48.0 * 64);
    ASSERT_GT(share, 0.01);
    ASSERT_LT(share, 0.35);
    ASSERT_LT(box->height, 48);
    ASSERT_LT(box->width, 64);
    area += share;
    std::vector<float> values(48 * 64 * 3, 9.0f);
    erase(*box, 64, 3, {5, 1, sample}, values.data());
    int64_t changed = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] == 9.0f) continue;
      ++changed;
      const auto y = static_cast<int64_t>(i / (64 * 3)), x = static_cast<int64_t>(i / 3 % 64);
      ASSERT_TRUE(y >= box->top && y < box->top + box->height && x >= box->left &&
                  x < box->left + box->width);
      sum += static_cast<double>(values[i]);
      squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    ASSERT_EQ(changed, box->height * box->width * 3);
    count += static_cast<double>(changed);
  }
  EXPECT_NEAR(static_cast<double>(erased), 500, 70);
  EXPECT_NEAR(area / static_cast<double>(erased), (0.02 + 1.0 / 3) / 2, 0.02);
  EXPECT_NEAR(sum / count, 0, 0.01);
  EXPECT_NEAR(squares / count, 1, 0.01);
  EXPECT_EQ(random_erasing(0, 48, 64, {}), std::nullopt);
}

TEST(RandAugment, ReadsTimmsString) {
  const RandAugment policy = parse_rand_augment("rand-m9-mstd0.5-inc1");
  EXPECT_EQ(policy.magnitude, 9);
  EXPECT_EQ(policy.magnitude_std, 0.5);
  EXPECT_TRUE(policy.increasing);
  EXPECT_EQ(policy.layers, 2);
  EXPECT_EQ(policy.probability, 0.5);
  const RandAugment other = parse_rand_augment("rand-n3-p0.25-mmax12");
  EXPECT_EQ(other.magnitude, 10);
  EXPECT_EQ(other.layers, 3);
  EXPECT_EQ(other.probability, 0.25);
  EXPECT_EQ(other.largest, 12);
  EXPECT_FALSE(other.increasing);
  for (const char* wrong :
       {"", "randm9", "rand-m", "rand-x3", "rand-m9.5", "rand-p2", "rand-tweights", "rand-m9-",
        "rand-mmax30", "rand-minf", "imagenet", "rand-m-3"})
    EXPECT_THROW(AutoAugment{wrong}, base::UsageError) << wrong;
}

// Values of timm's *_level_to_arg.
TEST(RandAugment, ArgumentsAreThoseOfTimm) {
  const RandAugment increasing = parse_rand_augment("rand-inc1"),
                    plain = parse_rand_augment("rand");
  const auto argument = [](Operation operation, double m, double sign, const RandAugment& policy) {
    return argument_of(operation, m, sign, policy, 200, 100);
  };
  EXPECT_DOUBLE_EQ(argument(Operation::rotate, 9, -1, increasing), -27);
  EXPECT_EQ(argument(Operation::posterize, 9, 1, increasing), 1);
  EXPECT_EQ(argument(Operation::posterize, 9, 1, plain), 3);
  EXPECT_EQ(argument(Operation::posterize, 10, 1, increasing), 0);
  EXPECT_EQ(argument(Operation::solarize, 9, 1, increasing), 26);
  EXPECT_EQ(argument(Operation::solarize, 9, 1, plain), 230);
  EXPECT_EQ(argument(Operation::solarize_add, 9, 1, plain), 99);
  EXPECT_DOUBLE_EQ(argument(Operation::color, 9, 1, increasing), 1.81);
  EXPECT_DOUBLE_EQ(argument(Operation::contrast, 9, -1, increasing), 0.19);
  EXPECT_DOUBLE_EQ(argument(Operation::brightness, 10, -1, increasing), 0.1);
  EXPECT_DOUBLE_EQ(argument(Operation::sharpness, 5, -1, plain), 1.0);
  EXPECT_DOUBLE_EQ(argument(Operation::shear_x, 9, 1, plain), 0.27);
  EXPECT_DOUBLE_EQ(argument(Operation::translate_x, 10, 1, plain), 45);
  EXPECT_DOUBLE_EQ(argument(Operation::translate_y, 10, -1, plain), -90);
  EXPECT_EQ(argument(Operation::invert, 9, 1, plain), 0);
}

TEST(RandAugment, DrawsEveryOperationHalfTheTime) {
  const AutoAugment policy("rand-m9-mstd0.5-inc1");
  std::map<Operation, int> counts;
  int64_t applied = 0, negative = 0, rotations = 0;
  double sum = 0, squares = 0;
  for (uint64_t sample = 0; sample < 6000; ++sample) {
    for (const Choice& choice : policy.draw(base::Random(0, "t", 0, sample), 32, 32)) {
      ++counts[choice.operation];
      ++applied;
      if (choice.operation != Operation::rotate) continue;
      ++rotations;
      negative += choice.argument < 0;
      sum += std::abs(choice.argument) / 3;
      squares += choice.argument * choice.argument / 9;
    }
  }
  EXPECT_NEAR(static_cast<double>(applied), 6000, 250);
  EXPECT_EQ(counts.size(), 15u);
  for (const auto& [operation, count] : counts)
    EXPECT_NEAR(count, 400, 90) << static_cast<int>(operation);
  const double n = static_cast<double>(rotations), mean = sum / n;
  EXPECT_NEAR(static_cast<double>(negative), n / 2, n / 6);
  EXPECT_NEAR(mean, 9, 0.1);
  EXPECT_NEAR(std::sqrt(squares / n - mean * mean), 0.5, 0.1);
}

TEST(AutoAugment, OfCifarDrawsItsPairs) {
  const AutoAugment policy("cifar10");
  EXPECT_FALSE(policy.is_rand());
  std::map<Operation, std::vector<double>> seen;
  for (uint64_t sample = 0; sample < 8000; ++sample)
    for (const Choice& choice : policy.draw(base::Random(0, "t", 0, sample), 32, 32))
      seen[choice.operation].push_back(choice.argument);
  EXPECT_EQ(seen.size(), 13u);  // no shear_x, no solarize_add, no hue
  // 8000 / 25 pairs, times the sum of this operation's probabilities.
  EXPECT_NEAR(static_cast<double>(seen[Operation::equalize].size()), 320 * 4.9, 150);
  EXPECT_NEAR(static_cast<double>(seen[Operation::posterize].size()), 320 * 0.3, 40);
  EXPECT_EQ(seen[Operation::posterize][0], 5);                           // 8 − round(7 · 4/9)
  EXPECT_DOUBLE_EQ(std::abs(seen[Operation::rotate][0]), 30.0 * 2 / 9);  // degrees
  for (const double pixels : seen[Operation::translate_x])
    ASSERT_TRUE(std::abs(pixels) == 14 || std::abs(pixels) == 12)
        << pixels;  // int(14.5), int(12.9)
  std::map<double, int> thresholds;
  for (const double value : seen[Operation::solarize]) ++thresholds[std::round(value)];
  EXPECT_THAT(thresholds, testing::SizeIs(4));  // magnitudes 2, 8, 5, 3
}

// Each of the four in half of the samples; contrast second or last.
TEST(PhotometricDistortion, IsDrawnAsPublished) {
  std::map<Operation, int64_t> counts;
  int64_t contrast_last = 0, contrast_and_hue = 0;
  for (uint64_t sample = 0; sample < 4000; ++sample) {
    const std::vector<Choice> choices = photometric_distortion({1, 0, sample});
    std::vector<Operation> order;
    for (const auto& [operation, argument] : choices) {
      ++counts[operation];
      order.push_back(operation);
      switch (operation) {
        case Operation::add:
          ASSERT_LE(std::abs(argument), 32);
          break;
        case Operation::hsv_hue:
          ASSERT_GE(argument, -18);
          ASSERT_LE(argument, 17);
          break;
        default:
          ASSERT_GE(argument, 0.5);
          ASSERT_LE(argument, 1.5);
      }
    }
    const auto at = [&](Operation operation) { return std::ranges::find(order, operation); };
    if (at(Operation::multiply) != order.end() && at(Operation::hsv_hue) != order.end()) {
      ++contrast_and_hue;
      contrast_last += at(Operation::multiply) > at(Operation::hsv_hue);
    }
    if (at(Operation::add) != order.end()) {
      ASSERT_EQ(at(Operation::add), order.begin());
    }
    if (at(Operation::hsv_saturation) != order.end()) {
      ASSERT_LE(at(Operation::hsv_saturation), at(Operation::hsv_hue));
    }
  }
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [operation, count] : counts) EXPECT_NEAR(static_cast<double>(count), 2000, 130);
  EXPECT_NEAR(static_cast<double>(contrast_last) / static_cast<double>(contrast_and_hue), 0.5,
              0.06);
}

}  // namespace
}  // namespace swin::data
