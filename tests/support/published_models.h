// The published models: their sizes, parameters and arithmetic.
// Source: the published code's own counts (parameters, flops()), as multiply-adds in units of 10⁹.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "layers/model_config.h"

namespace swin::test {

struct PublishedModel {
  std::string label, name;  ///< name as in model.name
  int64_t image, window, dim, third_depth, first_heads, parameters;
  double giga_macs;
  std::vector<int64_t> pretrained_windows = {};

  layers::ModelConfig config() const {
    layers::ModelConfig config;
    config.name = name;
    config.image_size = {image, image};
    config.window_size = {window, window};
    config.embed_dim = dim;
    config.depths = {2, 2, third_depth, 2};
    config.num_heads = {first_heads, 2 * first_heads, 4 * first_heads, 8 * first_heads};
    config.pretrained_window_sizes = pretrained_windows;
    config.num_classes = 1000;
    return config;
  }
};

inline const std::vector<PublishedModel>& published_models() {
  static const std::vector<PublishedModel> models = {
      {"tiny_224", "swin", 224, 7, 96, 6, 3, 28288354, 4.494},
      {"small_224", "swin", 224, 7, 96, 18, 3, 49606258, 8.747},
      {"base_224", "swin", 224, 7, 128, 18, 4, 87768224, 15.438},
      {"base_384", "swin", 384, 12, 128, 18, 4, 87903584, 47.105},
      {"large_224", "swin", 224, 7, 192, 18, 6, 196532476, 34.487},
      {"large_384", "swin", 384, 12, 192, 18, 6, 196735516, 103.952},
      {"tiny_c24_256", "swin", 256, 8, 96, 6, 4, 28306432, 5.926},
      {"v2_tiny_256_w8", "swin_v2", 256, 8, 96, 6, 3, 28347154, 5.926},
      {"v2_tiny_256_w16", "swin_v2", 256, 16, 96, 6, 3, 28347154, 6.605},
      {"v2_small_256_w8", "swin_v2", 256, 8, 96, 18, 3, 49728418, 11.515},
      {"v2_small_256_w16", "swin_v2", 256, 16, 96, 18, 3, 49728418, 12.647},
      {"v2_base_256_w8", "swin_v2", 256, 8, 128, 18, 4, 87918816, 20.286},
      {"v2_base_256_w16", "swin_v2", 256, 16, 128, 18, 4, 87918816, 21.796},
      {"v2_base_384_w24", "swin_v2", 384, 24, 128, 18, 4, 87918816, 54.748, {12, 12, 12, 6}},
      {"v2_large_256_w16", "swin_v2", 256, 16, 192, 18, 6, 196739932, 47.491, {12, 12, 12, 6}},
      {"v2_large_384_w24", "swin_v2", 384, 24, 192, 18, 6, 196739932, 115.417, {12, 12, 12, 6}},
      {"mlp_tiny_c24_256", "swin_mlp", 256, 8, 96, 6, 4, 20386632, 4.032},
      {"mlp_tiny_c12_256", "swin_mlp", 256, 8, 96, 6, 8, 21152072, 4.032},
      {"mlp_tiny_c6_256", "swin_mlp", 256, 8, 96, 6, 16, 22682952, 4.032},
      {"mlp_base_224", "swin_mlp", 224, 7, 128, 18, 4, 60659416, 10.420},
  };
  return models;
}

}  // namespace swin::test
