// Infers the model section of a config from the shapes of the weights.
#include <algorithm>
#include <map>

#include "base/errors.h"
#include "base/size2.h"
#include "weights/dense_names.h"
#include "weights/detector_names.h"
#include "weights/dialects_conventions.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_rows.h"
#include "weights/saved_windows.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

constexpr int64_t kMostStages = 12;  // each doubles the channels
constexpr int64_t kPublishedScales[] = {1, 2, 3, 6};
constexpr int64_t kPublishedRatios = 3;  // of the anchors, one size at each location

class Inference {
 public:
  explicit Inference(const WeightFile& file) : file_(file) {
    for (const std::vector<NamedArray>* list : {&file.arrays, &file.derived})
      for (NamedArray& array : backbone_of(encoder_of(*list)))
        arrays_.emplace(array.name, std::move(array));
    for (const NamedArray& array : file.arrays)
      if (is_dense_head(array.name)) arrays_.emplace(array.name, array);
    if (file.kind ==
        WeightKind::simmim)  // encoder_of recognizes SimMIM by patch_embed, which tables lack
      for (NamedArray array : file.derived) {
        array.name.erase(0, kEncoderPrefix.size());
        arrays_.emplace(array.name, std::move(array));
      }
  }

  InferredConfig infer() {
    ModelConfig& config = result_.config;
    config.name = file_.model;
    const std::vector<int64_t>& patch = shape("patch_embed.proj.weight", 4);
    config.embed_dim = patch[0];
    config.in_chans = patch[1];
    config.patch_size = patch[2];
    if (patch[2] != patch[3]) fail("patches that are not square");
    if (find("head.weight")) config.num_classes = shape("head.weight", 2)[0];
    config.patch_norm = find("patch_embed.norm.weight") != nullptr;
    if (config.name == "vit")
      vit();
    else
      swin();
    if (file_.kind == WeightKind::segmenter) heads();
    if (file_.kind == WeightKind::detector) detector();
    return std::move(result_);
  }

 private:
  bool is_dense() const {
    return file_.kind == WeightKind::segmenter || file_.kind == WeightKind::detector;
  }

  const NamedArray* find(const std::string& name) const {
    const auto found = arrays_.find(name);
    return found == arrays_.end() ? nullptr : &found->second;
  }

  const std::vector<int64_t>& shape(const std::string& name, size_t rank) const {
    const NamedArray* array = find(name);
    if (!array) fail("no " + name);
    if (array->shape.size() != rank ||
        std::any_of(array->shape.begin(), array->shape.end(), [](int64_t n) { return n < 1; }))
      fail(name + " of shape " + files::to_text(array->shape));
    return array->shape;
  }

  [[noreturn]] void fail(const std::string& found) const {
    throw base::WeightError(file_.where,
                            "found " + found + ", expected weights whose shapes tell the model",
                            "add --config CONFIG (its model section is enough)");
  }

  void assume(const std::string& field, const std::string& why) {
    result_.assumptions.push_back(field + ": " + why);
  }

  // The number n such that names start with prefix0. … prefix(n − 1).
  int64_t count(const std::string& prefix) const {
    int64_t n = 0;
    for (;; ++n) {
      const std::string name = prefix + std::to_string(n) + ".";
      const auto at = arrays_.lower_bound(name);
      if (at == arrays_.end() || !at->first.starts_with(name)) return n;
    }
  }

  void vit() {
    ModelConfig& config = result_.config;
    config.patch_norm = true;
    config.depths = {count("blocks.")};
    if (config.depths[0] == 0) fail("no blocks.0");
    config.num_heads = {file_.hub.num_attention_heads.value_or(0)};
    if (!file_.hub.num_attention_heads) {
      if (config.embed_dim > 64 && config.embed_dim % 64 != 0)
        fail(std::to_string(config.embed_dim) + " channels, which heads of 64 do not divide");
      config.num_heads = {std::max<int64_t>(1, config.embed_dim / 64)};
      assume("num_heads " + std::to_string(config.num_heads[0]),
             "weights of a ViT do not tell it; 64 channels a head are usual");
    }
    config.mlp_ratio = ratio(shape("blocks.0.mlp.fc1.weight", 2)[0], config.embed_dim);
    config.qkv_bias = find("blocks.0.attn.qkv.bias") != nullptr;
    config.global_pool = find("fc_norm.weight") ? "avg" : "token";
    const int64_t tokens = shape("pos_embed", 3)[1] - (find("cls_token") ? 1 : 0);
    square_image(tokens);
  }

  void square_image(int64_t tokens) {
    const int64_t side = square_side(tokens).value_or(0) * result_.config.patch_size;
    if (side == 0)
      fail("position embeddings of " + std::to_string(tokens) + " tokens, which is not a square");
    result_.config.image_size = {side, side};
  }

  static double ratio(int64_t hidden, int64_t dim) {
    return static_cast<double>(hidden) / static_cast<double>(dim);
  }

  void swin() {
    ModelConfig& config = result_.config;
    const int64_t stages = count("layers.");
    if (stages == 0) fail("no layers.0");
    if (stages > kMostStages) fail(std::to_string(stages) + " stages");
    config.depths.clear();
    config.num_heads.clear();
    std::vector<Size2> windows;
    std::vector<double> ratios;
    for (int64_t i = 0; i < stages; ++i) {
      const std::string stage = "layers." + std::to_string(i) + ".blocks.", block = stage + "0.";
      config.depths.push_back(count(stage));
      if (config.depths.back() == 0) fail("no " + block);
      ratios.push_back(ratio(shape(block + "mlp.fc1.weight", 2)[0], config.dim_of(i)));
      mixer(block, windows);
    }
    config.mlp_ratio = ratios[0];
    if (std::any_of(ratios.begin(), ratios.end(), [&](double r) { return r != ratios[0]; }))
      config.mlp_ratios = ratios;
    config.ape = find("absolute_pos_embed") != nullptr;
    if (config.name != "swin_mlp")
      config.qkv_bias = find("layers.0.blocks.0.attn.qkv.bias") != nullptr ||
                        find("layers.0.blocks.0.attn.q_bias") != nullptr;
    config.window_size = windows[0];
    config.window_sizes = windows;
    conventions();
    image_size(windows);
    common_window(windows);
    pretrained_windows();
  }

  // Heads and window of one stage's first block.
  void mixer(const std::string& block, std::vector<Size2>& windows) {
    ModelConfig& config = result_.config;
    if (config.name == "swin_mlp") {
      const std::vector<int64_t>& spatial = shape(block + "spatial_mlp.weight", 3);
      const int64_t side = square_side(spatial[1]).value_or(0);
      if (side == 0) fail(block + "spatial_mlp.weight of windows that are not square");
      config.num_heads.push_back(spatial[0] / spatial[1]);
      windows.push_back({side, side});
      return;
    }
    if (config.name == "swin_v2") {
      config.num_heads.push_back(shape(block + "attn.logit_scale", 3)[0]);
      if (find(block + "attn.relative_coords_table")) {
        const std::vector<int64_t>& table = shape(block + "attn.relative_coords_table", 4);
        windows.push_back({(table[1] + 1) / 2, (table[2] + 1) / 2});
      } else {
        if (windows.empty() && !file_.hub.window_size)
          assume("window_size 8",
                 "weights of Swin V2 without relative_coords_table do not tell it");
        const int64_t side = file_.hub.window_size.value_or(8);
        windows.push_back({side, side});
      }
      return;
    }
    const std::vector<int64_t>& table = shape(block + "attn.relative_position_bias_table", 2);
    config.num_heads.push_back(table[1]);
    const int64_t root = square_side(table[0]).value_or(0);
    if (root % 2 == 0)
      fail(block + "attn.relative_position_bias_table of " + std::to_string(table[0]) +
           " rows, windows that are not square");
    windows.push_back({(root + 1) / 2, (root + 1) / 2});
  }

  // What the library of the weights does with maps that are not a multiple of the window.
  void conventions() {
    const Conventions conventions = conventions_of(file_.dialect);
    if (is_dense()) {  // in every library
      result_.config.window_shrink = layers::WindowShrink::always_shift;
      return;
    }
    result_.config.window_shrink = conventions.window_shrink;
    result_.config.pad_mode = conventions.pad_mode;
  }

  void image_size(const std::vector<Size2>& windows) {
    ModelConfig& config = result_.config;
    if (file_.kind == WeightKind::segmenter && file_.hub.preprocess &&
        file_.hub.preprocess->input_size && !find("absolute_pos_embed")) {
      config.image_size = *file_.hub.preprocess->input_size;
      return;
    }
    if (file_.hub.image_size) {
      config.image_size = *file_.hub.image_size;
      return;
    }
    if (const NamedArray* ape = find("absolute_pos_embed"); ape && ape->shape.size() == 3)
      return square_image(ape->shape[1]);
    if (file_.kind == WeightKind::detector) {
      config.image_size = {800, 1280};
      assume("image_size 800 × 1280", "that of the published operation counts; every size will do");
      return;
    }
    if (file_.kind == WeightKind::segmenter) {
      config.image_size = {512, 512};
      assume("image_size 512 × 512", "the published crops of ADE20K; weights do not tell it");
      return;
    }
    // Dim 0 of a mask is the number of windows.
    for (int64_t i = 0; i < config.num_stages(); ++i) {
      const Size2 window = windows[static_cast<size_t>(i)];
      const NamedArray* mask = find("layers." + std::to_string(i) + ".blocks.1.attn_mask");
      const int64_t side =
          mask && !mask->shape.empty() ? square_side(mask->shape[0]).value_or(0) : 0;
      if (side == 0 || window[0] != window[1]) continue;
      config.image_size[0] = config.image_size[1] = side * window[0] * (config.patch_size << i);
      return;
    }
    const int64_t scale = config.patch_size << (config.num_stages() - 1);
    const int64_t last = windows.back()[0];
    if (last < windows[0][0]) {  // the last stage's map was smaller than the window
      config.image_size = {last * scale, last * scale};
    } else {
      // Windows of 16 and 24 are Swin V2's, whose last maps have 8 × 8 and 12 × 12 tokens.
      const int64_t side =
          last * scale >= 512 && config.num_stages() == 4 ? last * scale / 2 : last * scale;
      config.image_size = {side, side};
    }
    assume("image_size " + base::size_text(config.image_size),
           "the smallest that the windows divide in every stage; weights do not tell it");
  }

  // A single window_size, if window_shrink makes the smaller ones from it.
  void common_window(const std::vector<Size2>& windows) {
    ModelConfig config = result_.config;
    config.window_sizes.clear();
    for (const Size2& window : windows)
      if (window[0] * window[1] > config.window_size[0] * config.window_size[1])
        config.window_size = window;
    for (int64_t i = 0; i < config.num_stages(); ++i)
      if (stage_windows(config, i).window != windows[static_cast<size_t>(i)]) return;
    result_.config = config;
  }

  void heads() {
    SegmenterHeads heads;
    result_.config.num_classes = shape(std::string(kClassRows) + "weight", 4)[0];
    heads.channels = shape("decode_head.bottleneck.conv.weight", 4)[0];
    heads.group_norm = find("decode_head.bottleneck.gn.weight") != nullptr;
    if (const int64_t convolutions = count("auxiliary_head.convs."); convolutions > 1)
      throw base::WeightError(file_.where,
                              "found an auxiliary head of " + std::to_string(convolutions) +
                                  " convolutions, expected one",
                              "leave the head out with --allow 'auxiliary_head.*' (in a training "
                              "init.allow_unexpected)");
    else if (convolutions == 1)
      heads.auxiliary_channels = shape("auxiliary_head.convs.0.conv.weight", 4)[0];
    const HubHeads& hub = file_.hub.heads;
    heads.auxiliary_weight = hub.auxiliary_weight;
    heads.pool_scales = hub.pool_scales;
    const int64_t scales = count("decode_head.psp_modules.");
    if (heads.pool_scales.empty()) {
      if (scales != std::ssize(kPublishedScales))
        fail(std::to_string(scales) + " pooled maps of unknown sizes");
      heads.pool_scales.assign(std::begin(kPublishedScales), std::end(kPublishedScales));
      assume("pool_scales 1 2 3 6", "as UPerNet was published; weights do not tell them");
    } else if (std::ssize(heads.pool_scales) != scales) {
      fail(std::to_string(scales) + " pooled maps, and " +
           std::to_string(heads.pool_scales.size()) + " pool_scales in config.json");
    }
    result_.heads = std::move(heads);
  }

  void detector() {
    const bool cascade = file_.find(detector_classes(true));
    const std::string number = cascade ? "0." : "";
    const std::string box = "roi_head.bbox_head." + number, mask = std::string(kMaskHead) + number;
    DetectorHeads heads;
    heads.torchvision = file_.dialect == Dialect::torchvision;
    result_.config.num_classes = shape(box + "fc_cls.weight", 2)[0] - 1;
    if (result_.config.num_classes < 1) fail(box + "fc_cls.weight without a class");
    if (cascade) heads.cascade_stages = count("roi_head.bbox_head.");
    heads.neck_channels = shape("neck.lateral_convs.0.conv.weight", 4)[0];
    heads.anchors = shape("rpn_head.rpn_cls.weight", 4)[0];
    heads.box_channels = shape(box + "shared_fcs.0.weight", 2)[0];
    if (find(mask + "conv_logits.weight")) {
      heads.mask_channels = shape(mask + "conv_logits.weight", 4)[1];
      heads.mask_convolutions = count(mask + "convs.");
    }
    if (heads.anchors != kPublishedRatios)
      fail(std::to_string(heads.anchors) + " anchors at each location of unknown sizes");
    assume("anchors.sizes 32 64 128 256 512 and anchors.ratios 0.5 1 2",
           "as Mask R-CNN was published; weights tell their number alone");
    result_.detector = heads;
  }

  void pretrained_windows() {
    ModelConfig& config = result_.config;
    if (config.name != "swin_v2") return;
    std::vector<int64_t> pretrained;
    for (int64_t i = 0; i < config.num_stages(); ++i)
      pretrained.push_back(saved_windows(file_, i).pretrained);
    if (std::any_of(pretrained.begin(), pretrained.end(), [](int64_t p) { return p > 0; }))
      config.pretrained_window_sizes = pretrained;
  }

  const WeightFile& file_;
  std::map<std::string, NamedArray> arrays_;
  InferredConfig result_;
};

}  // namespace

InferredConfig infer_model_config(const WeightFile& file) {
  require_complete(file);
  return Inference(file).infer();
}

}  // namespace swin::weights
