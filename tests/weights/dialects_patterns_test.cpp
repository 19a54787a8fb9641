// Patterns of names.
#include "weights/dialects_patterns.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace swin::weights {
namespace {

TEST(Patterns, MatchAndFillAreInverse) {
  Binding binding;
  EXPECT_TRUE(match("features.{2i+1}.{j}.norm1.{p}", "features.5.17.norm1.bias", binding));
  EXPECT_EQ(binding.numbers[0], 2);
  EXPECT_EQ(binding.numbers[1], 17);
  EXPECT_EQ(binding.leaf, 1);
  EXPECT_EQ(fill("layers.{i}.blocks.{j}.norm1.{p}", binding), "layers.2.blocks.17.norm1.bias");
  EXPECT_EQ(fill("features.{2i+1}.{j}.norm1.{p}", binding), "features.5.17.norm1.bias");
  EXPECT_TRUE(match("layers.{i+1}.downsample.{p}", "layers.1.downsample.weight", binding));
  EXPECT_EQ(binding.numbers[0], 0);
  for (const char* text :
       {"features.4.0.norm1.bias", "features.5.x.norm1.bias", "features.5.0.norm1.biases",
        "features.5.0.norm1.", "features.05.0.norm1.bias", "features.5.0.norm2.bias", "",
        "features.99999999999999999999999.0.norm1.bias"})
    EXPECT_FALSE(match("features.{2i+1}.{j}.norm1.{p}", text, binding)) << text;
  EXPECT_FALSE(match("layers.{i+1}.downsample.{p}", "layers.0.downsample.weight", binding));
}

TEST(Patterns, FillLikeCopiesTheNumbers) {
  EXPECT_EQ(fill_like("features.{2i+1}.{j}.norm1.{p}", "features.4.12.morn1.bias"),
            "features.4.12.norm1.bias");
  EXPECT_EQ(fill_like("layers.{i}.blocks.{j}.attn.{p}", "layers.x"),
            "layers.0.blocks.0.attn.weight");
}

TEST(Patterns, GlobAndDistance) {
  EXPECT_TRUE(glob("*.relative_*_index", "a.b.relative_position_index"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob("a*b", "abc"));
  EXPECT_FALSE(glob("", "a"));
  EXPECT_EQ(base::edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(base::edit_distance("", "abc"), 3u);
}

}  // namespace
}  // namespace swin::weights
