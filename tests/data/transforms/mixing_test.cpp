#include "data/transforms/mixing.h"

#include <gmock/gmock.h>

#include <cmath>

#include "data/batch.h"

namespace swin::data {
namespace {

Batch counting_batch(int64_t size, int64_t values) {
  Batch batch;
  batch.size = size;
  for (int64_t i = 0; i < size * values; ++i)
    batch.images.push_back(static_cast<float>(i % 17) - 3 + static_cast<float>(i / values));
  batch.labels.resize(static_cast<size_t>(size));
  return batch;
}

// Beta(α, α) has mean ½ and variance 1/(4(2α + 1)); also the fraction of samples below 0.1.
TEST(SymmetricBeta, HasItsMoments) {
  for (const auto& [alpha, below_a_tenth] :
       {std::pair{0.8, 0.1318}, {1.0, 0.1}, {0.2, 0.3367}, {4.0, 0.0027}}) {
    double sum = 0, squares = 0, low = 0;
    constexpr int kCount = 20000;
    for (uint64_t i = 0; i < kCount; ++i) {
      const double x = symmetric_beta(alpha, base::Random(0, "beta", 0, i), 0);
      ASSERT_GE(x, 0);
      ASSERT_LE(x, 1);
      sum += x;
      squares += x * x;
      low += x < 0.1;
    }
    const double mean = sum / kCount;
    EXPECT_NEAR(mean, 0.5, 0.01) << alpha;
    EXPECT_NEAR(squares / kCount - mean * mean, 1 / (4 * (2 * alpha + 1)), 0.003) << alpha;
    EXPECT_NEAR(low / kCount, below_a_tenth, 0.008) << alpha;
  }
}

TEST(DrawMix, SwitchesHalfTheTimeAndCorrectsTheShare) {
  const Mixing mixing{0.8, 1.0, 0.5, 0.5};
  int64_t none = 0, cuts = 0, mixes = 0, clipped = 0;
  for (uint64_t batch = 0; batch < 4000; ++batch) {
    const Mix mix = draw_mix(mixing, 20, 30, 1, 2, batch);
    if (mix.share == 1 && !mix.cut) {
      ++none;
      continue;
    }
    ++(mix.cut ? cuts : mixes);
    if (!mix.cut) continue;
    ASSERT_TRUE(0 <= mix.top && mix.top <= mix.bottom && mix.bottom <= 20);
    ASSERT_TRUE(0 <= mix.left && mix.left <= mix.right && mix.right <= 30);
    const int64_t area = (mix.bottom - mix.top) * (mix.right - mix.left);
    ASSERT_DOUBLE_EQ(mix.share, 1 - static_cast<double>(area) / 600);
    clipped += mix.top == 0 || mix.bottom == 20;
  }
  EXPECT_NEAR(static_cast<double>(none), 2000, 130);
  EXPECT_NEAR(static_cast<double>(cuts), 1000, 110);
  EXPECT_NEAR(static_cast<double>(mixes), 1000, 110);
  EXPECT_GT(clipped, 100);
  EXPECT_TRUE(draw_mix({0, 1}, 8, 8, 0, 0, 0).cut);
  EXPECT_FALSE(draw_mix({1, 0}, 8, 8, 0, 0, 0).cut);
  EXPECT_EQ(draw_mix({}, 8, 8, 0, 0, 0).share, 1);
}

// The names of random streams are a contract: another name is another training.
TEST(DrawMix, DrawsFromItsNamedStream) {
  const base::Random random(1, "data/mixing", 2, 3);
  EXPECT_EQ(draw_mix({0.8, 0}, 8, 8, 1, 2, 3).share, symmetric_beta(0.8, random, 8));
}

TEST(Mix, IsTheShareOfTheImagePlusTheRestOfItsPartner) {
  for (const int64_t size : {1, 4, 5}) {
    const Batch before = counting_batch(size, 4 * 5 * 3);
    for (const bool cut : {false, true}) {
      Batch batch = before;
      const Mix drawn = cut ? Mix{0.7, true, 1, 2, 3, 5} : Mix{0.7};
      mix(drawn, 4, 5, 3, batch);
      EXPECT_EQ(batch.own_share, std::vector<double>(static_cast<size_t>(size), 0.7));
      for (int64_t i = 0; i < size; ++i)
        for (int64_t y = 0; y < 4; ++y)
          for (int64_t x = 0; x < 5; ++x)
            for (int64_t c = 0; c < 3; ++c) {
              const auto at = [&](const Batch& b, int64_t image) {
                return b.images[static_cast<size_t>(((image * 4 + y) * 5 + x) * 3 + c)];
              };
              const float own = at(before, i), other = at(before, size - 1 - i);
              const bool inside = y >= 1 && y < 3 && x >= 2 && x < 5;
              const float expected = cut ? (inside ? other : own) : own * 0.7f + other * 0.3f;
              ASSERT_NEAR(at(batch, i), expected, 1e-5f) << size << " " << cut << " " << i;
            }
    }
    Batch batch = before;
    mix(Mix{}, 4, 5, 3, batch);
    EXPECT_EQ(batch.images, before.images);
    EXPECT_TRUE(batch.own_share.empty());
  }
}

TEST(MixTargets, IsTheShareOfTheTargetPlusTheRestOfItsPartners) {
  const std::vector<double> own_share = {0.75, 0.5};
  const std::vector<double> partners = {0, 1, 0, 4};
  std::vector<double> own = {1, 0, 2, 0};
  mix_targets(own_share, partners.data(), 2, own.data());
  EXPECT_THAT(own, testing::ElementsAre(0.75, 0.25, 1, 2));
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(partner_of(partner_of(i, 5), 5), i);
  EXPECT_EQ(partner_of(0, 5), 4);
}

}  // namespace
}  // namespace swin::data
