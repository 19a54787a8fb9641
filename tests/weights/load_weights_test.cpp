// Weights are loaded by name into a model's parameters.
#include "weights/load_weights.h"

#include "base/errors.h"
#include "layers/model.h"
#include "tests/support/golden_files.h"

namespace swin::weights {

using layers::Model;
using layers::ParameterEntry;
namespace {

using namespace swin::test;

using files::NamedArray;
using swin::test::message_of;
using testing::HasSubstr;

class Weights : public testing::Test {
 protected:
  Weights()
      : edit_(kGoldens + "v1_square_window.safetensors"), model_(config_of("v1_square"), 1, false) {
    edit_.memory.reserve(8);
  }
  std::string refusal() {
    const std::vector<real> before(model_.parameters().slab(),
                                   model_.parameters().slab() + model_.parameters().slab_numel());
    const std::string message = message_of<base::WeightError>(
        [&] { load_weights(model_.parameters(), edit_.arrays, "file.safetensors"); });
    const std::vector<real> after(model_.parameters().slab(),
                                  model_.parameters().slab() + model_.parameters().slab_numel());
    EXPECT_EQ(after, before) << "a file that does not fit changed the model";
    EXPECT_TRUE(message.starts_with("file.safetensors: ")) << message;
    return message;
  }
  Edit edit_;
  Model model_;
};

TEST_F(Weights, EveryValueIsLoaded) {
  load_weights(model_.parameters(), kGoldens + "v1_square_window.safetensors");
  for (size_t i = 0; i < model_.parameters().size(); ++i) {
    const ParameterEntry& entry = model_.parameters()[i];
    std::vector<float> expected(static_cast<size_t>(entry.numel()));
    files::read_float32(edit_.at(entry.name), "file", expected);
    EXPECT_EQ(entry.tensor.values(), std::vector<real>(expected.begin(), expected.end()))
        << entry.name;
  }
}

TEST_F(Weights, MissingUnknownAndMisshapenAreNamed) {
  edit_.remove("norm.bias");
  EXPECT_THAT(refusal(), HasSubstr("found no norm.bias, expected it with shape (32)"));
  edit_.arrays = edit_.file.arrays();
  edit_.at("norm.bias").name = "norm.beta";
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("norm.bias"),
                                        HasSubstr("found norm.beta, expected no parameter")));
  edit_.arrays = edit_.file.arrays();
  edit_.at("head.weight").shape = {32, 10};
  EXPECT_THAT(refusal(), HasSubstr("found head.weight with shape (32, 10), expected (10, 32)"));
  edit_.arrays = edit_.file.arrays();
  edit_.arrays.push_back(edit_.at("head.bias"));
  EXPECT_THAT(refusal(), HasSubstr("head.bias twice"));
}

TEST_F(Weights, ATypeThatWouldBeRoundedIsRefused) {
  const std::vector<double> values(10, 0.1);
  edit_.at("head.bias") = NamedArray::of("head.bias", {10}, std::span<const double>(values));
  EXPECT_THAT(refusal(),
              testing::AllOf(HasSubstr("head.bias of type f64"), HasSubstr("expected f32")));
}

TEST_F(Weights, AnotherModelGivesAShortError) {
  Model other(config_of("v1_oblong"), 1, false);
  const std::string message =
      message_of<base::WeightError>([&] { load_weights(other.parameters(), edit_.arrays, "x"); });
  EXPECT_THAT(message, HasSubstr(" more"));
  EXPECT_LT(message.size(), 500u);
}

TEST_F(Weights, DerivedTablesAreIgnored) {
  const std::vector<float> mask(4096, 0);
  EXPECT_NO_THROW(
      edit_.at("layers.0.blocks.1.attn.relative_position_index"));  // torchvision stores it
  edit_.arrays.push_back(NamedArray::of("layers.0.blocks.1.attn_mask", {16, 16, 16}, mask));
  edit_.arrays.push_back(NamedArray::of("layers.0.blocks.1.attn.relative_coords_table",
                                        {1, 7, 7, 2}, std::span<const float>(mask).first(98)));
  EXPECT_NO_THROW(load_weights(model_.parameters(), edit_.arrays, "file"));
  EXPECT_TRUE(is_derived_table("attn_mask"));
  EXPECT_FALSE(is_derived_table("layers.0.blocks.1.attn.relative_position_bias_table"));
  EXPECT_FALSE(is_derived_table("my_attn_mask"));
}

TEST_F(Weights, BfloatSixteenIsWidened) {
  std::vector<uint16_t> bits(10, 0x3f80);  // 1 in bfloat16
  NamedArray& array = edit_.at("head.bias");
  array.dtype = files::DType::bf16;
  array.bytes = std::as_bytes(std::span<const uint16_t>(bits));
  load_weights(model_.parameters(), edit_.arrays, "file");
  EXPECT_EQ(model_.parameters().find("head.bias")->tensor.values(), std::vector<real>(10, 1));
}

TEST_F(Weights, AMissingFileIsAWeightError) {
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { load_weights(model_.parameters(), "/nonexistent/w.safetensors"); }),
              HasSubstr("/nonexistent/w.safetensors"));
}

}  // namespace
}  // namespace swin::weights
