// The oracle: the rows of its table, and functions that run and measure one case of a row.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "autograd/ops/ops.h"
#include "tests/support/reference.h"

namespace swin::oracle {

using autograd::Shape;
using autograd::Tensor;
using reference::Array;

struct Input {
  Input(std::initializer_list<int64_t> dims, bool needs = true)
      : shape(dims), differentiable(needs) {}
  Shape shape;
  bool differentiable = true;
  double low = -1, high = 1;
  bool distribution = false;  ///< every row (last axis) is non-negative and sums to one
};

/// One op with one set of shapes and options.
struct OpCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> call;
  std::function<Array(const std::vector<Array>&)> reference;
};

/// A call that must throw ShapeError, and a part of the message.
struct Reject {
  std::string says;
  std::function<void()> call;
};

/// All cases and tolerances of one op of ops.h.
struct OpRow {
  std::string op;
  std::vector<OpCase> cases;     ///< shapes around the limits of vectors, tiles and slices
  std::vector<OpCase> parallel;  ///< at least four tiles in every parallel kernel, gemm slices K
  std::vector<Reject> rejects;
  double float_forward = 1e-5, float_gradient = 3e-5;  ///< relative to the largest element
  double double_forward = 1e-12, double_gradient = 1e-7;
  double scale = 1e-3;  ///< lower bound for the largest element in these tolerances
  double forward_tolerance() const { return sizeof(real) == 4 ? float_forward : double_forward; }
  double gradient_tolerance() const { return sizeof(real) == 4 ? float_gradient : double_gradient; }
};
const std::vector<OpRow>& op_table();
/// The rows of op_table_movement.cpp, op_table_convolution.cpp, op_table_attention.cpp,
/// op_table_heads.cpp, op_table_regions.cpp and op_table_residual.cpp.
void append_movement_rows(std::vector<OpRow>& table);
void append_convolution_rows(std::vector<OpRow>& table);
void append_attention_rows(std::vector<OpRow>& table);
void append_head_rows(std::vector<OpRow>& table);
void append_region_rows(std::vector<OpRow>& table);
void append_residual_rows(std::vector<OpRow>& table);

// ---- for writing rows ---------------------------------------------------------------------------

Tensor zeros(std::initializer_list<int64_t> dims);
/// An input with values in [low, high).
Input in_range(std::initializer_list<int64_t> dims, double low, double high);
/// A case of an op of one tensor. Its name is the shape and `extra`.
OpCase unary(const Input& x, std::function<Tensor(const Tensor&)> call,
             std::function<Array(const Array&)> reference, const std::string& extra = "");

/// The engine's layout of a map that the windows divide.
autograd::WindowLayout layout_of(autograd::Size2 map, const reference::Windows& windows);

// ---- for running and measuring ------------------------------------------------------------------

reference::Dims dims_of(const Shape& shape);
Shape shape_of(const reference::Dims& dims);
/// Random values in [low, high) that are exact in float.
Array random_array(const Shape& shape, uint64_t seed, double low = -1, double high = 1);
std::vector<Array> random_inputs(const OpCase& c, uint64_t seed);
Tensor to_tensor(const Array& x);
Array to_array(const Tensor& x);

/// The results of one forward and backward pass: y, and dx of every input, empty if not asked for.
struct Outcome {
  Array y;
  std::vector<Array> gradients;
};
enum class Repeat {
  once,
  backward_twice,  ///< the second backward pass adds to the gradients of the first
  two_consumers,   ///< two calls have the same inputs, and their outputs are added
};
/// @param dy with as many elements as y; empty: forward only
/// @param needs bit i: input i gets a gradient
Outcome run(const OpCase& c, const std::vector<Array>& inputs, const Array& dy, unsigned needs,
            Repeat repeat = Repeat::once);
unsigned all_gradients(const OpCase& c);

/// Σ dy · dy/dx[which] along `direction`, by central differences of the reference.
double directional_difference(const OpCase& c, std::vector<Array> inputs, size_t which,
                              const Array& direction, const Array& dy);

double largest(const Array& x);
/// The largest |a − b|; infinite if the shapes differ or a value is not finite.
double distance(const Array& a, const Array& b);

}  // namespace swin::oracle
