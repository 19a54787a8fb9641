// The table of the oracle: one row an op. Attention has its own file; adding an op adds a row.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::DrawKey;
using autograd::Size2;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

std::string text_of(const Size2& s) { return std::to_string(s[0]) + "x" + std::to_string(s[1]); }
DrawKey key(uint64_t stream) { return {7, stream, 3, 11}; }
ref::Draw draw(uint64_t stream) { return {7, stream, 3, 11}; }
Tensor zeros(std::initializer_list<int64_t> sides) { return Tensor::filled(Shape(sides), 0); }
Input in_range(std::initializer_list<int64_t> sides, double low, double high) {
  Input input(sides);
  input.low = low;
  input.high = high;
  return input;
}

OpCase unary(const Input& x, std::function<Tensor(const Tensor&)> call,
             std::function<Array(const Array&)> reference, const std::string& extra = "") {
  return {x.shape.text() + extra,
          {x},
          [call](const Tensors& t) { return call(t[0]); },
          [reference](const Arrays& a) { return reference(a[0]); }};
}

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
  // Four row tiles forward, column tiles backward; a weight gradient of 3 slices and several tiles.
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

OpRow add_row() {
  const auto one = [](std::initializer_list<int64_t> x, std::initializer_list<int64_t> b) {
    OpCase c;
    c.inputs = {Input(x), Input(b)};
    c.name = c.inputs[0].shape.text() + " + " + c.inputs[1].shape.text();
    c.call = [](const Tensors& t) { return ops::add(t[0], t[1]); };
    c.reference = [](const Arrays& a) { return ref::add(a[0], a[1]); };
    return c;
  };
  OpRow row{"add", {}, {}, {}};
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
  row.rejects = {{"add: found (2, 3) and (2), expected sides that are equal or 1",
                  [] {
                    ops::add(zeros({2, 3}), zeros({2}));
                  }},
                 {"add: found",
                  [] {
                    ops::add(zeros({3}), zeros({2, 3}));
                  }},
                 {"add: found", [] {
                    ops::add(zeros({1, 3}), zeros({2, 3}));
                  }}};
  return row;
}

OpRow elementwise_row(const std::string& op, std::function<Tensor(const Tensor&)> call,
                      std::function<Array(const Array&)> reference, double high) {
  OpRow row{op, {}, {}, {}};
  row.scale = 0.1;  // erf's error is absolute
  for (const int64_t n : {1, 7, 8, 9, 15, 16, 17, 33})
    row.cases.push_back(unary(in_range({n}, -high, high), call, reference));
  row.cases.push_back(unary(in_range({2, 3, 5}, -high, high), call, reference));
  row.parallel.push_back(unary(in_range({5, 16384 + 3}, -high, high), call, reference));
  return row;
}

OpRow softmax_row() {
  const auto call = [](const Tensor& x) { return ops::softmax(x); };
  const auto reference = [](const Array& x) { return ref::softmax(x); };
  OpRow row{"softmax", {}, {}, {}};
  row.cases = {unary({{1, 1}}, call, reference),
               unary({{5}}, call, reference),
               unary(in_range({3, 7}, -8, 8), call, reference),
               unary(in_range({2, 3, 17}, -3, 3), call, reference),
               unary({{4, 16}}, call, reference),
               unary({{2, 2, 49}}, call, reference)};
  row.parallel = {unary(in_range({700, 49}, -4, 4), call, reference),
                  unary(in_range({5, 8200}, -4, 4), call, reference)};
  row.rejects = {{"softmax: found (2, 0), expected a last side of at least 1",
                  [] {
                    ops::softmax(zeros({2, 0}));
                  }},
                 {"softmax: found ()", [] { ops::softmax(zeros({})); }}};
  return row;
}

OpRow layer_norm_row() {
  const auto one = [](std::initializer_list<int64_t> x, real epsilon, double high = 1) {
    OpCase c;
    Input input = in_range(x, -high, high);
    input.low += high;  // a mean that is not zero
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
  row.cases = {one({2, 2}, large),   one({3, 5}, small),   one({2, 3, 7}, large),
               one({4, 8}, small),   one({16}, small),     one({3, 9}, small, 4),
               one({2, 17}, small),  one({70, 33}, small), one({5, 1}, large),
               one({130, 16}, large)};
  {
    OpCase by_default = one({3, 6}, small);
    by_default.name += " default epsilon";
    by_default.call = [](const Tensors& t) { return ops::layer_norm(t[0], t[1], t[2]); };
    row.cases.push_back(by_default);
  }
  row.parallel = {one({800, 96}, small), one({75, 1100}, small)};
  row.rejects = {{"layer_norm: found x (2, 3), weight (4), bias (4), expected weight and bias of "
                  "the last side of x",
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

OpRow reshape_row() {
  const auto one = [](std::initializer_list<int64_t> x, Shape to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::reshape(t, to); },
        [to](const Array& a) { return ref::reshape(a, sides_of(to)); }, " to " + to.text());
  };
  OpRow row{"reshape", {}, {}, {}};
  row.cases = {one({6}, {2, 3}), one({2, 3, 4}, {24}), one({1}, {}), one({2, 3, 4}, {4, 3, 2})};
  row.parallel = {one({6, 5000}, {30, 1000})};
  row.rejects = {{"reshape: found (2, 3), expected as many elements as (5)", [] {
                    ops::reshape(zeros({2, 3}), {5});
                  }}};
  return row;
}

OpRow concat_row() {
  const auto one = [](const std::vector<Shape>& shapes, int axis) {
    OpCase c;
    for (const Shape& shape : shapes) {
      c.inputs.push_back(Input({}));
      c.inputs.back().shape = shape;
      c.name += shape.text() + " ";
    }
    c.name += "axis " + std::to_string(axis);
    const int at = axis < 0 ? axis + shapes[0].rank() : axis;
    c.call = [axis](const Tensors& t) { return ops::concat(t, axis); };
    c.reference = [at](const Arrays& a) { return ref::concat(a, static_cast<size_t>(at)); };
    return c;
  };
  OpRow row{"concat", {}, {}, {}};
  row.cases = {one({{3}}, 0), one({{2}, {3}}, 0), one({{2, 1, 5}, {2, 3, 5}}, 1),
               one({{2, 3}, {2, 17}, {2, 1}}, -1), one({{2, 3, 4}, {1, 3, 4}}, -3)};
  row.parallel = {one({{70, 300}, {70, 1000}}, 1), one({{40000}, {35000}}, 0),
                  one({{3, 1, 17}, {3, 6000, 17}}, 1)};
  row.rejects = {
      {"concat: found 0 parts of rank 0 and axis 0, expected parts that have this axis",
       [] { ops::concat({}, 0); }},
      {"concat: found 1 parts of rank 2 and axis 2",
       [] {
         ops::concat({zeros({2, 3})}, 2);
       }},
      {"concat: found",
       [] {
         ops::concat({zeros({2, 3})}, -3);
       }},
      {"concat: found parts (2, 3) and (3, 3), expected sides that differ in axis 1 alone",
       [] {
         ops::concat({zeros({2, 3}), zeros({3, 3})}, 1);
       }},
      {"concat: found parts (2, 3) and (2, 3, 1)",
       [] {
         ops::concat({zeros({2, 3}), zeros({2, 3, 1})}, 1);
       }},
      {"concat: found parts (2, 3) and ()", [] {
         ops::concat({zeros({2, 3}), Tensor()}, 1);
       }}};
  return row;
}

OpRow slice_row() {
  const auto one = [](std::initializer_list<int64_t> x, int axis, int64_t begin, int64_t end) {
    const Input input(x);
    const int at = axis < 0 ? axis + input.shape.rank() : axis;
    return unary(
        input, [=](const Tensor& t) { return ops::slice(t, axis, begin, end); },
        [=](const Array& a) { return ref::slice(a, static_cast<size_t>(at), begin, end); },
        " axis " + std::to_string(axis) + " " + std::to_string(begin) + " to " +
            std::to_string(end));
  };
  OpRow row{"slice", {}, {}, {}};
  row.cases = {one({5}, 0, 0, 5),       one({5}, 0, 1, 3),          one({2, 4, 3}, 1, 0, 1),
               one({2, 4, 3}, 1, 2, 4), one({2, 3, 17}, -1, 1, 17), one({3, 2, 5}, -3, 1, 2)};
  row.parallel = {one({70, 1300}, 1, 300, 1100), one({90000}, 0, 20000, 85000),
                  one({3, 6001, 17}, 1, 1, 6001)};
  row.rejects = {{"slice: found places 1 … 4 of axis 1 of (2, 3), expected 0 ≤ begin < end ≤ side",
                  [] {
                    ops::slice(zeros({2, 3}), 1, 1, 4);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 1, -1, 2);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 1, 2, 2);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 2, 0, 1);
                  }},
                 {"slice: found", [] {
                    ops::slice(zeros({2, 3}), -3, 0, 1);
                  }}};
  return row;
}

OpRow broadcast_row() {
  const auto one = [](std::initializer_list<int64_t> x, Shape to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::broadcast_to(t, to); },
        [to](const Array& a) { return ref::broadcast_to(a, sides_of(to)); }, " to " + to.text());
  };
  OpRow row{"broadcast_to", {}, {}, {}};
  row.cases = {one({}, {3}),
               one({5}, {3, 5}),
               one({1, 1, 5}, {3, 1, 5}),
               one({3, 1}, {2, 3, 4}),
               one({2, 3, 17}, {2, 3, 17}),
               one({2, 1, 3, 1}, {2, 4, 3, 5})};
  row.parallel = {one({1000}, {70, 1000}), one({70, 1}, {70, 1000})};
  row.rejects = {{"broadcast_to: found (2, 3) for (2, 4), expected sides that are equal or 1",
                  [] {
                    ops::broadcast_to(zeros({2, 3}), {2, 4});
                  }},
                 {"broadcast_to: found",
                  [] {
                    ops::broadcast_to(zeros({2, 1}), {2});
                  }},
                 {"broadcast_to: found () for ()", [] { ops::broadcast_to(zeros({}), {}); }}};
  return row;
}

OpRow replace_row() {
  const auto one = [](std::initializer_list<int64_t> x, double low, double high) {
    OpCase c;
    const Input input(x);
    const int64_t dim = input.shape[3];
    Input mask({input.shape[0], input.shape[1], input.shape[2]}, false);
    mask.low = low, mask.high = high;
    c.name = input.shape.text() + " mask from " + std::to_string(low);
    c.inputs = {input, Input({1, 1, dim}), mask};
    c.call = [](const Tensors& t) { return ops::replace_tokens(t[0], t[1], t[2]); };
    c.reference = [](const Arrays& a) { return ref::replace_tokens(a[0], a[1], a[2]); };
    return c;
  };
  OpRow row{"replace_tokens", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 0, 1), one({2, 3, 4, 5}, 0, 1), one({1, 2, 3, 17}, 0, 0),
               one({1, 2, 3, 16}, 1, 1), one({9, 7, 2, 3}, 0, 1)};
  row.parallel = {one({3, 41, 30, 33}, 0, 1)};
  row.rejects = {
      {"replace_tokens: found (2, 3), expected (B, H, W, C)",
       [] {
         ops::replace_tokens(zeros({2, 3}), zeros({3}), zeros({2}));
       }},
      {"replace_tokens: found x (1, 2, 2, 3), token (4), mask (1, 2, 2), expected (B, H, W, C), C "
       "numbers, (B, H, W)",
       [] {
         ops::replace_tokens(zeros({1, 2, 2, 3}), zeros({4}), zeros({1, 2, 2}));
       }},
      {"replace_tokens: found x", [] {
         ops::replace_tokens(zeros({1, 2, 2, 3}), zeros({3}), zeros({1, 4}));
       }}};
  return row;
}

OpRow permute_row() {
  const auto one = [](std::initializer_list<int64_t> x, std::vector<int> axes) {
    std::string text = " axes";
    for (int axis : axes) text.append(" ").append(std::to_string(axis));
    return unary(
        Input(x), [axes](const Tensor& t) { return ops::permute(t, axes); },
        [axes](const Array& a) { return ref::permute(a, axes); }, text);
  };
  OpRow row{"permute", {}, {}, {}};
  row.cases = {one({5}, {0}),
               one({2, 3}, {1, 0}),
               one({2, 3, 4}, {2, 0, 1}),
               one({2, 3, 4, 5}, {0, 2, 1, 3}),
               one({2, 3, 2, 4, 3}, {2, 0, 3, 1, 4}),
               one({3, 4}, {0, 1})};
  row.parallel = {one({6, 50, 49, 8}, {0, 2, 1, 3}), one({300, 400}, {1, 0})};
  row.rejects = {{"permute: found axes that do not permute (2, 3), expected each axis once",
                  [] {
                    ops::permute(zeros({2, 3}), {0, 0});
                  }},
                 {"permute: found",
                  [] {
                    ops::permute(zeros({2, 3}), {0});
                  }},
                 {"permute: found",
                  [] {
                    ops::permute(zeros({2, 3}), {0, 2});
                  }},
                 {"permute: found", [] {
                    ops::permute(zeros({2, 3}), {-1, 0});
                  }}};
  return row;
}

OpRow roll_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 shift) {
    return unary(
        Input(x), [shift](const Tensor& t) { return ops::roll(t, shift); },
        [shift](const Array& a) { return ref::roll(a, shift); }, " by " + text_of(shift));
  };
  OpRow row{"roll", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {0, 0}), one({2, 4, 5, 3}, {1, 2}), one({2, 4, 5, 3}, {-1, -2}),
               one({1, 3, 2, 17}, {7, -5}), one({2, 4, 4, 2}, {0, 3})};
  row.parallel = {one({3, 40, 30, 33}, {-3, 2})};
  row.rejects = {{"roll: found (2, 3), expected (B, H, W, C)", [] {
                    ops::roll(zeros({2, 3}), {1, 1});
                  }}};
  return row;
}

OpRow resize_map_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::resize_map(t, to); },
        [to](const Array& a) { return ref::resize_map(a, to); }, " to " + text_of(to));
  };
  OpRow row{"resize_map", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {1, 1}), one({2, 3, 4, 5}, {5, 6}),  one({2, 3, 4, 5}, {2, 2}),
               one({2, 3, 4, 5}, {4, 3}), one({1, 3, 4, 17}, {2, 9}), one({2, 3, 4, 2}, {3, 4})};
  row.parallel = {one({3, 39, 28, 33}, {40, 28}), one({3, 40, 40, 33}, {39, 35})};
  row.rejects = {{"resize_map: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::resize_map(zeros({2, 3}), {1, 1});
                  }},
                 {"resize_map: found an empty map", [] {
                    ops::resize_map(zeros({1, 2, 2, 1}), {0, 1});
                  }}};
  return row;
}

OpRow partition_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 window) {
    return unary(
        Input(x), [window](const Tensor& t) { return ops::window_partition(t, window); },
        [window](const Array& a) { return ref::window_partition(a, window); },
        " windows " + text_of(window));
  };
  OpRow row{"window_partition", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {1, 1}), one({2, 4, 6, 3}, {2, 3}), one({1, 4, 4, 17}, {4, 4}),
               one({2, 3, 6, 2}, {3, 2})};
  row.parallel = {one({3, 42, 28, 33}, {7, 7})};
  row.rejects = {{"window_partition: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::window_partition(zeros({2, 3}), {1, 1});
                  }},
                 {"window_partition: found a map of (1, 4, 4, 1) and windows of (3, 2), expected "
                  "sides that the window divides",
                  [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {3, 2});
                  }},
                 {"windows of (2, 3)",
                  [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {2, 3});
                  }},
                 {"windows of (0, 2)", [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {0, 2});
                  }}};
  return row;
}

OpRow reverse_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 window, Size2 map) {
    return unary(
        Input(x), [=](const Tensor& t) { return ops::window_reverse(t, window, map); },
        [=](const Array& a) { return ref::window_reverse(a, window, map); },
        " windows " + text_of(window) + " map " + text_of(map));
  };
  OpRow row{"window_reverse", {}, {}, {}};
  row.cases = {one({1, 1, 1}, {1, 1}, {1, 1}), one({8, 6, 3}, {2, 3}, {4, 6}),
               one({1, 16, 17}, {4, 4}, {4, 4}), one({6, 6, 2}, {3, 2}, {3, 6})};
  row.parallel = {one({72, 49, 33}, {7, 7}, {42, 28})};
  row.rejects = {
      {"window_reverse: found windows (3, 4, 1) for a map of (4, 4), expected (B · windows, 4, C)",
       [] {
         ops::window_reverse(zeros({3, 4, 1}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 3, 1}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4, 1}), {2, 2}, {5, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4, 1}), {0, 2}, {4, 4});
       }},
      {"window_reverse: found", [] {
         ops::window_reverse(zeros({4, 4, 1}), {2, 2}, {0, 4});
       }}};
  return row;
}

OpRow merging_row() {
  const auto one = [](std::initializer_list<int64_t> x) {
    return unary(
        Input(x), [](const Tensor& t) { return ops::patch_merging(t); },
        [](const Array& a) { return ref::patch_merging(a); });
  };
  OpRow row{"patch_merging", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}), one({2, 2, 2, 3}), one({2, 4, 6, 5}),
               one({1, 3, 4, 2}), one({2, 4, 5, 3}), one({1, 5, 3, 17})};
  row.parallel = {one({3, 41, 30, 33})};
  row.rejects = {{"patch_merging: found (2, 3), expected (B, H, W, C)", [] {
                    ops::patch_merging(zeros({2, 3}));
                  }}};
  return row;
}

OpRow embed_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t dim, int64_t patch) {
    OpCase c;
    const Input input(x);
    c.name = input.shape.text() + " to " + std::to_string(dim) + " patch " + std::to_string(patch);
    c.inputs = {input, Input({dim, input.shape[3], patch, patch}), Input({dim})};
    c.call = [](const Tensors& t) { return ops::patch_embed(t[0], t[1], t[2]); };
    c.reference = [](const Arrays& a) { return ref::patch_embed(a[0], a[1], a[2]); };
    return c;
  };
  OpRow row{"patch_embed", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 1, 1), one({2, 4, 6, 3}, 5, 2), one({1, 8, 4, 1}, 17, 4),
               one({2, 3, 6, 2}, 7, 3)};
  row.parallel = {one({2, 96, 92, 3}, 96, 2)};
  row.rejects = {{"patch_embed: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::patch_embed(zeros({2, 3}), zeros({1, 1, 1, 1}), zeros({1}));
                  }},
                 {"patch_embed: found x (1, 5, 4, 1), weight (3, 1, 2, 2), bias (3)",
                  [] {
                    ops::patch_embed(zeros({1, 5, 4, 1}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch dividing H and W",
                  [] {
                    ops::patch_embed(zeros({1, 4, 5, 1}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 2}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 1, 2, 1}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 4}), zeros({3}));
                  }},
                 {"patch_embed: found", [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 1, 2, 2}), zeros({4}));
                  }}};
  return row;
}

OpRow mean_row() {
  const auto one = [](std::initializer_list<int64_t> x) {
    return unary(
        Input(x), [](const Tensor& t) { return ops::mean_tokens(t); },
        [](const Array& a) { return ref::mean_tokens(a); });
  };
  OpRow row{"mean_tokens", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}), one({2, 3, 4, 5}), one({3, 1, 2, 17}), one({2, 7, 7, 16})};
  row.parallel = {one({6, 7, 7, 40})};
  row.rejects = {{"mean_tokens: found (2, 3), expected (B, H, W, C)", [] {
                    ops::mean_tokens(zeros({2, 3}));
                  }}};
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

std::vector<OpRow> make_table() {
  std::vector<OpRow> table = {
      linear_row(),
      matmul_row(),
      add_row(),
      elementwise_row(
          "scale", [](const Tensor& x) { return ops::scale(x, real{0.375}); },
          [](const Array& x) { return ref::scale(x, 0.375); }, 2),
      elementwise_row(
          "gelu", [](const Tensor& x) { return ops::gelu(x); },
          [](const Array& x) { return ref::gelu(x); }, 6),
      elementwise_row(
          "relu", [](const Tensor& x) { return ops::relu(x); },
          [](const Array& x) { return ref::relu(x); }, 2),
      elementwise_row(
          "sigmoid", [](const Tensor& x) { return ops::sigmoid(x); },
          [](const Array& x) { return ref::sigmoid(x); }, 8),
      softmax_row(),
      layer_norm_row(),
      random_row("dropout", ops::dropout, ref::dropout),
      random_row("drop_path", ops::drop_path, ref::drop_path),
      reshape_row(),
      concat_row(),
      slice_row(),
      broadcast_row(),
      replace_row(),
      permute_row(),
      roll_row(),
      resize_map_row(),
      partition_row(),
      reverse_row(),
      merging_row(),
      embed_row(),
      mean_row(),
      cross_entropy_row()};
  append_attention_rows(table);
  return table;
}

}  // namespace

const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> table = make_table();
  return table;
}

}  // namespace swin::oracle
