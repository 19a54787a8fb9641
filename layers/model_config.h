// The `model` section of a config as plain values. configs/README.md explains each field.
#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/size2.h"

namespace swin::layers {

using base::Size2;

/// The possible values of model.name; what builds them is a second table, in model.cpp.
inline constexpr const char* kArchitectures[] = {"swin", "swin_v2", "swin_mlp", "vit"};

/// How maps are padded that the window does not divide (docs/numerics.md, "Padding").
enum class PadMode {
  pad_then_roll,
  roll_then_pad,
  masked,
  reject  ///< "assert" in configs
};
/// What happens to a window larger than its map.
enum class WindowShrink { official, per_dimension, never, always_shift };

struct ModelConfig {
  std::string name = "swin";  ///< one of kArchitectures
  Size2 image_size = {224, 224};
  int64_t patch_size = 4;
  int64_t in_chans = 3;
  int64_t embed_dim = 96;
  std::vector<int64_t> depths = {2, 2, 6, 2};
  std::vector<int64_t> num_heads = {3, 6, 12, 24};
  Size2 window_size = {7, 7};
  std::vector<Size2> window_sizes;  ///< one per stage; empty: window_size in all
  /// Swin V2: per stage, the side of the window that the loaded weights were trained with; 0: the
  /// same as now. Empty: all 0.
  std::vector<int64_t> pretrained_window_sizes;
  WindowShrink window_shrink = WindowShrink::official;
  PadMode pad_mode = PadMode::pad_then_roll;
  double mlp_ratio = 4;
  std::vector<double> mlp_ratios;  ///< one per stage; empty: mlp_ratio in all
  bool qkv_bias = true;
  std::optional<double> qk_scale;  ///< empty: head_dim^−½
  double drop_rate = 0, attn_drop_rate = 0, drop_path_rate = 0.1;
  bool ape = false;
  bool patch_norm = true;
  std::string global_pool = "token";  ///< vit: token (a class token) | avg (mean over the tokens)
  int64_t num_classes = 0;            ///< 0: taken from the data set
  /// Standard deviation of linear weights; empty: "fan_in", 1/√fan_in.
  std::optional<double> init_std = 0.02;

  int64_t num_stages() const { return static_cast<int64_t>(depths.size()); }
  int64_t dim_of(int64_t stage) const { return embed_dim << stage; }
  Size2 window_of(int64_t stage) const {
    return window_sizes.empty() ? window_size : window_sizes[static_cast<size_t>(stage)];
  }
  double qk_scale_of(int64_t stage) const {
    const double head_dim = static_cast<double>(dim_of(stage)) /
                            static_cast<double>(num_heads[static_cast<size_t>(stage)]);
    return qk_scale.value_or(1 / std::sqrt(head_dim));
  }
  int64_t pretrained_window_of(int64_t stage) const {
    return pretrained_window_sizes.empty() ? 0
                                           : pretrained_window_sizes[static_cast<size_t>(stage)];
  }
  int64_t hidden_of(int64_t stage) const {
    const double ratio = mlp_ratios.empty() ? mlp_ratio : mlp_ratios[static_cast<size_t>(stage)];
    return static_cast<int64_t>(static_cast<double>(dim_of(stage)) * ratio);
  }
};

}  // namespace swin::layers
