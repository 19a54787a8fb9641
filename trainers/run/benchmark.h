// Measures for `swin benchmark`: whole training steps or forward passes of a model on one synthetic
// batch in memory, against the machine's best matrix product, measured in the same run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/kernels/gemm.h"
#include "trainers/run/benchmark_step.h"
#include "trainers/run/profile.h"

namespace swin::trainers {

struct BenchmarkOptions {
  BenchmarkMode mode = BenchmarkMode::train;
  int64_t batch_size = 0;  ///< as in BenchmarkStep
  double seconds = 8;      ///< least time to measure, and at least 5 steps
  bool profile = false;    ///< 5 more steps, timed op by op
};

struct BenchmarkResult {
  double images_per_second = 0;   ///< from the median step
  double step_seconds = 0;        ///< median
  std::vector<double> steps;      ///< seconds of every measured step
  int64_t peak_memory_bytes = 0;  ///< of the process
  double flops_per_image = 0;     ///< as in BenchmarkStep
  autograd::kernels::MachineRate machine;
  double gemm_gflops = 0, gemm_fraction = 0;
  std::string precision = "fp32", mode, cpu;
  int threads = 0;
  int64_t batch_size = 0;
  std::optional<Profile> profile;  ///< if asked for
};

BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options);

}  // namespace swin::trainers
