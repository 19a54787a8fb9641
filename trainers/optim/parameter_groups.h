// Which parameters are trained, and with which learning rate, by their names.
#pragma once
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "layers/scope.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Freezes the parameters whose names match a pattern (`*` stands for any characters): they get no
/// gradient, no step and no weight decay, and layers before the first trainable one save nothing
/// for backward.
/// @throws UsageError if a pattern matches no parameter, naming the nearest one, or if nothing is
///   left to train.
void freeze(layers::Parameters& parameters, const std::vector<std::string>& patterns);

/// The weight decay of each parameter: config.weight_decay, or 0 where config.no_decay exempts it.
///   official        as the layers say: biases and other vectors, position tables
///   official_dense  weights::decays_in_dense_training
std::vector<double> weight_decays(const layers::Parameters& parameters,
                                  const OptimizerConfig& config);

/// Factor of each parameter's learning rate: decay^(N − 1 − layer) with the N layers of
/// weights::layer_of, so 1 for the head. Empty if decay is 1.
/// Source: the published fine-tuning of SimMIM; BEiT, arXiv:2106.08254, section 2.6.
std::vector<double> learning_rate_scales(const layers::Parameters& parameters,
                                         const layers::ModelConfig& config, double decay);

}  // namespace swin::trainers
