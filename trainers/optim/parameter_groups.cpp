#include "trainers/optim/parameter_groups.h"

#include "base/errors.h"
#include "base/text.h"
#include "weights/dialects_patterns.h"
#include "weights/parameter_names.h"

namespace swin::trainers {

namespace {

/// The nearest pattern that matches a parameter: a whole name, or the start of one up to a dot and
/// `*`.
std::string nearest_pattern(const layers::Parameters& parameters, const std::string& pattern) {
  const size_t star = pattern.find('*');
  const std::string literal = pattern.substr(0, star);
  std::vector<std::string> parts;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = parameters[i].name;
    for (size_t end = name.find('.');; end = name.find('.', end + 1)) {
      const bool whole = end == std::string::npos;
      parts.push_back(whole ? name : name.substr(0, end + 1));
      if (whole) break;
    }
  }
  const std::string best = base::nearest(literal, parts);
  return best.ends_with(".") ? best + "*" : best;
}

}  // namespace

void freeze(layers::Parameters& parameters, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  for (const std::string& pattern : patterns) {
    bool matched = false;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (!weights::glob(pattern, parameters[i].name)) continue;
      parameters.set_trainable(i, false);
      matched = true;
    }
    if (!matched)
      throw base::UsageError(
          "trainer.freeze",
          "found \"" + pattern + "\", expected a pattern that matches a parameter's name",
          "the nearest is \"" + nearest_pattern(parameters, pattern) +
              "\"; * stands for any characters");
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].trainable) return;
  throw base::UsageError(
      "trainer.freeze", "found patterns that match all parameters, expected some left to train",
      "use \"*layers.*\" and \"*patch_embed.*\", for example: they do not match the head");
}

std::vector<double> weight_decays(const layers::Parameters& parameters,
                                  const OptimizerConfig& config) {
  const bool dense = config.no_decay == "official_dense";
  std::vector<double> decays;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const layers::ParameterEntry& entry = parameters[i];
    const bool decays_here = dense ? weights::decays_in_dense_training(entry.name)
                                   : entry.decay == layers::WeightDecay::yes;
    decays.push_back(decays_here ? config.weight_decay : 0);
  }
  return decays;
}

std::vector<double> learning_rate_scales(const layers::Parameters& parameters,
                                         const layers::ModelConfig& config, double decay) {
  if (decay == 1) return {};
  std::vector<double> powers = {1};
  while (static_cast<int64_t>(powers.size()) < weights::num_layers(config))
    powers.push_back(powers.back() * decay);
  std::vector<double> scales;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int64_t from_top =
        weights::num_layers(config) - 1 - weights::layer_of(parameters[i].name, config);
    scales.push_back(powers[static_cast<size_t>(from_top)]);
  }
  return scales;
}

}  // namespace swin::trainers
