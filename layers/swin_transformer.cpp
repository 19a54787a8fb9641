#include "layers/swin_transformer.h"

#include "autograd/tape/op.h"
#include "base/errors.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;
using autograd::WindowLayout;

namespace {

// Refuses pad_mode "assert" where the window does not divide the stage's map.
void check_padding(const ModelConfig& config, int64_t stage) {
  const WindowLayout layout = window_layout(config, stage, 0);
  if (config.pad_mode != PadMode::reject || layout.padded == layout.map) return;
  throw base::UsageError("model.window_size",
                         "found a " + base::size_text(layout.map) + " map in stage " +
                             std::to_string(stage) + " and windows of " +
                             base::size_text(layout.window) +
                             ", expected windows that divide it (pad_mode is \"assert\")",
                         "choose another image_size or window_size, or pad_mode \"pad_then_roll\"");
}

}  // namespace

SwinStages::SwinStages(const Scope& scope, const ModelConfig& config) {
  check_sizes(config);
  const Size2 map = embedded_map_ = stage_map(config, 0);
  patch_embed_ = PatchEmbed(scope / "patch_embed", config, config.patch_norm);
  if (config.ape)
    absolute_pos_embed_ =
        scope.parameter("absolute_pos_embed", {1, map[0] * map[1], config.embed_dim},
                        Initializer::normal(0.02), WeightDecay::no);
  pos_drop_ = Dropout(scope / "pos_drop", "drop", config.drop_rate);
  out_dim_ = config.dim_of(config.num_stages() - 1);

  for (int64_t i = 0; i < config.num_stages(); ++i) {
    const Scope stage_scope = scope / "layers" / i;
    check_padding(config, i);
    Stage stage;
    for (int64_t j = 0; j < config.depths[static_cast<size_t>(i)]; ++j)
      stage.blocks.emplace_back(stage_scope / "blocks" / j, config, i, j);
    if (i + 1 < config.num_stages()) {
      stage.has_downsample = true;
      stage.downsample = PatchMerging(stage_scope / "downsample", config, config.dim_of(i));
    }
    layers_.push_back(std::move(stage));
  }
}

Tensor SwinStages::operator()(const Tensor& images, const Pass& pass, std::vector<Tensor>* features,
                              const TokenMask& mask) const {
  Pass frozen = pass;
  frozen.training = false;
  Tensor x = patch_embed_(images);
  if (mask.mask.defined()) x = replace_tokens(x, mask.token, mask.mask);
  if (absolute_pos_embed_.defined()) {
    const Size2 map = {x.dim(1), x.dim(2)};
    check_position_map(map, embedded_map_);
    x = add(x, reshape(absolute_pos_embed_.tensor(), {1, map[0], map[1], x.dim(3)}));
  }
  x = pos_drop_(x, frozen_stages_ >= 0 ? frozen : pass);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Stage& stage = layers_[i];
    const Pass& stage_pass = static_cast<int64_t>(i) < frozen_stages_ ? frozen : pass;
    for (const Block& block : stage.blocks) x = block(x, stage_pass);
    if (features) features->push_back(x);
    if (stage.has_downsample) x = stage.downsample(x);
  }
  return x;
}

SwinTransformer::SwinTransformer(const Scope& scope, const ModelConfig& config)
    : trunk_(scope, checked_classifier(config)),
      norm_(scope / "norm", trunk_.out_dim()),
      head_(scope / "head", trunk_.out_dim(), config.num_classes, true, config.init_std) {
  // The published flops() count the norm on dim · (size of the first map) / 2^stages elements.
  const int64_t stages = config.num_stages(), dim = trunk_.out_dim();
  const Size2 first = stage_map(config, 0), last = stage_map(config, stages - 1);
  published_norm_macs_ = ((dim * first[0] * first[1]) >> stages) - dim * last[0] * last[1];
}

Tensor SwinTransformer::operator()(const Tensor& images, const Pass& pass,
                                   std::vector<Tensor>* features) const {
  const Tensor x = trunk_(images, pass, features);
  state_macs("published_norm", x.dim(0) * published_norm_macs_);
  return head_(mean_tokens(norm_(x)));
}

}  // namespace swin::layers
