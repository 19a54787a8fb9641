// The Swin Transformer: patch embedding, four stages of (shifted) window blocks with patch merging
// between them, norm, mean over tokens, head. Source: Liu et al. 2021, arXiv:2103.14030, figure 3.
#pragma once
#include <string>
#include <vector>

#include "layers/basic.h"
#include "layers/model_config.h"
#include "layers/window_attention.h"

namespace swin::layers {

/// x + DropPath(W-MSA(LN(x))), then x + DropPath(MLP(LN(x))); equation 3 of the paper.
class SwinBlock {
 public:
  SwinBlock(const Scope& scope, const ModelConfig& config, int64_t dim, int64_t num_heads,
            const WindowPlan& windows, double drop_path_rate);
  Tensor operator()(const Tensor& x, const Pass& pass) const;
  const WindowPlan& windows() const { return attn_.windows(); }

 private:
  std::string path_;
  LayerNorm norm1_, norm2_;
  WindowAttention attn_;
  Mlp mlp_;
  DropPath drop_path1_, drop_path2_;
};

/// (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2C): neighbours side by side, LayerNorm(4C), Linear(4C → 2C).
class PatchMerging {
 public:
  PatchMerging() = default;
  PatchMerging(const Scope& scope, const ModelConfig& config, int64_t dim);
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  LayerNorm norm_;
  Linear reduction_;
};

/// Images (B, H, W, in_chans) → tokens (B, ⌈H/p⌉, ⌈W/p⌉, embed_dim). A side that no patch divides
/// is padded with zeros below and to the right.
class PatchEmbed {
 public:
  PatchEmbed() = default;
  PatchEmbed(const Scope& scope, const ModelConfig& config);
  Tensor operator()(const Tensor& images) const;

 private:
  std::string path_;
  int64_t patch_ = 4;
  Parameter weight_, bias_;
  bool has_norm_ = false;
  LayerNorm norm_;
};

/// What `swin plan` prints of a stage.
struct StageInfo {
  int64_t dim = 0, num_heads = 0, depth = 0;
  Size2 map{}, padded{}, window{}, shift{};
  std::string path;  ///< "layers.0"
};

class SwinTransformer {
 public:
  /// @throws UsageError where the config asks for the impossible.
  SwinTransformer(const Scope& scope, const ModelConfig& config);
  /// @param images (B, H, W, in_chans), normalised.
  /// @param features if given, receives each stage's map (B, H, W, C) before its downsample.
  /// @return logits (B, num_classes).
  Tensor operator()(const Tensor& images, const Pass& pass,
                    std::vector<Tensor>* features = nullptr) const;
  const std::vector<StageInfo>& stages() const { return stages_; }

 private:
  struct Stage {
    std::vector<SwinBlock> blocks;
    bool has_downsample = false;
    PatchMerging downsample;
  };
  Size2 image_size_{};
  PatchEmbed patch_embed_;
  Parameter absolute_pos_embed_;
  Dropout pos_drop_;
  std::vector<Stage> layers_;
  std::vector<StageInfo> stages_;
  LayerNorm norm_;
  Linear head_;
};

/// A model and its parameters: what trainers, evaluate and plan hold.
class Model {
 public:
  /// @param with_gradients for training. The parameters have their initial values.
  Model(const ModelConfig& config, uint64_t seed, bool with_gradients);
  const ModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const std::vector<StageInfo>& stages() const { return net_.stages(); }
  Tensor forward(const Tensor& images, const Pass& pass,
                 std::vector<Tensor>* features = nullptr) const {
    return net_(images, pass, features);
  }

 private:
  ModelConfig config_;
  Parameters parameters_;
  SwinTransformer net_;
};

}  // namespace swin::layers
