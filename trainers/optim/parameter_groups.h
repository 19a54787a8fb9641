// Which parameters learn, and how fast, by their names.
#pragma once
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "layers/scope.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Makes the parameters whose names match a pattern (`*` is any characters) untrainable: they get
/// no gradient, no step and no weight decay, and what stands before the first trainable one
/// saves nothing for backward.
/// @throws UsageError where a pattern matches none, naming the nearest parameter, or where nothing
///   is left to learn.
void freeze(layers::Parameters& parameters, const std::vector<std::string>& patterns);

/// Factor of each parameter's learning rate: decay^(N − 1 − layer), with weights::layer_of's N
/// layers: 1 for the head. Empty where decay is 1.
/// Source: the published fine-tuning of SimMIM; BEiT, arXiv:2106.08254, section 2.6.
std::vector<double> learning_rate_scales(const layers::Parameters& parameters,
                                         const layers::ModelConfig& config, double decay);

}  // namespace swin::trainers
