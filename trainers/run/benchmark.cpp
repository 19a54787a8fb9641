#include "trainers/run/benchmark.h"

#include <algorithm>

#include "base/cpu.h"
#include "base/parallel.h"
#include "base/stopwatch.h"

namespace swin::trainers {

BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options) {
  BenchmarkStep compute(config, options.mode, options.batch_size);
  BenchmarkResult result;
  result.mode = options.mode == BenchmarkMode::train ? "train" : "infer";
  result.cpu = base::cpu().model;
  result.threads = base::num_threads();
  result.batch_size = compute.batch_size();
  result.flops_per_image = compute.flops_per_image();
  const auto step = [&] {
    const base::Stopwatch watch;
    compute();
    return watch.seconds();
  };

  autograd::kernels::MachineRate before = autograd::kernels::measure_machine_rate();
  for (int i = 0; i < 3; ++i) step();  // warm-up: fills the pool
  const base::Stopwatch watch;
  while (result.steps.size() < 5 || watch.seconds() < options.seconds)
    result.steps.push_back(step());
  result.peak_memory_bytes = base::peak_memory_bytes();
  const autograd::kernels::MachineRate after = autograd::kernels::measure_machine_rate();
  result.machine.openblas = std::max(before.openblas, after.openblas);
  result.machine.onednn_sgemm = std::max(before.onednn_sgemm, after.onednn_sgemm);
  result.machine.onednn_matmul = std::max(before.onednn_matmul, after.onednn_matmul);

  std::vector<double> sorted = result.steps;
  std::sort(sorted.begin(), sorted.end());
  result.step_seconds = sorted[sorted.size() / 2];
  result.images_per_second = static_cast<double>(result.batch_size) / result.step_seconds;
  result.gemm_gflops = result.machine.best();
  if (result.gemm_gflops > 0)
    result.gemm_fraction =
        result.images_per_second * result.flops_per_image / (result.gemm_gflops * 1e9);

  if (options.profile) result.profile = profile(compute, 0);
  return result;
}

}  // namespace swin::trainers
