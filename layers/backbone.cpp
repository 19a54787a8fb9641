#include "layers/backbone.h"

#include "base/errors.h"

namespace swin::layers {

namespace {

ModelConfig trunk_config(ModelConfig config, const BackboneOptions& options) {
  if (config.name == "vit")
    throw base::UsageError("model.name", "found \"vit\" as backbone, expected a Swin",
                           "use swin, swin_v2 or swin_mlp");
  config.window_shrink = WindowShrink::always_shift;
  const int64_t stages = config.num_stages();
  if (options.frozen_stages < -1 || options.frozen_stages > stages)
    throw base::UsageError("frozen_stages", "found " + std::to_string(options.frozen_stages) +
                                                ", expected -1 (none) to " +
                                                std::to_string(stages));
  int64_t previous = -1;
  for (const int64_t stage : options.out_stages) {
    if (stage <= previous || stage >= stages)
      throw base::UsageError("out_stages", "found stage " + std::to_string(stage) +
                                               ", expected ascending stages from 0 to " +
                                               std::to_string(stages - 1));
    previous = stage;
  }
  if (previous < 0) throw base::UsageError("out_stages", "found none, expected at least one stage");
  const size_t used = static_cast<size_t>(previous) + 1;
  config.depths.resize(used);
  config.num_heads.resize(used);
  if (!config.window_sizes.empty()) config.window_sizes.resize(used);
  if (!config.pretrained_window_sizes.empty()) config.pretrained_window_sizes.resize(used);
  if (!config.mlp_ratios.empty()) config.mlp_ratios.resize(used);
  return config;
}

}  // namespace

Backbone::Backbone(const Scope& scope, const ModelConfig& config, const BackboneOptions& options)
    : path_(scope.path()), options_(options), trunk_(scope, trunk_config(config, options)) {
  for (const int64_t stage : options.out_stages) {
    outputs_.push_back({stage, config.dim_of(stage), config.patch_size << stage});
    norms_.emplace_back(scope / ("norm" + std::to_string(stage)), config.dim_of(stage));
  }
  trunk_.freeze(options.frozen_stages);
}

std::vector<Tensor> Backbone::operator()(const Tensor& images, const Pass& pass) const {
  std::vector<Tensor> maps, out;
  trunk_(images, pass, &maps);
  for (size_t i = 0; i < outputs_.size(); ++i)
    out.push_back(norms_[i](maps[static_cast<size_t>(outputs_[i].stage)]));
  return out;
}

void Backbone::freeze(Parameters& parameters) const {
  const std::string prefix = path_.empty() ? "" : path_ + ".";
  std::vector<std::string> frozen;
  if (options_.frozen_stages >= 0) frozen = {"patch_embed.", "absolute_pos_embed"};
  for (int64_t i = 0; i < options_.frozen_stages; ++i) {
    frozen.push_back("layers." + std::to_string(i) + ".");
    frozen.push_back("norm" + std::to_string(i) + ".");
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    for (const std::string& name : frozen)
      if (parameters[i].name.starts_with(prefix + name)) parameters.set_trainable(i, false);
}

}  // namespace swin::layers
