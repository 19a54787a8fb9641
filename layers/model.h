// A classifier of any architecture with its parameters, as the tasks with classes own it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "layers/network.h"

namespace swin::layers {

class Model {
 public:
  /// Builds the model with the initial parameter values of `seed`.
  /// @param with_gradients for training
  /// @throws UsageError if the config does not describe a possible model
  Model(const ModelConfig& config, uint64_t seed, bool with_gradients);
  const ModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  /// As Network::operator().
  Tensor forward(const Tensor& images, const Pass& pass,
                 std::vector<Tensor>* features = nullptr) const {
    return (*network_)(images, pass, features);
  }

 private:
  ModelConfig config_;
  Parameters parameters_;
  std::unique_ptr<Network> network_;
};

}  // namespace swin::layers
