// A step of a model on one synthetic batch in memory, for measures of speed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "trainers/config/config.h"
#include "trainers/run/inference.h"
#include "trainers/run/step.h"

namespace swin::trainers {

enum class BenchmarkMode { train, infer };

/// Training: the step of `swin train` (trainers/run/step.h) on one slice. Inference: the forward of
/// `swin predict`.
class BenchmarkStep {
 public:
  /// @param config with model.num_classes, where its task has classes
  /// @param batch_size 0: trainer.micro_batch_size, else trainer.batch_size
  BenchmarkStep(const Config& config, BenchmarkMode mode, int64_t batch_size);
  /// @param observer of the backward pass, or null: a step that is observed draws again what the
  ///   last one drew, so that the same samples are dropped and the calls are the same
  void operator()(autograd::Observer* observer = nullptr);

  int64_t batch_size() const { return batch_size_; }
  /// 6 per multiply-add of the dense model in training, 2 in inference.
  double flops_per_image() const { return flops_per_image_; }

 private:
  int64_t batch_size_, steps_ = 0;
  double flops_per_image_;
  std::unique_ptr<tasks::Task> task_;
  data::Batch batch_;  // of training
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<Step> training_step_;  // empty in inference
  std::optional<Inference> inference_;
  autograd::Tensor images_;  // of inference
};

}  // namespace swin::trainers
