// Measures for `swin benchmark kernels`: each op and shapes of some models against the roofline.
#pragma once
#include <cstdint>
#include <vector>

#include "trainers/run/profile.h"
#include "trainers/run/roofline.h"

namespace swin::trainers {

struct KernelBenchmark {
  struct Workload {
    int64_t batch_size = 0;
    Profile profile;
  };
  Roofline roofline;                ///< the better of two measures, before and after
  std::vector<Workload> workloads;  ///< one per config
};

/// Profiles whole steps of each config, after three to warm up. What is measured is an op in its
/// place: some of its inputs are still in a cache, as in any step. A shape has one row, whatever
/// the other arguments are: windows with and without a shift are averaged.
/// @param batch_size as in BenchmarkStep
/// @param seconds least time of all profiles together; at least 5 steps are measured of each
KernelBenchmark benchmark_kernels(const std::vector<Config>& configs, BenchmarkMode mode,
                                  int64_t batch_size, double seconds);

}  // namespace swin::trainers
