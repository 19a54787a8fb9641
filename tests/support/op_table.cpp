// The table of the oracle, one row per op. The rows of movement, convolution, resampling and
// attention ops, and of those of dense heads, are in the other files op_table_*.cpp.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::DrawKey;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

DrawKey key(uint64_t stream) { return {7, stream, 3, 11}; }
ref::Draw draw(uint64_t stream) { return {7, stream, 3, 11}; }

OpRow linear_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t out, bool biased) {
    OpCase c;
    const Input input(x);
    const int64_t in = input.shape[-1];
    c.name = input.shape.text() + " to " + std::to_string(out) + (biased ? " bias" : "");
    c.inputs = {input, Input({out, in})};
    if (biased) c.inputs.push_back(Input({out}));
    c.call = [biased](const Tensors& t) {
      return ops::linear(t[0], t[1], biased ? t[2] : Tensor());
    };
    c.reference = [biased](const Arrays& a) {
      return ref::linear(a[0], a[1], biased ? &a[2] : nullptr);
    };
    return c;
  };
  OpRow row{"linear", {}, {}, {}};
  row.cases = {one({1, 1}, 1, true),   one({3, 5}, 7, true), one({2, 3, 5}, 16, false),
               one({17, 16}, 9, true), one({4}, 3, true),    one({2, 2, 4, 33}, 31, true),
               one({8, 8}, 8, true)};
  // Four row tiles forward, column tiles backward; a weight gradient with 3 slices and several
  // tiles.
  row.parallel = {one({1030, 24}, 200, true), one({6150, 21}, 210, true),
                  one({130, 260}, 200, true)};
  row.rejects = {{"linear: found x (2, 3) and weight (4, 5), expected (…, in) and (out, in)",
                  [] {
                    ops::linear(zeros({2, 3}), zeros({4, 5}), Tensor());
                  }},
                 {"expected (…, in) and (out, in)",
                  [] {
                    ops::linear(zeros({2, 3}), zeros({3}), Tensor());
                  }},
                 {"found bias (3), expected (4)", [] {
                    ops::linear(zeros({2, 3}), zeros({4, 3}), zeros({3}));
                  }}};
  return row;
}

OpRow matmul_row() {
  const auto one = [](std::initializer_list<int64_t> a, std::initializer_list<int64_t> b,
                      bool transpose_b) {
    OpCase c;
    c.inputs = {Input(a), Input(b)};
    c.name = c.inputs[0].shape.text() + (transpose_b ? " by transposed " : " by ") +
             c.inputs[1].shape.text();
    c.call = [transpose_b](const Tensors& t) { return ops::matmul(t[0], t[1], transpose_b); };
    c.reference = [transpose_b](const Arrays& x) { return ref::matmul(x[0], x[1], transpose_b); };
    return c;
  };
  OpRow row{"matmul", {}, {}, {}};
  row.cases = {one({1, 1}, {1, 1}, false),
               one({3, 5}, {5, 7}, false),
               one({3, 5}, {7, 5}, true),
               one({2, 3, 4, 5}, {2, 3, 5, 6}, false),
               one({2, 3, 4, 5}, {2, 3, 6, 5}, true),
               one({3, 17, 16}, {3, 16, 9}, false),
               one({2, 9, 33}, {2, 15, 33}, true)};
  row.parallel = {one({2, 3, 49, 20}, {2, 3, 49, 20}, true), one({6, 49, 49}, {6, 49, 20}, false)};
  row.rejects = {{"matmul: found a (2, 3) and b (4, 5), expected (…, m, k) and (…, k, n)",
                  [] {
                    ops::matmul(zeros({2, 3}), zeros({4, 5}));
                  }},
                 {"(…, n, k)",
                  [] {
                    ops::matmul(zeros({2, 3}), zeros({3, 4}), true);
                  }},
                 {"matmul: found",
                  [] {
                    ops::matmul(zeros({2, 2, 3}), zeros({3, 3, 4}));
                  }},
                 {"matmul: found",
                  [] {
                    ops::matmul(zeros({2, 2, 3}), zeros({3, 4}));
                  }},
                 {"matmul: found", [] { ops::matmul(zeros({3}), zeros({3})); }}};
  return row;
}

// x and b, which is broadcast to the shape of x.
OpRow broadcast_row(const std::string& op, Tensor (*call)(const Tensor&, const Tensor&),
                    Array (*reference)(const Array&, const Array&)) {
  const auto one = [=](std::initializer_list<int64_t> x, std::initializer_list<int64_t> b) {
    OpCase c;
    c.inputs = {Input(x), Input(b)};
    c.name = c.inputs[0].shape.text() + " and " + c.inputs[1].shape.text();
    c.call = [=](const Tensors& t) { return call(t[0], t[1]); };
    c.reference = [=](const Arrays& a) { return reference(a[0], a[1]); };
    return c;
  };
  OpRow row{op, {}, {}, {}};
  row.cases = {one({1}, {1}),
               one({3, 5}, {3, 5}),
               one({2, 3, 17}, {2, 3, 17}),
               one({}, {}),
               one({3, 5}, {5}),
               one({2, 3, 5}, {3, 1}),
               one({2, 3, 5}, {1, 1, 1}),
               one({2, 3, 5}, {2, 1, 5}),
               one({4, 2, 3, 3}, {2, 3, 3}),
               one({2, 5}, {}),
               one({3, 2, 4, 17}, {3, 1, 4, 1})};
  row.parallel = {one({4, 16387}, {4, 16387}), one({70, 1000}, {1000}), one({70, 1000}, {70, 1})};
  const auto refused = [=](const Shape& x, const Shape& b) {
    return [=] { call(Tensor::filled(x, 0), Tensor::filled(b, 0)); };
  };
  row.rejects = {
      {op + ": found (2, 3) and (2), expected dims that are equal or 1", refused({2, 3}, {2})},
      {op + ": found", refused({3}, {2, 3})},
      {op + ": found", refused({1, 3}, {2, 3})}};
  return row;
}

OpRow elementwise_row(const std::string& op, std::function<Tensor(const Tensor&)> call,
                      std::function<Array(const Array&)> reference, double high) {
  OpRow row{op, {}, {}, {}};
  row.scale = 0.1;  // the error of erf is absolute
  for (const int64_t n : {1, 7, 8, 9, 15, 16, 17, 33})
    row.cases.push_back(unary(in_range({n}, -high, high), call, reference));
  row.cases.push_back(unary(in_range({2, 3, 5}, -high, high), call, reference));
  row.parallel.push_back(unary(in_range({5, 16384 + 3}, -high, high), call, reference));
  return row;
}

// An op of the last axis, which must not be empty.
OpRow last_axis_row(const std::string& op, Tensor (*call)(const Tensor&),
                    Array (*reference)(const Array&), double scale = 1e-3) {
  const auto one = [=](const Input& x) { return unary(x, call, reference); };
  OpRow row{op, {}, {}, {}};
  row.scale = scale;
  row.cases = {one({{1, 1}}),
               one({{5}}),
               one(in_range({3, 7}, -8, 8)),
               one(in_range({2, 3, 17}, -3, 3)),
               one({{4, 16}}),
               one({{2, 2, 49}})};
  row.parallel = {one(in_range({700, 49}, -4, 4)), one(in_range({5, 8200}, -4, 4))};
  row.rejects = {{op + ": found (2, 0), expected a last dim of at least 1",
                  [call] {
                    call(zeros({2, 0}));
                  }},
                 {op + ": found ()", [call] { call(zeros({})); }}};
  return row;
}

OpRow layer_norm_row() {
  const auto one = [](std::initializer_list<int64_t> x, real epsilon, double high = 1) {
    OpCase c;
    Input input = in_range(x, -high, high);
    input.low += high;  // a mean other than zero
    input.high += high;
    const int64_t dim = input.shape[-1];
    c.name = input.shape.text() + (epsilon > static_cast<real>(1e-3) ? " large epsilon" : "");
    c.inputs = {input, Input({dim}), Input({dim})};
    c.call = [epsilon](const Tensors& t) { return ops::layer_norm(t[0], t[1], t[2], epsilon); };
    c.reference = [epsilon](const Arrays& a) {
      return ref::layer_norm(a[0], a[1], a[2], static_cast<double>(epsilon));
    };
    return c;
  };
  const real small = static_cast<real>(1e-5), large = real{0.125};
  OpRow row{"layer_norm", {}, {}, {}};
  row.cases = {one({2, 2}, large),    one({3, 5}, small),   one({2, 3, 7}, large),
               one({4, 8}, small),    one({16}, small),     one({3, 9}, small, 4),
               one({2, 17}, small),   one({70, 33}, small), one({5, 1}, large),
               one({130, 16}, large), one({2, 300}, large)};  // 300 columns: two blocks of sums
  {
    OpCase by_default = one({3, 6}, small);
    by_default.name += " default epsilon";
    by_default.call = [](const Tensors& t) { return ops::layer_norm(t[0], t[1], t[2]); };
    row.cases.push_back(by_default);
  }
  row.parallel = {one({800, 96}, small), one({75, 1100}, small)};
  row.rejects = {{"layer_norm: found x (2, 3), weight (4), bias (4), expected weight and bias of "
                  "the last dim of x",
                  [] {
                    ops::layer_norm(zeros({2, 3}), zeros({4}), zeros({4}));
                  }},
                 {"layer_norm: found",
                  [] {
                    ops::layer_norm(zeros({2, 3}), zeros({3}), zeros({2}));
                  }},
                 {"layer_norm: found", [] {
                    ops::layer_norm(zeros({2, 3}), zeros({1, 3}), zeros({1, 3}));
                  }}};
  return row;
}

template <class Call, class Reference>
OpRow random_row(const std::string& op, Call call, Reference reference) {
  const auto one = [&](std::initializer_list<int64_t> x, real rate) {
    const double keep = static_cast<double>(1 - rate);
    return unary(
        Input(x), [=](const Tensor& t) { return call(t, rate, key(5)); },
        [=](const Array& a) { return reference(a, keep, draw(5)); },
        " rate " + std::to_string(rate));
  };
  OpRow row{op, {}, {}, {}};
  row.cases = {one({1, 3}, real{0.5}),
               one({5, 4}, real{0.25}),
               one({9, 3, 7}, real{0.5}),
               one({4, 17}, static_cast<real>(0.1)),
               one({3, 5}, 0),
               one({6}, real{0.5})};
  row.parallel = {one({5, 16384 + 5}, real{0.25}), one({2, 3, 16387}, real{0.25})};
  row.rejects = {{op + ": found rate 1.0",
                  [call] {
                    call(zeros({2, 3}), 1, key(5));
                  }},
                 {"expected a rate in [0, 1) and a batch axis",
                  [call] {
                    call(zeros({2, 3}), real{-0.5}, key(5));
                  }},
                 {op + ": found rate 0.5", [call] { call(zeros({}), real{0.5}, key(5)); }}};
  return row;
}

OpRow cross_entropy_row() {
  const auto one = [](int64_t batch, int64_t classes, real factor, bool distribution) {
    OpCase c;
    c.name = Shape{batch, classes}.text() + (distribution ? " distribution" : " any target");
    Input target({batch, classes}, false);
    target.distribution = distribution;
    target.low = 0;
    c.inputs = {in_range({batch, classes}, -4, 4), target};
    c.call = [factor](const Tensors& t) { return ops::cross_entropy(t[0], t[1], factor); };
    c.reference = [factor](const Arrays& a) {
      return ref::cross_entropy(a[0], a[1], static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"cross_entropy", {}, {}, {}};
  row.cases = {one(1, 2, 1, true), one(3, 10, real{0.25}, true), one(2, 17, real{0.5}, false),
               one(5, 1, 1, true)};
  row.parallel = {one(900, 40, real{0.125}, true)};
  row.rejects = {
      {"cross_entropy: found logits (2, 3) and target (2, 4), expected both (batch, classes)",
       [] {
         ops::cross_entropy(zeros({2, 3}), zeros({2, 4}), 1);
       }},
      {"cross_entropy: found", [] { ops::cross_entropy(zeros({3}), zeros({3}), 1); }},
      {"cross_entropy: found", [] {
         ops::cross_entropy(zeros({2, 0}), zeros({2, 0}), 1);
       }}};
  return row;
}

OpRow binary_cross_entropy_row() {
  const auto one = [](int64_t batch, int64_t classes, real factor) {
    OpCase c;
    c.name = Shape{batch, classes}.text();
    Input target({batch, classes}, false);
    target.low = 0;
    target.high = 1;
    c.inputs = {in_range({batch, classes}, -4, 4), target};
    c.call = [factor](const Tensors& t) { return ops::binary_cross_entropy(t[0], t[1], factor); };
    c.reference = [factor](const Arrays& a) {
      return ref::binary_cross_entropy(a[0], a[1], static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"binary_cross_entropy", {}, {}, {}};
  row.cases = {one(1, 1, 1), one(3, 10, real{0.25}), one(2, 17, real{0.5}), one(5, 2, 1)};
  row.parallel = {one(900, 40, real{0.125})};
  row.rejects = {
      {"binary_cross_entropy: found logits (2, 3) and target (2, 4), expected both",
       [] {
         ops::binary_cross_entropy(zeros({2, 3}), zeros({2, 4}), 1);
       }},
      {"binary_cross_entropy: found", [] { ops::binary_cross_entropy(zeros({3}), zeros({3}), 1); }},
      {"binary_cross_entropy: found", [] {
         ops::binary_cross_entropy(zeros({2, 0}), zeros({2, 0}), 1);
       }}};
  return row;
}

OpRow masked_l1_row() {
  const auto one = [](int64_t batch, int64_t height, int64_t width, int64_t channels, int64_t patch,
                      real factor) {
    OpCase c;
    c.name = Shape{batch, height, width, channels}.text() + " patch " + std::to_string(patch);
    // Predictions above and below the targets, never equal: |x| has no slope at 0.
    Input target({batch, height, width, channels}, false),
        mask({batch, height / patch, width / patch}, false);
    target.low = 2;
    target.high = 3;
    mask.low = 0;
    c.inputs = {in_range({batch, height, width, channels}, 3.1, 4), target, mask};
    c.call = [factor](const Tensors& t) {
      return ops::add(ops::masked_l1(t[0], t[1], t[2], factor),
                      ops::masked_l1(ops::scale(t[0], real{0.25}), t[1], t[2], factor));
    };
    c.reference = [factor](const Arrays& a) {
      const auto f = static_cast<double>(factor);
      return ref::add(ref::masked_l1(a[0], a[1], a[2], f),
                      ref::masked_l1(ref::scale(a[0], 0.25), a[1], a[2], f));
    };
    return c;
  };
  OpRow row{"masked_l1", {}, {}, {}};
  row.cases = {one(1, 1, 1, 1, 1, 1), one(2, 4, 6, 3, 2, real{0.25}),
               one(3, 5, 3, 17, 1, real{0.5}), one(1, 16, 8, 2, 8, 1)};
  row.parallel = {one(3, 32, 24, 5, 8, real{0.125})};
  row.rejects = {
      {"masked_l1: found prediction (1, 4, 4, 3), target (1, 4, 4, 3) and mask (1, 3, 3), "
       "expected (B, H, W, C) twice and (B, H/p, W/p)",
       [] {
         ops::masked_l1(zeros({1, 4, 4, 3}), zeros({1, 4, 4, 3}), zeros({1, 3, 3}), 1);
       }},
      {"masked_l1: found", [] {
         ops::masked_l1(zeros({1, 4, 4, 3}), zeros({1, 4, 4, 1}), zeros({1, 2, 2}), 1);
       }}};
  return row;
}

std::vector<OpRow> make_table() {
  std::vector<OpRow> table = {
      linear_row(), matmul_row(), broadcast_row("add", ops::add, ref::add),
      broadcast_row("multiply", ops::multiply, ref::multiply),
      elementwise_row(
          "scale", [](const Tensor& x) { return ops::scale(x, real{0.375}); },
          [](const Array& x) { return ref::scale(x, 0.375); }, 2),
      elementwise_row(
          "exp", [](const Tensor& x) { return ops::exp(x); },
          [](const Array& x) { return ref::exp(x); }, 4),
      elementwise_row(
          "gelu", [](const Tensor& x) { return ops::gelu(x); },
          [](const Array& x) { return ref::gelu(x); }, 6),
      elementwise_row(
          "relu", [](const Tensor& x) { return ops::relu(x); },
          [](const Array& x) { return ref::relu(x); }, 2),
      elementwise_row(
          "sigmoid", [](const Tensor& x) { return ops::sigmoid(x); },
          [](const Array& x) { return ref::sigmoid(x); }, 8),
      last_axis_row("softmax", ops::softmax, ref::softmax),
      // The gradient at a single element is 0, the difference of two numbers near 1 / |x|.
      last_axis_row("l2_normalize", ops::l2_normalize, ref::l2_normalize, 0.1), layer_norm_row(),
      random_row("dropout", ops::dropout, ref::dropout),
      random_row("drop_path", ops::drop_path, ref::drop_path), cross_entropy_row(),
      binary_cross_entropy_row(), masked_l1_row()};
  append_movement_rows(table);
  append_convolution_rows(table);
  append_attention_rows(table);
  append_head_rows(table);
  append_region_rows(table);
  append_residual_rows(table);
  return table;
}

}  // namespace

const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> table = make_table();
  return table;
}

}  // namespace swin::oracle
