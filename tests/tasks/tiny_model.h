// A model of one block on images of one window, for tests of what is around it.
#pragma once
#include "layers/model_config.h"

namespace swin::tasks::testing {

inline layers::ModelConfig tiny_model(int64_t num_classes) {
  layers::ModelConfig model;
  model.image_size = {8, 8};
  model.patch_size = 2;
  model.embed_dim = 8;
  model.depths = {1};
  model.num_heads = {1};
  model.window_size = {4, 4};
  model.num_classes = num_classes;
  return model;
}

}  // namespace swin::tasks::testing
