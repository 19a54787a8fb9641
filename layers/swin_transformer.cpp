#include "layers/swin_transformer.h"

#include "autograd/tape/op.h"
#include "base/integer.h"
#include "layers/spatial_mlp.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

namespace {

constexpr double kEpsilon = 1e-5;  // of every LayerNorm, as in the published code

std::unique_ptr<WindowMixer> make_mixer(const Scope& block, const ModelConfig& config,
                                        int64_t stage, const WindowPlan& windows) {
  if (config.name == "swin_v2")
    return std::make_unique<ScaledCosineAttention>(block / "attn", config, stage, windows);
  if (config.name == "swin_mlp")
    return std::make_unique<SpatialMlp>(block / "spatial_mlp", config, stage, windows);
  return std::make_unique<WindowAttention>(block / "attn", config, stage, windows);
}

const ModelConfig& checked_classifier(const ModelConfig& config) {
  check_sizes(config);
  check_head(config);
  return config;
}

}  // namespace

SwinBlock::SwinBlock(const Scope& scope, const ModelConfig& config, int64_t stage,
                     const WindowPlan& windows, double drop_path_rate)
    : path_(scope.path()),
      norm_after_(config.name == "swin_v2"),
      drop_path1_(scope, "drop_path1", drop_path_rate),
      drop_path2_(scope, "drop_path2", drop_path_rate) {
  // In the creation order of the published models: norm1, attn, norm2, mlp.
  const int64_t dim = config.dim_of(stage);
  const Initializer weight = norm_after_ ? Initializer::zeros() : Initializer::ones();
  norm1_ = LayerNorm(scope / "norm1", dim, kEpsilon, weight);
  mixer_ = make_mixer(scope, config, stage, windows);
  norm2_ = LayerNorm(scope / "norm2", dim, kEpsilon, weight);
  mlp_ = Mlp(scope / "mlp", dim, config.hidden_of(stage), config.drop_rate, config.init_std);
}

Tensor SwinBlock::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  if (norm_after_) {
    const Tensor y = add(x, drop_path1_(norm1_((*mixer_)(x, pass)), pass));
    return add(y, drop_path2_(norm2_(mlp_(y, pass)), pass));
  }
  const Tensor y = add(x, drop_path1_((*mixer_)(norm1_(x), pass), pass));
  return add(y, drop_path2_(mlp_(norm2_(y), pass), pass));
}

SwinStages::SwinStages(const Scope& scope, const ModelConfig& config) {
  check_sizes(config);
  Size2 map = token_map(config);
  embedded_map_ = map;
  patch_embed_ = PatchEmbed(scope / "patch_embed", config, config.patch_norm);
  if (config.ape)
    absolute_pos_embed_ =
        scope.parameter("absolute_pos_embed", {1, map[0] * map[1], config.embed_dim},
                        Initializer::normal(0.02), WeightDecay::no);
  pos_drop_ = Dropout(scope / "pos_drop", "drop", config.drop_rate);

  int64_t block_number = 0;
  for (int64_t i = 0; i < config.num_stages(); ++i) {
    const size_t index = static_cast<size_t>(i);
    const Scope stage_scope = scope / "layers" / i;
    const WindowPlan shifted = plan_windows(config, map, i);
    const WindowPlan regular = {shifted.window, {0, 0}, false};
    Stage stage;
    for (int64_t j = 0; j < config.depths[index]; ++j, ++block_number)
      stage.blocks.emplace_back(stage_scope / "blocks" / j, config, i, j % 2 ? shifted : regular,
                                drop_path_rate_of(config, block_number));
    const Size2 window = shifted.window;
    StageInfo info{config.dim_of(i), config.num_heads[index], config.depths[index], map, {},
                   window,           shifted.shift,           stage_scope.path()};
    for (size_t a : {0u, 1u}) {
      info.padded[a] = base::round_up(map[a], window[a]);
      if (info.padded[a] == window[a] && !shifted.shifts_single_windows)
        info.shift[a] = 0;  // as attend_in_windows does
    }
    stages_.push_back(info);
    if (i + 1 < config.num_stages()) {
      stage.has_downsample = true;
      stage.downsample = PatchMerging(stage_scope / "downsample", config, config.dim_of(i));
      map = {base::divide_up(map[0], 2), base::divide_up(map[1], 2)};
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
    for (const SwinBlock& block : stage.blocks) x = block(x, stage_pass);
    if (features) features->push_back(x);
    if (stage.has_downsample) x = stage.downsample(x);
  }
  return x;
}

SwinTransformer::SwinTransformer(const Scope& scope, const ModelConfig& config)
    : trunk_(scope, checked_classifier(config)),
      norm_(scope / "norm", trunk_.out_dim()),
      head_(scope / "head", trunk_.out_dim(), config.num_classes, true, config.init_std) {}

Tensor SwinTransformer::operator()(const Tensor& images, const Pass& pass,
                                   std::vector<Tensor>* features) const {
  const Tensor x = trunk_(images, pass, features);
  // The published flops() count the last norm on dim · (size of the first map) / 2^stages elements.
  const StageInfo &first = stages().front(), &last = stages().back();
  const int64_t counted = (last.dim * first.map[0] * first.map[1]) >> stages().size();
  state_macs("published_norm", x.dim(0) * (counted - last.dim * last.map[0] * last.map[1]));
  return head_(mean_tokens(norm_(x)));
}

}  // namespace swin::layers
