#include "trainers/run/kernel_benchmark.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "autograd/tape/op.h"
#include "autograd/tape/tape.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/stopwatch.h"

namespace swin::trainers {
namespace {

using autograd::Shape;
using autograd::Tensor;

Tensor random_tensor(const Shape& shape) {
  Tensor x(shape);
  real* const values = x.mutable_data();
  const base::Random random(0, "benchmark/kernels");
  for (int64_t i = 0; i < x.numel(); ++i)
    values[i] = static_cast<real>(random.uniform(static_cast<uint64_t>(i)) * 2 - 1);
  return x;
}

// Adds up the forwards and the backwards while it lives.
class Watch : public autograd::ForwardObserver, public autograd::Observer {
 public:
  void op_done(const autograd::OpDone& done) override { forward += done.seconds; }
  void node_done(const autograd::Node& /*node*/, double seconds) override { backward += seconds; }
  double forward = 0, backward = 0;
};

// An op of an input and a weight, and the seconds of its calls for the gradient of one of them.
struct Timed {
  using Call = std::function<Tensor(const Tensor& x, const Tensor& weight)>;
  Timed(const Shape& x_shape, const Shape& weight_shape, Call of)
      : x(random_tensor(x_shape)), weight(random_tensor(weight_shape)), call(std::move(of)) {}
  Tensor x, weight, dy;
  Call call;
  std::vector<double> forward, dx, dweight;

  void measure() {
    for (const bool of_weight : {false, true}) {
      autograd::Tape tape;
      Watch watch;
      const Tensor y = [&] {
        const autograd::Tape::Recording recording(tape);
        return call(of_weight ? x : x.as_leaf(), of_weight ? weight.as_leaf() : weight);
      }();
      if (!dy.defined()) dy = random_tensor(y.shape());
      tape.backward(y, dy, &watch);
      forward.push_back(watch.forward);
      (of_weight ? dweight : dx).push_back(watch.backward);
    }
  }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A stride and a padding that lead from x to y, which is all that matters for speed.
autograd::ConvOptions options_of(const std::vector<Shape>& tensors) {
  const Shape &x = tensors[0], &weight = tensors[1], &y = tensors.back();
  const int64_t side = weight[2];
  for (int64_t stride = 1; stride <= std::max(x[1], x[2]); ++stride)
    for (int64_t padding = side / 2; padding >= 0; --padding) {
      const auto fits = [&](int axis) {
        return (x[axis] + 2 * padding - side) / stride + 1 == y[axis];
      };
      if (fits(1) && fits(2)) return {stride, padding};
    }
  return {1, side / 2};
}

std::map<std::string, BesideLinear> convolutions_of(const Profile& profile) {
  std::map<std::string, BesideLinear> result;
  for (const ProfileRow& row : profile.by_shapes)
    if (row.op == "conv2d")
      result[row.shapes] =
          measure_beside_linear(row.tensors[0], row.tensors[1], options_of(row.tensors), 0.5);
  return result;
}

}  // namespace

BesideLinear measure_beside_linear(const Shape& x, const Shape& weight,
                                   const autograd::ConvOptions& options, double seconds) {
  constexpr int64_t kMostInputs = 1 << 26;
  Timed convolution(x, weight, [&](const Tensor& a, const Tensor& b) {
    return autograd::conv2d(a, b, Tensor(), options);
  });
  convolution.measure();
  const int64_t in = weight[1] * weight[2] * weight[3], all = convolution.dy.numel() / weight[0],
                rows = std::min(all, std::max<int64_t>(1, kMostInputs / in));
  Timed linear({rows, in}, {weight[0], in},
               [](const Tensor& a, const Tensor& b) { return autograd::linear(a, b, Tensor()); });
  linear.measure();
  for (Timed* timed : {&convolution, &linear})
    timed->forward = timed->dx = timed->dweight = {};  // the first calls warmed up
  const base::Stopwatch watch;
  while (linear.dx.size() < 5 || watch.seconds() < seconds) {
    convolution.measure();
    linear.measure();
  }
  const double share = static_cast<double>(all) / static_cast<double>(rows);
  const auto ratio = [&](std::vector<double> Timed::*times) {
    return share * median(linear.*times) / median(convolution.*times);
  };
  return {ratio(&Timed::forward), ratio(&Timed::dx), ratio(&Timed::dweight)};
}

KernelBenchmark benchmark_kernels(const std::vector<Config>& configs, BenchmarkMode mode,
                                  int64_t batch_size, double seconds) {
  KernelBenchmark result;
  result.roofline = measure_roofline();
  for (const Config& config : configs) {
    {
      BenchmarkStep step(config, mode, batch_size);
      for (int i = 0; i < 3; ++i) step();
      result.workloads.push_back(
          {step.batch_size(), profile(step, seconds / static_cast<double>(configs.size())), {}});
    }
    base::trim_pool();
    KernelBenchmark::Workload& workload = result.workloads.back();
    workload.convolutions = convolutions_of(workload.profile);
    base::trim_pool();
  }
  const Roofline after = measure_roofline();
  result.roofline.gflops = std::max(result.roofline.gflops, after.gflops);
  result.roofline.gb_per_second = std::max(result.roofline.gb_per_second, after.gb_per_second);
  return result;
}

}  // namespace swin::trainers
