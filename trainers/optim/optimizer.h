// What all optimizers share: slots, learning rates and weight decay of each parameter, and one
// parallel pass over the slab. The norm that clipping needs.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "layers/scope.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Global L2 norm of all gradients since begin_step; fixed chunks summed in order, in double.
double gradient_norm(const layers::Parameters& parameters);

/// Updates parameters from their gradients. Each parameter has its own factor of the learning rate;
/// frozen parameters and their slots do not change.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// @param lr of this step   @param gradient_factor multiplies every gradient (clipping)
  /// @param step number of this step, from 1.
  void step(double lr, double gradient_factor, int64_t step);

  /// A slab of optimizer state in the parameters' layout; checkpoints store it under this name.
  struct Slot {
    std::string name;
    float* slab;
  };
  std::vector<Slot> slots() const;

 protected:
  /// @param lr_scales one for each parameter (learning_rate_scales); empty: 1 for all.
  /// @param slots names of the slabs of state; they start as zeros.
  Optimizer(layers::Parameters& parameters, const OptimizerConfig& config,
            std::vector<double> lr_scales, const std::vector<std::string>& slots);

  /// Elements of one parameter: [begin, end) of every slab, in whole vectors. The elements between
  /// two parameters are zeros and stay so.
  struct Range {
    int64_t begin = 0, end = 0;
    double lr = 0, weight_decay = 0;  ///< weight_decay is 0 for exempt parameters
    int64_t step = 0;
    float gradient_factor = 1;
  };
  /// Updates a range; called on several threads.
  virtual void update(const Range& range, float* weights, const float* gradients) const = 0;
  float* slot(size_t i) const { return static_cast<float*>(slots_[i].data()); }

 private:
  layers::Parameters* parameters_;
  std::vector<double> weight_decays_;  // one for each parameter
  std::vector<double> lr_scales_;
  std::vector<std::string> slot_names_;
  std::vector<base::Buffer> slots_;
};

/// @throws UsageError if there is no optimizer of config.name.
std::unique_ptr<Optimizer> make_optimizer(layers::Parameters& parameters,
                                          const OptimizerConfig& config,
                                          std::vector<double> lr_scales = {});

}  // namespace swin::trainers
