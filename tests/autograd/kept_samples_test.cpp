// Which samples stochastic depth keeps, and the draws of a tensor that holds them alone.
#include <algorithm>
#include <memory>

#include "base/errors.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;
class SomeSamples : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, SomeSamples, testing::ValuesIn(test::tested_isas()),
                         test::isa_of_test);

constexpr int64_t kBatch = 67;

TEST_P(SomeSamples, KeptAreThoseThatDropPathDoesNotZero) {
  const Tensor ones = Tensor::filled({kBatch, 3}, 1);
  for (const real rate : {real{0}, static_cast<real>(0.1), real{0.5}, static_cast<real>(0.95)})
    for (const uint64_t first_sample : {0u, 67u, 1000u}) {
      const DrawKey key{7, 5, 3, first_sample};
      const KeptSamples kept = kept_samples(kBatch, rate, key);
      Tensor expected = Tensor::filled({kBatch, 3}, 0);
      for (const int32_t s : kept.index)
        std::fill_n(expected.mutable_data() + 3 * s, 3, kept.factor);
      EXPECT_EQ(expected.values(), drop_path(ones, rate, key).values());
      EXPECT_EQ(kept.batch, kBatch);
      EXPECT_EQ(kept.all(), rate == 0);
      EXPECT_TRUE(std::is_sorted(kept.index.begin(), kept.index.end()));
    }
  EXPECT_THROW(kept_samples(kBatch, 1, {}), base::ShapeError);
  EXPECT_THROW(kept_samples(kBatch, real{-0.5}, {}), base::ShapeError);
}

TEST(SomeSamplesInADryRun, AreAll) {
  const base::DryRun dry;
  const KeptSamples kept = kept_samples(kBatch, real{0.5}, {});
  EXPECT_TRUE(kept.all());
  EXPECT_EQ(kept.factor, 2);
}

// Each op that draws: its result for some samples is that part of its result for the whole batch,
// which begins at sample 11 of its step.
TEST_P(SomeSamples, DrawWhatTheyDrawInTheirBatch) {
  const auto samples =
      std::make_shared<const std::vector<int32_t>>(std::initializer_list<int32_t>{1, 2, 6, 9});
  const DrawKey whole{7, 5, 3, 11}, part{7, 5, 3, 11, samples->data(), samples};
  const WindowLayout layout = layout_of({4, 6}, {{4, 6}, {2, 3}});
  const Tensor table = to_tensor(random_array({7 * 11, 2}, 2));
  const std::vector<std::function<Tensor(const Tensor&, const DrawKey&)>> ops = {
      [](const Tensor& x, const DrawKey& key) { return dropout(x, real{0.5}, key); },
      [](const Tensor& x, const DrawKey& key) { return drop_path(x, real{0.5}, key); },
      [](const Tensor& x, const DrawKey& key) { return drop_channels(x, real{0.5}, key); },
      [&](const Tensor& x, const DrawKey& key) {
        return window_attention(x, table, layout, {2, 1, real{0.5}, key});
      },
      [](const Tensor& x, const DrawKey& key) {
        return attention(reshape(x, {x.dim(0), 24, 24}), {2, 1, real{0.5}, key});
      }};
  const Tensor x = to_tensor(random_array({10, 4, 6, 24}, 1));
  const auto rows_of = [&](const Tensor& y) {
    return take_rows(reshape(y, {y.dim(0), y.numel() / y.dim(0)}), *samples);
  };
  const Tensor x_part = reshape(rows_of(x), {4, 4, 6, 24});
  for (const auto& op : ops) {
    const Tensor y = op(x, whole);
    EXPECT_NE(y.values(), op(x, DrawKey{7, 5, 3, 12}).values());
    EXPECT_EQ(op(x_part, part).values(), rows_of(y).values());
  }
}

}  // namespace
}  // namespace swin::oracle
