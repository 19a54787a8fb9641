#include "layers/swin_transformer.h"

#include <cmath>
#include <numeric>

#include "autograd/tape/op.h"
#include "base/errors.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

void check_config(const ModelConfig& c) {
  const auto refuse = [](const std::string& field, const std::string& found,
                         const std::string& remedy) {
    throw base::UsageError("model." + field, found, remedy);
  };
  if (c.depths.empty() || c.depths.size() != c.num_heads.size())
    refuse("num_heads",
           "found " + std::to_string(c.num_heads.size()) +
               " entries, expected one for each of the " + std::to_string(c.depths.size()) +
               " depths",
           "give both lists the same length");
  for (size_t i = 0; i < c.depths.size(); ++i) {
    const int64_t dim = c.embed_dim << i;
    if (c.num_heads[i] <= 0 || dim % c.num_heads[i] != 0)
      refuse("num_heads",
             "found " + std::to_string(c.num_heads[i]) + " heads for " + std::to_string(dim) +
                 " channels in stage " + std::to_string(i) + ", expected a divisor",
             "change num_heads or embed_dim");
  }
  if (c.num_classes <= 0)
    refuse("num_classes", "found " + std::to_string(c.num_classes) + ", expected at least 1",
           "set model.num_classes");
  if (c.image_size[0] < 1 || c.image_size[1] < 1 || c.patch_size < 1 || c.in_chans < 1 ||
      c.window_size[0] < 1 || c.window_size[1] < 1 || c.embed_dim < 1)
    refuse(
        "image_size",
        "found a size below 1, expected image, patch, window, channels and embed_dim of at least 1",
        "correct the model section");
}

}  // namespace

SwinBlock::SwinBlock(const Scope& scope, const ModelConfig& config, int64_t dim, int64_t num_heads,
                     const WindowPlan& windows, double drop_path_rate)
    : path_(scope.path()),
      norm1_(scope / "norm1", dim),
      norm2_(),
      attn_(scope / "attn", config, dim, num_heads, windows),
      drop_path1_(scope, "drop_path1", drop_path_rate),
      drop_path2_(scope, "drop_path2", drop_path_rate) {
  // Built here for the creation order of the published model: norm1, attn, norm2, mlp.
  norm2_ = LayerNorm(scope / "norm2", dim);
  const int64_t hidden = static_cast<int64_t>(static_cast<double>(dim) * config.mlp_ratio);
  mlp_ = Mlp(scope / "mlp", dim, hidden, config.drop_rate, config.init_std);
}

Tensor SwinBlock::operator()(const Tensor& x, const Pass& pass) const {
  const Named named(path_);
  const Tensor y = add(x, drop_path1_(attn_(norm1_(x), pass), pass));
  return add(y, drop_path2_(mlp_(norm2_(y), pass), pass));
}

PatchMerging::PatchMerging(const Scope& scope, const ModelConfig& config, int64_t dim)
    : path_(scope.path()) {
  reduction_ = Linear(scope / "reduction", 4 * dim, 2 * dim, false, config.init_std);
  norm_ = LayerNorm(scope / "norm", 4 * dim);
}

Tensor PatchMerging::operator()(const Tensor& x) const {
  const Named named(path_);
  return reduction_(norm_(patch_merging(x)));
}

PatchEmbed::PatchEmbed(const Scope& scope, const ModelConfig& config)
    : path_(scope.path()), patch_(config.patch_size), has_norm_(config.patch_norm) {
  // The published models leave this convolution at PyTorch's default: uniform in ±1/√fan_in.
  const int64_t p = config.patch_size;
  const Initial initial =
      Initial::uniform(1 / std::sqrt(static_cast<double>(config.in_chans * p * p)));
  weight_ =
      (scope / "proj").parameter("weight", {config.embed_dim, config.in_chans, p, p}, initial);
  bias_ = (scope / "proj").parameter("bias", {config.embed_dim}, initial);
  if (has_norm_) norm_ = LayerNorm(scope / "norm", config.embed_dim);
}

Tensor PatchEmbed::operator()(const Tensor& images) const {
  const Named named(path_);
  Tensor x = images;
  const Size2 size = {divide_up(x.dim(1), patch_) * patch_, divide_up(x.dim(2), patch_) * patch_};
  if (size != Size2{x.dim(1), x.dim(2)}) x = resize_map(x, size);
  x = patch_embed(x, weight_.tensor(), bias_.tensor());
  return has_norm_ ? norm_(x) : x;
}

SwinTransformer::SwinTransformer(const Scope& scope, const ModelConfig& config)
    : image_size_(config.image_size) {
  check_config(config);
  Size2 map = {divide_up(config.image_size[0], config.patch_size),
               divide_up(config.image_size[1], config.patch_size)};
  patch_embed_ = PatchEmbed(scope / "patch_embed", config);
  if (config.ape)
    absolute_pos_embed_ =
        scope.parameter("absolute_pos_embed", {1, map[0] * map[1], config.embed_dim},
                        Initial::normal(0.02), WeightDecay::no);
  pos_drop_ = Dropout(scope / "pos_drop", "drop", config.drop_rate);

  const int64_t total = std::accumulate(config.depths.begin(), config.depths.end(), int64_t{0});
  int64_t block_number = 0;
  for (int64_t i = 0; i < config.num_stages(); ++i) {
    const size_t index = static_cast<size_t>(i);
    const int64_t dim = config.embed_dim << i, heads = config.num_heads[index];
    const Scope stage_scope = scope / "layers" / i;
    const WindowPlan shifted = plan_windows(config, map, i);
    const WindowPlan regular = {shifted.window, {0, 0}};
    Stage stage;
    for (int64_t j = 0; j < config.depths[index]; ++j, ++block_number) {
      // linspace(0, drop_path_rate, blocks) over all blocks.
      const double rate = total > 1 ? config.drop_path_rate * static_cast<double>(block_number) /
                                          static_cast<double>(total - 1)
                                    : 0;
      stage.blocks.emplace_back(stage_scope / "blocks" / j, config, dim, heads,
                                j % 2 ? shifted : regular, rate);
    }
    const Size2 window = shifted.window;
    StageInfo info{dim, heads,  config.depths[index], map,
                   {},  window, shifted.shift,        stage_scope.path()};
    for (size_t a : {0u, 1u}) {
      info.padded[a] = divide_up(map[a], window[a]) * window[a];
      if (info.padded[a] == window[a]) info.shift[a] = 0;  // as WindowAttention does
    }
    stages_.push_back(info);
    if (i + 1 < config.num_stages()) {
      stage.has_downsample = true;
      stage.downsample = PatchMerging(stage_scope / "downsample", config, dim);
      map = {divide_up(map[0], 2), divide_up(map[1], 2)};
    }
    layers_.push_back(std::move(stage));
  }
  const int64_t dim = config.embed_dim << (config.num_stages() - 1);
  norm_ = LayerNorm(scope / "norm", dim);
  head_ = Linear(scope / "head", dim, config.num_classes, true, config.init_std);
}

Tensor SwinTransformer::operator()(const Tensor& images, const Pass& pass,
                                   std::vector<Tensor>* features) const {
  Tensor x = patch_embed_(images);
  if (absolute_pos_embed_.defined()) {
    const Shape map = {1, x.dim(1), x.dim(2), x.dim(3)};
    x = add(x, reshape(absolute_pos_embed_.tensor(), map));
  }
  x = pos_drop_(x, pass);
  for (const Stage& stage : layers_) {
    for (const SwinBlock& block : stage.blocks) x = block(x, pass);
    if (features) features->push_back(x);
    if (stage.has_downsample) x = stage.downsample(x);
  }
  return head_(mean_tokens(norm_(x)));
}

Model::Model(const ModelConfig& config, uint64_t seed, bool with_gradients)
    : config_(config), net_(Scope(parameters_), config) {
  parameters_.allocate(with_gradients);
  parameters_.initialise(seed);
}

}  // namespace swin::layers
