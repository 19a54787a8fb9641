#include "layers/vision_transformer.h"

#include "layers/window_layout.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

constexpr double kPositionStd = 0.02, kClassTokenStd = 1e-6;

VisionTransformer::VisionTransformer(const Scope& scope, const ModelConfig& config)
    : class_token_(config.global_pool == "token"),
      patch_embed_(scope / "patch_embed", config, false) {
  checked_classifier(config);
  const int64_t dim = config.embed_dim, depth = config.depths[0];
  const Size2 map = embedded_map_ = stage_map(config, 0);
  const int64_t tokens = map[0] * map[1] + (class_token_ ? 1 : 0);
  // As in timm, embeddings have no weight decay.
  if (class_token_)
    cls_token_ = scope.parameter("cls_token", {1, 1, dim}, Initializer::normal(kClassTokenStd),
                                 WeightDecay::no);
  pos_embed_ = scope.parameter("pos_embed", {1, tokens, dim}, Initializer::normal(kPositionStd),
                               WeightDecay::no);
  pos_drop_ = Dropout(scope / "pos_drop", "drop", config.drop_rate);
  for (int64_t i = 0; i < depth; ++i) blocks_.emplace_back(scope / "blocks" / i, config, 0, i);
  norm_ = LayerNorm(scope / (class_token_ ? "norm" : "fc_norm"), dim, norm_epsilon(config));
  head_ = Linear(scope / "head", dim, config.num_classes, true, config.init_std);
}

Tensor VisionTransformer::operator()(const Tensor& images, const Pass& pass,
                                     std::vector<Tensor>* features) const {
  Tensor x = patch_embed_(images);
  const int64_t batch = x.dim(0), dim = x.dim(3);
  const Size2 map = {x.dim(1), x.dim(2)};
  check_position_map(map, embedded_map_);
  x = reshape(x, {batch, map[0] * map[1], dim});
  if (class_token_) x = concat({broadcast_to(cls_token_.tensor(), {batch, 1, dim}), x}, 1);
  x = pos_drop_(add(x, pos_embed_.tensor()), pass);
  for (const Block& block : blocks_) x = block(x, pass);
  const int64_t first = class_token_ ? 1 : 0;
  if (features)
    features->push_back(
        reshape(first ? slice(x, 1, first, x.dim(1)) : x, {batch, map[0], map[1], dim}));
  // norm(class token), or norm(mean over the tokens).
  const Tensor pooled = class_token_ ? reshape(slice(x, 1, 0, 1), {batch, dim})
                                     : mean_tokens(reshape(x, {batch, map[0], map[1], dim}));
  return head_(norm_(pooled));
}

}  // namespace swin::layers
