// What a config will cost, before it is trained. A dry run of the real model gives its stages,
// parameters, arithmetic and memory: the pool only counts and kernels do nothing, so the figures
// cannot drift from the code.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "layers/model.h"
#include "trainers/config/config.h"

namespace swin::trainers {

struct Cost {
  int64_t parameters = 0, macs = 0;  ///< MACs (multiply-adds) of one image

  Cost& operator+=(const Cost& other);
};

/// The forward of one image.
struct ForwardPlan {
  std::vector<Cost> stages;  ///< each with its downsampling
  Cost patch_embed, head;    ///< head: everything after the stages
  Cost total;
  int64_t layer_macs = 0;      ///< of total: convolutions and linear layers
  int64_t attention_macs = 0;  ///< of total: the products between tokens
  /// As the detection and segmentation papers count: the layers, and the attention's output
  /// projection also of the tokens that windows are padded with; the products of attention in those
  /// of detection (TaskRow::papers_count_attention).
  int64_t published_macs = 0;
  int64_t memory_bytes = 0;  ///< at most, parameters and packed weights included
  int64_t packed_bytes = 0;  ///< weights as products read them, kept beside the parameters
};

/// The memory of a training step.
struct TrainingPlan {
  ForwardPlan forward;
  int64_t batch_size = 0, micro_batch_size = 0;
  int64_t state_bytes = 0;        ///< parameters, gradients and optimizer slots
  int64_t peak_memory_bytes = 0;  ///< of the process
  int64_t checkpoint_bytes = 0;   ///< of the arrays of a checkpoint
};

/// The time of a training run, from this machine's matrix product.
struct TimeEstimate {
  double gemm_gflops = 0;    ///< measured
  double gemm_fraction = 0;  ///< of it, which a training step is assumed to reach
  double images_per_second = 0, step_seconds = 0;
  std::optional<int64_t> steps;       ///< of the run; empty where their number is not known
  std::optional<double> run_seconds;  ///< without evaluation
};

ForwardPlan plan_forward(const tasks::TaskConfig& task, const layers::ModelConfig& model);
TrainingPlan plan_training(const Config& config);

/// Takes a fraction of a second, where `benchmark` takes several.
/// @param training_images of the data set; 0: not known.
TimeEstimate estimate_time(const Config& config, const TrainingPlan& plan, int64_t training_images);

/// Runs the forward of one image: the median of at least three and at least one second, after one
/// that warms caches and the pool.
double measure_forward_seconds(const tasks::TaskConfig& task, const layers::ModelConfig& model);

}  // namespace swin::trainers
