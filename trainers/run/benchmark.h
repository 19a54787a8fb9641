// What `swin benchmark` measures: whole training steps or forwards of a model on a resident
// synthetic batch, against the machine's own best matrix product taken in the same run.
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
  int64_t batch_size = 0;  ///< 0: trainer.batch_size
  double seconds = 8;      ///< measured at least, and at least 5 steps
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
  double flops_per_image =
      0;  ///< 6 per multiply-add in training, 2 in inference; the dense model's
  autograd::kernels::MachineRate machine;
  double gemm_gflops = 0, gemm_fraction = 0;
  std::string precision = "fp32", mode, cpu;
  int threads = 0;
  int64_t batch_size = 0;
  std::vector<ProfileRow> profile;  ///< slowest first; empty unless asked for
};

/// A training step is forward, loss, backward, clipping and AdamW.
BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options);

}  // namespace swin::trainers
