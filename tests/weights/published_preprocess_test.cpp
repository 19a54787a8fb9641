// The pre-processing of published models, as read from the installed libraries.
#include "weights/published_preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace swin::weights {
namespace {

ModelConfig model(const char* name, int64_t side, int64_t window, int64_t embed_dim,
                  std::vector<int64_t> depths) {
  ModelConfig config;
  config.name = name;
  config.image_size = {side, side};
  config.window_size = {window, window};
  config.embed_dim = embed_dim;
  config.depths = std::move(depths);
  config.num_classes = 37;  // fine-tuned models, too
  return config;
}

const std::vector<int64_t> kTinyDepths{2, 2, 6, 2}, kDeep{2, 2, 18, 2};

// The short side before the crop; 0: straight.
int64_t short_side(Dialect dialect, const ModelConfig& config) {
  const std::optional<Preprocess> found = published_preprocess(dialect, config);
  if (!found) return -1;
  EXPECT_EQ(found->input_size, config.image_size);
  EXPECT_EQ(found->mean.size(), 3u);
  EXPECT_EQ(found->std.size(), 3u);
  if (found->crop_pct)
    return static_cast<int64_t>(static_cast<double>(config.image_size[0]) / *found->crop_pct);
  return found->resize->short_side.value_or(0);
}

TEST(PublishedPreprocess, ByLibraryAndSize) {
  const ModelConfig t = model("swin", 224, 7, 96, kTinyDepths),
                    s = model("swin", 224, 7, 96, kDeep), b = model("swin", 224, 7, 128, kDeep),
                    b384 = model("swin", 384, 12, 128, kDeep);
  EXPECT_EQ(short_side(Dialect::torchvision, t), 232);
  EXPECT_EQ(short_side(Dialect::torchvision, s), 246);
  EXPECT_EQ(short_side(Dialect::torchvision, b), 238);
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin_v2", 256, 8, 96, kTinyDepths)), 260);
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin_v2", 256, 8, 96, kDeep)), 260);
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin_v2", 256, 8, 128, kDeep)), 272);
  for (const ModelConfig& config : {t, s, b}) {
    EXPECT_EQ(short_side(Dialect::timm, config), 248);
    EXPECT_EQ(short_side(Dialect::official, config), 256);
    EXPECT_EQ(short_side(Dialect::huggingface, config), 0);
  }
  EXPECT_EQ(short_side(Dialect::timm, b384), 384);
  EXPECT_EQ(short_side(Dialect::official, b384), 0);
  EXPECT_EQ(short_side(Dialect::timm, model("swin_v2", 192, 12, 128, kDeep)), 213);
  EXPECT_EQ(short_side(Dialect::timm, model("swin_v2", 256, 16, 192, kDeep)), 284);
  EXPECT_EQ(published_preprocess(Dialect::torchvision, t)->where, "torchvision's Swin-T");
}

TEST(PublishedPreprocess, OtherModelsHaveNone) {
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin", 224, 7, 192, kDeep)), -1);  // no Swin-L
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin", 256, 8, 96, kTinyDepths)), -1);
  EXPECT_EQ(short_side(Dialect::torchvision, model("swin_v2", 256, 16, 96, kTinyDepths)), -1);
  EXPECT_EQ(short_side(Dialect::timm, model("swin", 32, 4, 16, {2, 2})), -1);
  EXPECT_EQ(short_side(Dialect::mm, model("swin", 224, 7, 96, kTinyDepths)), -1);
  ModelConfig gray = model("swin", 224, 7, 96, kTinyDepths);
  gray.in_chans = 1;
  EXPECT_EQ(short_side(Dialect::torchvision, gray), -1);
}

TEST(PublishedPreprocess, SegmentersKeepTheRatioInMmsegmentationAlone) {
  for (const Dialect dialect : {Dialect::official, Dialect::mm}) {
    const Preprocess published = published_segmenter_preprocess(dialect);
    EXPECT_EQ(published.resize->short_side, 512);
    EXPECT_EQ(published.resize->long_side, 2048);
    EXPECT_EQ(published.interpolation, "bilinear");
  }
  const Preprocess hub = published_segmenter_preprocess(Dialect::huggingface);
  EXPECT_FALSE(hub.resize->short_side);
  EXPECT_FALSE(hub.resize->long_side);
}

}  // namespace
}  // namespace swin::weights
