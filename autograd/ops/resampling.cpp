#include <algorithm>
#include <cmath>
#include <functional>

#include "autograd/kernels/resample.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {
namespace {

// What the indices of an axis are made of (kernels::AxisSums), while it is built.
struct Axis {
  std::vector<int32_t> begin = {0}, first;
  std::vector<real> weights;
  /// The next index: the sum of `sum` · (index at, at + 1, … of the other map).
  void append(int64_t at, const std::vector<real>& sum) {
    first.push_back(static_cast<int32_t>(at));
    weights.insert(weights.end(), sum.begin(), sum.end());
    begin.push_back(static_cast<int32_t>(weights.size()));
  }
};

// The gradient of an axis of `size` indices. The ranges move up with the index, so the indices that
// read one index of the other map are a range, too.
Axis transposed(const Axis& axis, int64_t size) {
  Axis result;
  const int64_t count = static_cast<int64_t>(axis.first.size());
  for (int64_t at = 0, from = 0; at < size; ++at) {
    const auto weight = [&](int64_t i) -> const real* {
      const auto n = static_cast<size_t>(i);
      const int64_t e = at - axis.first[n];
      return e >= 0 && e < axis.begin[n + 1] - axis.begin[n]
                 ? &axis.weights[static_cast<size_t>(axis.begin[n] + e)]
                 : nullptr;
    };
    while (from < count && !weight(from) && axis.first[static_cast<size_t>(from)] <= at) ++from;
    std::vector<real> sum;
    for (int64_t i = from; i < count && weight(i); ++i) sum.push_back(*weight(i));
    result.append(std::min(from, std::max<int64_t>(0, count - 1)), sum);
  }
  return result;
}

// The arrays of an axis in the memory of the pool, for the backward pass.
struct SavedAxis {
  Array<int32_t> begin, first;
  Array<real> weights;
  explicit SavedAxis(const Axis& axis)
      : begin(Array<int32_t>::from(axis.begin)),
        first(Array<int32_t>::from(axis.first)),
        weights(Array<real>::from(axis.weights)) {}
  kernels::AxisSums sums() const { return {begin.data(), first.data(), weights.data()}; }
};

// Index i of a map of `to` from one of `from` indices.
using MakeAxis = std::function<Axis(int64_t from, int64_t to)>;

Tensor resample(Op& op, const Tensor& x, Size2 to, const MakeAxis& make) {
  op.saves_nothing();
  op.check(x.rank() == 4 && x.dim(1) > 0 && x.dim(2) > 0 && to[0] > 0 && to[1] > 0, [&] {
    return "found " + x.shape().text() + " to " + Shape{to[0], to[1]}.text() +
           ", expected (B, H, W, C) and dims of maps of at least 1";
  });
  if (Size2{x.dim(1), x.dim(2)} == to)  // every index is itself
    return op.record(x.viewed(x.shape()), {x},
                     [dx = x.gradient()](const OutputGradient& dy) { dy.pass_to(dx); });
  const int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const Axis rows = make(height, to[0]), columns = make(width, to[1]);
  const auto sums = [](const Axis& axis) -> kernels::AxisSums {
    return {axis.begin.data(), axis.first.data(), axis.weights.data()};
  };
  Tensor y({batch, to[0], to[1], channels});
  kernels::resample(x.data(), {y.mutable_data(), false}, batch, height, width, to[0], to[1],
                    channels, sums(rows), sums(columns));
  if (!Op::will_record({x})) return op.record(y, {x}, nullptr);
  return op.record(
      y, {x},
      [rows = SavedAxis(transposed(rows, height)), columns = SavedAxis(transposed(columns, width)),
       batch, height, width, to, channels, dx = x.gradient()](const OutputGradient& dy) {
        kernels::resample(dy, dx.target(), batch, to[0], to[1], height, width, channels,
                          rows.sums(), columns.sums());
      });
}

}  // namespace

Tensor adaptive_avg_pool(const Tensor& x, Size2 to) {
  Op op("adaptive_avg_pool");
  return resample(op, x, to, [](int64_t from, int64_t bins) {
    Axis axis;
    for (int64_t i = 0; i < bins; ++i) {
      const int64_t begin = i * from / bins, end = ((i + 1) * from + bins - 1) / bins;
      const auto size = static_cast<size_t>(end - begin);
      axis.append(begin, std::vector<real>(size, real{1} / static_cast<real>(size)));
    }
    return axis;
  });
}

Tensor resize_bilinear(const Tensor& x, Size2 to, bool align_corners) {
  Op op("resize_bilinear");
  return resample(op, x, to, [align_corners](int64_t from, int64_t size) {
    // In `real`, as PyTorch: the places of float images are of float.
    const real ratio = !align_corners ? static_cast<real>(from) / static_cast<real>(size)
                       : size > 1     ? static_cast<real>(from - 1) / static_cast<real>(size - 1)
                                      : real{0};
    const real half = static_cast<real>(0.5);
    Axis axis;
    for (int64_t i = 0; i < size; ++i) {
      const real place = align_corners
                             ? ratio * static_cast<real>(i)
                             : std::max(ratio * (static_cast<real>(i) + half) - half, real{0});
      const int64_t at = std::min(static_cast<int64_t>(place), from - 1);
      const real next = std::clamp(place - static_cast<real>(at), real{0}, real{1});
      if (at == from - 1 || next == 0)
        axis.append(at, {real{1}});
      else
        axis.append(at, {1 - next, next});
    }
    return axis;
  });
}

Tensor resize_nearest(const Tensor& x, Size2 to) {
  Op op("resize_nearest");
  return resample(op, x, to, [](int64_t from, int64_t size) {
    // The ratio is of float in PyTorch, whatever the image is of: where it is rounded down, an
    // exact multiple of it lies below the whole number.
    const float ratio = static_cast<float>(from) / static_cast<float>(size);
    Axis axis;
    for (int64_t i = 0; i < size; ++i)
      axis.append(std::min(static_cast<int64_t>(static_cast<float>(i) * ratio), from - 1),
                  {real{1}});
    return axis;
  });
}

}  // namespace swin::autograd
