#include "trainers/optim/parameter_groups.h"

#include "base/errors.h"
#include "layers/dialects_patterns.h"
#include "layers/parameter_names.h"

namespace swin::trainers {

void freeze(layers::Parameters& parameters, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  for (const std::string& pattern : patterns) {
    bool matched = false;
    std::string nearest;
    int64_t least = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const std::string& name = parameters[i].name;
      if (layers::glob(pattern, name)) {
        parameters.set_trainable(i, false);
        matched = true;
      }
      const int64_t distance = layers::edit_distance(pattern, name);
      if (nearest.empty() || distance < least) nearest = name, least = distance;
    }
    if (!matched)
      throw base::UsageError("trainer.freeze",
                             "found \"" + pattern + "\", expected a pattern of parameters' names",
                             "the nearest is " + nearest +
                                 "; * stands for any characters, as in "
                                 "\"layers.0.*\"");
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].trainable) return;
  throw base::UsageError("trainer.freeze",
                         "found patterns of all parameters, expected some that learn",
                         "leave out the head: \"layers.*\" and \"patch_embed.*\" do not match it");
}

std::vector<double> learning_rate_scales(const layers::Parameters& parameters,
                                         const layers::ModelConfig& config, double decay) {
  if (decay == 1) return {};
  std::vector<double> powers = {1};
  while (static_cast<int64_t>(powers.size()) < layers::num_layers(config))
    powers.push_back(powers.back() * decay);
  std::vector<double> scales;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int64_t from_top =
        layers::num_layers(config) - 1 - layers::layer_of(parameters[i].name, config);
    scales.push_back(powers[static_cast<size_t>(from_top)]);
  }
  return scales;
}

}  // namespace swin::trainers
