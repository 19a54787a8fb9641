// Measures for `swin benchmark`: whole training steps or forward passes of a model on one synthetic
// batch in memory, against the machine's best matrix product, measured in the same run.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/kernels/gemm.h"
#include "trainers/config/config.h"

namespace swin::trainers {

enum class BenchmarkMode { train, infer };

struct BenchmarkOptions {
  BenchmarkMode mode = BenchmarkMode::train;
  int64_t batch_size = 0;  ///< 0: trainer.micro_batch_size, else trainer.batch_size
  double seconds = 8;      ///< least time to measure, and at least 5 steps
  bool profile = false;    ///< one more step, timed op by op
};

/// Time of one kind of op in a step.
struct ProfileRow {
  std::string op;
  int64_t calls = 0, macs = 0;
  double forward_seconds = 0, backward_seconds = 0;
};

struct BenchmarkResult {
  double images_per_second = 0;   ///< from the median step
  double step_seconds = 0;        ///< median
  std::vector<double> steps;      ///< seconds of every measured step
  int64_t peak_memory_bytes = 0;  ///< of the process
  /// 6 per multiply-add of the dense model in training, 2 in inference.
  double flops_per_image = 0;
  autograd::kernels::MachineRate machine;
  double gemm_gflops = 0, gemm_fraction = 0;
  std::string precision = "fp32", mode, cpu;
  int threads = 0;
  int64_t batch_size = 0;
  std::vector<ProfileRow> profile;  ///< slowest first; empty unless asked for
};

/// A training step is that of `swin train` (trainers/run/step.h) on one slice.
BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options);

}  // namespace swin::trainers
