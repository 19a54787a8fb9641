#include "weights/published_preprocess.h"

namespace swin::weights {

namespace {

constexpr int64_t kStraight = 0;

/// Where a field is 0 any model of the library fits.
struct Published {
  Dialect dialect;
  const char* model;
  int64_t image_side, window;
  int64_t embed_dim, blocks;  ///< channels of the first stage, blocks of all
  const char* title;          ///< of the model
  int64_t short_side;         ///< of the resize before the crop; 0: straight to the image's size
  double crop_pct;            ///< instead of short_side, if above 0
  const char* interpolation;
};

// All with ImageNet's mean and std. Sources: torchvision 0.29.1,
// Swin_T_Weights.DEFAULT.transforms() and its sisters; timm 1.0.31, get_pretrained_cfg;
// microsoft/Swin-Transformer, data/build.py and TEST.CROP of its configs (false at 384);
// microsoft/swin-… and swinv2-… on Hugging Face.
constexpr Published kPublished[] = {
    {Dialect::torchvision, "swin", 224, 7, 96, 12, "Swin-T", 232, 0, "bicubic"},
    {Dialect::torchvision, "swin", 224, 7, 96, 24, "Swin-S", 246, 0, "bicubic"},
    {Dialect::torchvision, "swin", 224, 7, 128, 24, "Swin-B", 238, 0, "bicubic"},
    {Dialect::torchvision, "swin_v2", 256, 8, 96, 12, "Swin V2-T", 260, 0, "bicubic"},
    {Dialect::torchvision, "swin_v2", 256, 8, 96, 24, "Swin V2-S", 260, 0, "bicubic"},
    {Dialect::torchvision, "swin_v2", 256, 8, 128, 24, "Swin V2-B", 272, 0, "bicubic"},
    {Dialect::torchvision, "vit", 224, 0, 768, 12, "ViT-B", 256, 0, "bilinear"},
    {Dialect::timm, "swin", 224, 7, 0, 0, "Swin at 224", 0, 0.9, "bicubic"},
    {Dialect::timm, "swin", 384, 12, 0, 0, "Swin at 384", 0, 1.0, "bicubic"},
    {Dialect::timm, "swin_v2", 192, 0, 0, 0, "Swin V2 at 192", 0, 0.9, "bicubic"},
    {Dialect::timm, "swin_v2", 256, 0, 0, 0, "Swin V2 at 256", 0, 0.9, "bicubic"},
    {Dialect::timm, "swin_v2", 384, 0, 0, 0, "Swin V2 at 384", 0, 1.0, "bicubic"},
    {Dialect::official, "swin", 224, 7, 0, 0, "Swin at 224", 256, 0, "bicubic"},
    {Dialect::official, "swin", 384, 12, 0, 0, "Swin at 384", kStraight, 0, "bicubic"},
    {Dialect::official, "swin_mlp", 256, 8, 0, 0, "Swin-MLP at 256", 292, 0, "bicubic"},
    {Dialect::official, "swin_v2", 192, 0, 0, 0, "Swin V2 at 192", 219, 0, "bicubic"},
    {Dialect::official, "swin_v2", 256, 0, 0, 0, "Swin V2 at 256", 292, 0, "bicubic"},
    {Dialect::official, "swin_v2", 384, 0, 0, 0, "Swin V2 at 384", kStraight, 0, "bicubic"},
    {Dialect::huggingface, "swin", 224, 7, 0, 0, "Swin at 224", kStraight, 0, "bicubic"},
    {Dialect::huggingface, "swin", 384, 12, 0, 0, "Swin at 384", kStraight, 0, "bicubic"},
    {Dialect::huggingface, "swin_v2", 192, 0, 0, 0, "Swin V2 at 192", kStraight, 0, "bicubic"},
    {Dialect::huggingface, "swin_v2", 256, 0, 0, 0, "Swin V2 at 256", kStraight, 0, "bicubic"},
    {Dialect::huggingface, "swin_v2", 384, 0, 0, 0, "Swin V2 at 384", kStraight, 0, "bicubic"},
};

}  // namespace

std::optional<Preprocess> published_preprocess(Dialect dialect, const ModelConfig& config) {
  int64_t blocks = 0;
  for (const int64_t depth : config.depths) blocks += depth;
  const auto fits = [](int64_t published, int64_t found) {
    return published == 0 || published == found;
  };
  for (const Published& row : kPublished) {
    const Size2 size{row.image_side, row.image_side}, window{row.window, row.window};
    if (row.dialect != dialect || config.name != row.model || config.image_size != size ||
        config.in_chans != 3 || !fits(row.embed_dim, config.embed_dim) ||
        !fits(row.blocks, blocks) || (row.window > 0 && config.window_of(0) != window))
      continue;
    Preprocess preprocess;
    preprocess.where = std::string(name_of(dialect)) + "'s " + row.title;
    preprocess.input_size = size;
    if (row.crop_pct > 0)
      preprocess.crop_pct = row.crop_pct;
    else if (row.short_side == kStraight)
      preprocess.resize = Preprocess::Resize{};
    else
      preprocess.resize = Preprocess::Resize{row.short_side};
    preprocess.interpolation = row.interpolation;
    preprocess.mean = {0.485, 0.456, 0.406};
    preprocess.std = {0.229, 0.224, 0.225};
    return preprocess;
  }
  return std::nullopt;
}

Preprocess published_segmenter_preprocess(Dialect dialect) {
  Preprocess preprocess;
  if (dialect == Dialect::huggingface) {
    preprocess.where = "huggingface's UPerNet";
    preprocess.resize = Preprocess::Resize{};
  } else {
    preprocess.where = "mmsegmentation's UPerNet on ADE20K";
    preprocess.resize = Preprocess::Resize{.short_side = 512, .long_side = 2048};
  }
  preprocess.interpolation = "bilinear";
  preprocess.mean = {0.485, 0.456, 0.406};
  preprocess.std = {0.229, 0.224, 0.225};
  return preprocess;
}

Preprocess published_detector_preprocess(Dialect dialect) {
  Preprocess preprocess;
  preprocess.where = dialect == Dialect::torchvision ? "torchvision's Mask R-CNN on COCO"
                                                     : "mmdetection's Mask R-CNN on COCO";
  preprocess.resize = Preprocess::Resize{.short_side = 800, .long_side = 1333};
  preprocess.interpolation = "bilinear";
  preprocess.mean = {0.485, 0.456, 0.406};
  preprocess.std = {0.229, 0.224, 0.225};
  return preprocess;
}

}  // namespace swin::weights
