// Measures for `swin benchmark kernels`: each op and shapes of some models against the roofline.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autograd/ops/ops.h"
#include "trainers/run/profile.h"
#include "trainers/run/roofline.h"

namespace swin::trainers {

/// A convolution beside a linear layer with the same product: rows B · H · W of y, in k · k · C,
/// out O. Each value is the convolution's rate over the linear layer's; 1 is as fast.
struct BesideLinear {
  double forward = 0, dx = 0, dweight = 0;
};
/// Measures both in turns, at least five times and at least this long. The linear layer gets fewer
/// rows where its input would take more than 256 MB.
/// @param x (B, H, W, C)   @param weight (O, C, k, k)
BesideLinear measure_beside_linear(const autograd::Shape& x, const autograd::Shape& weight,
                                   const autograd::ConvOptions& options, double seconds);

struct KernelBenchmark {
  struct Workload {
    int64_t batch_size = 0;
    Profile profile;
    /// Of the rows of `profile.by_shapes` that are conv2d, by their shapes.
    std::map<std::string, BesideLinear> convolutions;
  };
  Roofline roofline;                ///< the better of two measures, before and after
  std::vector<Workload> workloads;  ///< one per config
};

/// Profiles whole steps of each config, after three to warm up. What is measured is an op in its
/// place: some of its inputs are still in a cache, as in any step. A shape has one row, whatever
/// the other arguments are: windows with and without a shift are averaged.
/// @param batch_size as in BenchmarkStep
/// @param seconds least time of all profiles together; at least 5 steps are measured of each, and
///     convolutions beside linear layers after that
KernelBenchmark benchmark_kernels(const std::vector<Config>& configs, BenchmarkMode mode,
                                  int64_t batch_size, double seconds);

}  // namespace swin::trainers
