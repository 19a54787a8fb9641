#include "tests/support/op_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/tape/tape.h"

namespace swin::oracle {

using autograd::Tape;

Tensor zeros(std::initializer_list<int64_t> dims) { return Tensor::filled(Shape(dims), 0); }
Input in_range(std::initializer_list<int64_t> dims, double low, double high) {
  Input input(dims);
  input.low = low;
  input.high = high;
  return input;
}

OpCase unary(const Input& x, std::function<Tensor(const Tensor&)> call,
             std::function<Array(const Array&)> reference, const std::string& extra) {
  return {x.shape.text() + extra,
          {x},
          [call](const std::vector<Tensor>& t) { return call(t[0]); },
          [reference](const std::vector<Array>& a) { return reference(a[0]); }};
}

autograd::WindowLayout layout_of(autograd::Size2 map, const reference::Windows& w) {
  return {map, map, w.window, w.shift, w.rolled, w.valid};
}

reference::Dims dims_of(const Shape& shape) {
  reference::Dims dims;
  for (int i = 0; i < shape.rank(); ++i) dims.push_back(shape[i]);
  return dims;
}

Shape shape_of(const reference::Dims& dims) {
  Shape shape;
  for (int64_t side : dims) shape.push_back(side);
  return shape;
}

Array random_array(const Shape& shape, uint64_t seed, double low, double high) {
  Array x(dims_of(shape));
  const base::Random random(seed, "oracle");
  for (int64_t i = 0; i < x.numel(); ++i)
    x[i] = static_cast<float>(low + (high - low) * random.uniform(static_cast<uint64_t>(i)));
  return x;
}

std::vector<Array> random_inputs(const OpCase& c, uint64_t seed) {
  std::vector<Array> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Input& input = c.inputs[i];
    Array x = random_array(input.shape, seed * 16 + i + 1, input.low, input.high);
    if (input.distribution) {
      // A class gets zero or a quarter of what is left, the first class gets the rest: the sum
      // is 1.
      const int64_t classes = x.shape.back();
      for (int64_t r = 0; r < x.numel() / classes; ++r) {
        double left = 1;
        for (int64_t j = 1; j < classes; ++j) {
          const double part = x[r * classes + j] > 0.3 ? left / 4 : 0;
          x[r * classes + j] = part;
          left -= part;
        }
        x[r * classes] = left;
      }
    }
    inputs.push_back(std::move(x));
  }
  return inputs;
}

Tensor to_tensor(const Array& x) {
  Tensor tensor(shape_of(x.shape));
  if (tensor.data())
    for (int64_t i = 0; i < x.numel(); ++i) tensor.mutable_data()[i] = static_cast<real>(x[i]);
  return tensor;
}

Array to_array(const Tensor& x) {
  Array array(dims_of(x.shape()));
  for (int64_t i = 0; i < array.numel(); ++i) array[i] = static_cast<double>(x.data()[i]);
  return array;
}

unsigned all_gradients(const OpCase& c) {
  unsigned needs = 0;
  for (size_t i = 0; i < c.inputs.size(); ++i)
    if (c.inputs[i].differentiable) needs |= 1u << i;
  return needs;
}

Outcome run(const OpCase& c, const std::vector<Array>& inputs, const Array& dy, unsigned needs,
            Repeat repeat) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor x = to_tensor(inputs[i]);
    tensors.push_back((needs >> i & 1u) != 0 ? x.as_leaf() : x);
  }
  Outcome outcome;
  const int passes = repeat == Repeat::backward_twice ? 2 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    Tape tape;
    Tensor y;
    {
      const Tape::Recording recording(tape);
      y = c.call(tensors);
      if (repeat == Repeat::two_consumers) y = autograd::add(y, c.call(tensors));
    }
    outcome.y = to_array(y);
    if (dy.values.empty() || tape.nodes().empty()) continue;
    tape.backward(y, to_tensor(dy));
  }
  for (const Tensor& x : tensors) {
    Array gradient;
    if (x.gradient().data()) {
      gradient = Array(dims_of(x.shape()));
      for (int64_t i = 0; i < gradient.numel(); ++i)
        gradient[i] = static_cast<double>(x.gradient().data()[i]);
    }
    outcome.gradients.push_back(std::move(gradient));
  }
  return outcome;
}

double directional_difference(const OpCase& c, std::vector<Array> inputs, size_t which,
                              const Array& direction, const Array& dy) {
  constexpr double kStep = 1e-5;
  const std::vector<double> origin = inputs[which].values;
  const auto moved = [&](double step) {
    for (size_t i = 0; i < origin.size(); ++i)
      inputs[which].values[i] = origin[i] + step * direction.values[i];
    return c.reference(inputs);
  };
  const Array up = moved(kStep), down = moved(-kStep);
  double sum = 0;
  for (int64_t i = 0; i < up.numel(); ++i) sum += dy[i] * ((up[i] - down[i]) / (2 * kStep));
  return sum;
}

double largest(const Array& x) {
  double most = 0;
  for (double value : x.values) most = std::max(most, std::abs(value));
  return most;
}

double distance(const Array& a, const Array& b) {
  if (a.shape != b.shape) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= std::numeric_limits<double>::max())) return std::numeric_limits<double>::infinity();
    most = std::max(most, d);
  }
  return most;
}

}  // namespace swin::oracle
