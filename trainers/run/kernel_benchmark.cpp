#include "trainers/run/kernel_benchmark.h"

#include <algorithm>

#include "base/pool.h"

namespace swin::trainers {

KernelBenchmark benchmark_kernels(const std::vector<Config>& configs, BenchmarkMode mode,
                                  int64_t batch_size, double seconds) {
  KernelBenchmark result;
  result.roofline = measure_roofline();
  for (const Config& config : configs) {
    {
      BenchmarkStep step(config, mode, batch_size);
      for (int i = 0; i < 3; ++i) step();
      result.workloads.push_back(
          {step.batch_size(), profile(step, seconds / static_cast<double>(configs.size()))});
    }
    base::trim_pool();
  }
  const Roofline after = measure_roofline();
  result.roofline.gflops = std::max(result.roofline.gflops, after.gflops);
  result.roofline.gb_per_second = std::max(result.roofline.gb_per_second, after.gb_per_second);
  return result;
}

}  // namespace swin::trainers
