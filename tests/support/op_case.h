// The oracle: what a row of the table holds, and how one case of it is run and measured.
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

/// One op at one place of its sweep.
struct OpCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> call;
  std::function<Array(const std::vector<Array>&)> reference;
};

/// A call that must throw ShapeError, and a part of what it says.
struct Reject {
  std::string says;
  std::function<void()> call;
};

/// All that is known of one op of ops.h.
struct OpRow {
  std::string op;
  std::vector<OpCase> cases;     ///< shapes that straddle vector, tile and slice edges
  std::vector<OpCase> parallel;  ///< every parallel kernel has at least four tiles, gemm slices K
  std::vector<Reject> rejects;
  double float_forward = 1e-5, float_gradient = 3e-5;  ///< of the largest entry
  double double_forward = 1e-12, double_gradient = 1e-7;
  double scale = 1e-3;  ///< what counts as the largest entry where all are smaller
  double forward_tolerance() const { return sizeof(real) == 4 ? float_forward : double_forward; }
  double gradient_tolerance() const { return sizeof(real) == 4 ? float_gradient : double_gradient; }
};
const std::vector<OpRow>& op_table();
/// The rows of op_table_movement.cpp and op_table_attention.cpp.
void append_movement_rows(std::vector<OpRow>& table);
void append_attention_rows(std::vector<OpRow>& table);

// ---- to write rows with -------------------------------------------------------------------------

Tensor zeros(std::initializer_list<int64_t> dims);
/// Numbers in [low, high).
Input in_range(std::initializer_list<int64_t> dims, double low, double high);
/// An op of one tensor; the name is its shape and `extra`.
OpCase unary(const Input& x, std::function<Tensor(const Tensor&)> call,
             std::function<Array(const Array&)> reference, const std::string& extra = "");

// ---- to run and measure with --------------------------------------------------------------------

reference::Dims sides_of(const Shape& shape);
Shape shape_of(const reference::Dims& dims);
/// Random numbers that float holds exactly, in [low, high).
Array random_array(const Shape& shape, uint64_t seed, double low = -1, double high = 1);
std::vector<Array> random_inputs(const OpCase& c, uint64_t seed);
Tensor to_tensor(const Array& x);
Array to_array(const Tensor& x);

/// What came out of one forward and backward: y, and dx of every input (empty where none was asked
/// for).
struct Outcome {
  Array y;
  std::vector<Array> gradients;
};
enum class Repeat {
  once,
  backward_twice,  ///< the second pass adds to what the first stored
  two_consumers,   ///< two calls share the inputs, and their outputs are added
};
/// @param needs bit i: input i collects a gradient.   @param dy as many numbers as y; empty:
/// forward only.
Outcome run(const OpCase& c, const std::vector<Array>& inputs, const Array& dy, unsigned needs,
            Repeat repeat = Repeat::once);
unsigned all_gradients(const OpCase& c);

/// Σ dy · dy/dx[which] along `direction`, by central differences of the reference.
double directional_difference(const OpCase& c, std::vector<Array> inputs, size_t which,
                              const Array& direction, const Array& dy);

double largest(const Array& x);
/// The largest |a − b|; infinite where shapes differ or a number is not finite.
double distance(const Array& a, const Array& b);

}  // namespace swin::oracle
