// Generated weights equal those of Python to the bit; scripts/reference/generated.py prints the
// rows.
#include "weights/generated_weights.h"

#include <gmock/gmock.h>

#include <bit>

#include "base/errors.h"
#include "base/random.h"
#include "tests/layers/model_support.h"
#include "tests/support/temporary_directory.h"

namespace swin::weights {

using autograd::Shape;

namespace {

using namespace swin::layers;

uint64_t fnv(std::span<const float> values) {
  uint64_t hash = 14695981039346656037ull;
  for (const float value : values)
    hash = (hash ^ std::bit_cast<uint32_t>(value)) * 1099511628211ull;
  return hash;
}

struct Row {
  std::string name;
  Shape shape;
  float last;
  uint64_t hash;
};

TEST(GeneratedWeights, EqualThoseOfPython) {
  const std::vector<Row> rows = {
      {"layers.0.blocks.1.attn.qkv.weight", {36, 12}, 0x1.8b32c00000000p-2f, 0x69ffb44ee4635531ull},
      {"layers.1.blocks.0.attn.qkv.bias", {9}, 0x1.28ab240000000p-4f, 0x0a7cdcddf90356a6ull},
      {"patch_embed.proj.weight", {5, 3, 4, 4}, -0x1.d146200000000p-5f, 0x85c2120c2181bc9dull},
      {"norm.weight", {7}, 0x1.a484700000000p-1f, 0x8109dc289c8c1413ull},
      {"layers.0.blocks.0.attn.relative_position_bias_table",
       {49, 3},
       -0x1.d2dec00000000p-1f,
       0xd50d8f6f9bacc481ull},
      {"layers.0.blocks.0.attn.logit_scale",
       {6, 1, 1},
       0x1.6a19f40000000p+1f,
       0x9ab143797d5f4721ull},
      {"encoder.mask_token", {1, 1, 8}, 0x1.5ba5e00000000p-2f, 0x5753f26102ae0c3dull},
      {"pos_embed", {1, 5, 8}, -0x1.b49c580000000p-1f, 0x2043ded3329527e1ull},
      {"layers.0.blocks.0.attn.q_bias", {11}, -0x1.59724c0000000p-3f, 0x802fd4c4b003b0acull},
      {"head.weight", {97, 1500}, 0x1.f18b380000000p-6f, 0x128f9cbdd6a814faull},
  };
  for (const Row& row : rows) {
    const std::vector<float> values = generated_values(7, row.name, row.shape);
    ASSERT_EQ(static_cast<int64_t>(values.size()), row.shape.numel()) << row.name;
    EXPECT_EQ(values.back(), row.last) << row.name;
    EXPECT_EQ(fnv(values), row.hash) << row.name;
  }
  EXPECT_EQ(fnv(generated_images(7, "input", 105)), 0xcc2a860420c108e6ull);
  EXPECT_EQ(generated_labels(7, "target", 8, 10), (std::vector<int64_t>{2, 3, 2, 0, 6, 7, 6, 1}));
  const std::vector<int64_t> indices = sample_indices(7, "grad.head.weight", 145500);
  EXPECT_EQ(indices.size(), 256u);
  EXPECT_EQ(std::vector(indices.begin(), indices.begin() + 6),
            (std::vector<int64_t>{77825, 79723, 138197, 17483, 110253, 79382}));
}

TEST(GeneratedWeights, DependOnTheSeedAndNotOnThreads) {
  const int threads = base::num_threads();
  const auto values = [](uint64_t seed) { return fnv(generated_values(seed, "w", {3, 70000})); };
  base::set_num_threads(1);
  const uint64_t one = values(7);
  EXPECT_NE(values(8), one);
  base::set_num_threads(3);
  EXPECT_EQ(values(7), one);
  base::set_num_threads(threads);
}

TEST(GeneratedWeights, FillEveryParameter) {
  Model model(micro_config(), 1, false);
  fill_generated(model.parameters(), 7);
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    const std::vector<float> expected = generated_values(7, entry.name, entry.shape);
    EXPECT_EQ(entry.tensor.values(), std::vector<real>(expected.begin(), expected.end()))
        << entry.name;
  }
}

TEST(GeneratedWeights, NumbersAreTheGeneratorsDraws) {
  const base::Random random(3, "cotangent");
  const std::vector<double> numbers = generated_numbers(3, "cotangent", 70001);
  for (const size_t i : {size_t{0}, size_t{5}, size_t{65535}, size_t{65536}, size_t{70000}})
    EXPECT_EQ(numbers[i], static_cast<double>(random.uniform(i)) * 2 - 1) << i;
}

TEST(GeneratedSeed, IsReadFromItsPrefix) {
  EXPECT_EQ(generated_seed("counted:7"), 7u);
  EXPECT_EQ(generated_seed("weights.safetensors"), std::nullopt);
  EXPECT_EQ(generated_seed("./counted:7"), std::nullopt);
  for (const char* text : {"counted:", "counted:x", "counted:7x", "counted:-1", "counted: 7",
                           "counted:99999999999999999999999"})
    EXPECT_THROW(generated_seed(text), base::UsageError) << text;
}

}  // namespace
}  // namespace swin::weights
