// What a model is: the `model` section of a config, as plain values (configs/README.md explains
// each).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swin::layers {

using Size2 = std::array<int64_t, 2>;  ///< {height, width}

/// How maps that no window divides are padded (docs/numerics.md, "Padding").
enum class PadMode {
  pad_then_roll,
  roll_then_pad,
  masked,
  reject
};  // reject is "assert" in configs
/// What happens to a window larger than its map.
enum class WindowShrink { official, per_dimension, never };

struct ModelConfig {
  std::string name = "swin";
  Size2 image_size = {224, 224};
  int64_t patch_size = 4;
  int64_t in_chans = 3;
  int64_t embed_dim = 96;
  std::vector<int64_t> depths = {2, 2, 6, 2};
  std::vector<int64_t> num_heads = {3, 6, 12, 24};
  Size2 window_size = {7, 7};
  WindowShrink window_shrink = WindowShrink::official;
  PadMode pad_mode = PadMode::pad_then_roll;
  double mlp_ratio = 4;
  bool qkv_bias = true;
  std::optional<double> qk_scale;  ///< null: head_dim^−½
  double drop_rate = 0, attn_drop_rate = 0, drop_path_rate = 0.1;
  bool ape = false;
  bool patch_norm = true;
  int64_t num_classes = 0;  ///< 0: taken from the data set
  /// Standard deviation of linear weights; empty: "fan_in", 1/√fan_in.
  std::optional<double> init_std = 0.02;

  int64_t num_stages() const { return static_cast<int64_t>(depths.size()); }
};

}  // namespace swin::layers
