// A model of any architecture and its parameters: what trainers, evaluate and plan hold.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "layers/network.h"

namespace swin::layers {

class Model {
 public:
  /// @param with_gradients for training. The parameters have their initial values.
  /// @throws UsageError where the config asks for the impossible.
  Model(const ModelConfig& config, uint64_t seed, bool with_gradients);
  const ModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const std::vector<StageInfo>& stages() const { return network_->stages(); }
  Tensor forward(const Tensor& images, const Pass& pass,
                 std::vector<Tensor>* features = nullptr) const {
    return (*network_)(images, pass, features);
  }

 private:
  ModelConfig config_;
  Parameters parameters_;
  std::unique_ptr<Network> network_;
};

/// The architectures there are: the values of model.name.
std::vector<std::string> architectures();

}  // namespace swin::layers
