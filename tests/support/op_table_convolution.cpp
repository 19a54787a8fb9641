// The rows of convolution and resampling ops.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::Size2;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

std::string text_of(const Size2& s) { return std::to_string(s[0]) + "x" + std::to_string(s[1]); }

OpRow conv_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t out, int64_t side, int64_t stride,
                      int64_t padding, bool biased) {
    OpCase c;
    const Input input(x);
    c.name = input.shape.text() + " to " + std::to_string(out) + " kernel " + std::to_string(side) +
             " stride " + std::to_string(stride) + " padding " + std::to_string(padding) +
             (biased ? " bias" : "");
    c.inputs = {input, Input({out, input.shape[3], side, side})};
    if (biased) c.inputs.push_back(Input({out}));
    c.call = [=](const Tensors& t) {
      return ops::conv2d(t[0], t[1], biased ? t[2] : Tensor(), {stride, padding});
    };
    c.reference = [=](const Arrays& a) {
      return ref::conv2d(a[0], a[1], biased ? &a[2] : nullptr, stride, padding);
    };
    return c;
  };
  OpRow row{"conv2d", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 1, 1, 1, 0, true),   one({2, 3, 4, 5}, 7, 1, 1, 0, true),
               one({2, 5, 4, 3}, 6, 1, 2, 0, true),   one({1, 1, 1, 2}, 3, 3, 1, 1, true),
               one({2, 4, 5, 3}, 5, 3, 1, 1, false),  one({1, 4, 5, 3}, 2, 3, 1, 0, true),
               one({2, 5, 6, 2}, 3, 3, 2, 1, true),   one({1, 6, 3, 2}, 17, 3, 2, 0, false),
               one({1, 5, 4, 17}, 33, 3, 1, 1, true), one({1, 4, 4, 2}, 3, 2, 2, 0, true),
               one({1, 7, 8, 2}, 2, 1, 3, 1, true),   one({1, 2, 2, 9}, 4, 3, 1, 2, true),
               one({1, 3, 2, 4}, 50, 3, 2, 1, true)};
  // Several tiles of rows and columns; slices of pixels and several blocks of the weight's
  // gradient; parts of a tap's channels; few rows and many columns.
  row.parallel = {one({2, 33, 35, 9}, 20, 3, 1, 1, true), one({5, 31, 30, 6}, 5, 3, 2, 1, true),
                  one({1, 5, 7, 70}, 210, 3, 1, 1, true), one({1, 3, 5, 400}, 10, 3, 1, 1, false),
                  one({1, 70, 61, 3}, 4, 1, 2, 0, true)};
  const auto refused = [](const Shape& x, const Shape& weight, const Shape& bias,
                          ops::ConvOptions options) {
    return [=] {
      ops::conv2d(Tensor::filled(x, 0), Tensor::filled(weight, 0), Tensor::filled(bias, 0),
                  options);
    };
  };
  row.rejects = {
      {"conv2d: found x (2, 3), weight (1, 3, 1, 1), bias (1), expected (B, H, W, C), (O, C, k, "
       "k), (O)",
       refused({2, 3}, {1, 3, 1, 1}, {1}, {})},
      {"expected (B, H, W, C), (O, C, k, k), (O)",
       refused({1, 4, 4, 3}, {1, 2, 3, 3}, {1}, {1, 1})},
      {"conv2d: found", refused({1, 4, 4, 3}, {1, 3, 3, 1}, {1}, {1, 1})},
      {"conv2d: found", refused({1, 4, 4, 3}, {1, 3, 0, 0}, {1}, {1, 1})},
      {"conv2d: found", refused({1, 4, 4, 3}, {2, 3, 3, 3}, {3}, {1, 1})},
      {"conv2d: found", refused({1, 4, 4, 3}, {2, 3}, {2}, {})},
      {"conv2d: found", refused({1, 4, 4, 0}, {2, 0, 3, 3}, {2}, {1, 1})},
      {"stride 0 and padding 1, expected a stride of at least 1 and a padded map of at least the "
       "weight's (3, 3)",
       refused({1, 4, 4, 3}, {2, 3, 3, 3}, {2}, {0, 1})},
      {"padding -1", refused({1, 9, 9, 3}, {2, 3, 3, 3}, {2}, {1, -1})},
      {"stride 1 and padding 0, expected", refused({1, 2, 4, 3}, {2, 3, 3, 3}, {2}, {})},
      {"stride 1 and padding 0, expected", refused({1, 4, 2, 3}, {2, 3, 3, 3}, {2}, {})}};
  return row;
}

OpRow conv_transpose_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t out, bool biased) {
    OpCase c;
    const Input input(x);
    c.name = input.shape.text() + " to " + std::to_string(out) + (biased ? " bias" : "");
    c.inputs = {input, Input({input.shape[3], out, 2, 2})};
    if (biased) c.inputs.push_back(Input({out}));
    c.call = [=](const Tensors& t) {
      return ops::conv_transpose_2x2(t[0], t[1], biased ? t[2] : Tensor());
    };
    c.reference = [=](const Arrays& a) {
      return ref::conv_transpose_2x2(a[0], a[1], biased ? &a[2] : nullptr);
    };
    return c;
  };
  OpRow row{"conv_transpose_2x2", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 1, true), one({2, 3, 4, 5}, 7, true), one({1, 2, 3, 17}, 33, true),
               one({3, 1, 2, 4}, 50, false)};
  row.parallel = {one({2, 27, 25, 9}, 20, true), one({1, 6, 7, 70}, 210, false)};
  const auto refused = [](const Shape& x, const Shape& weight, const Shape& bias) {
    return [=] {
      ops::conv_transpose_2x2(Tensor::filled(x, 0), Tensor::filled(weight, 0),
                              Tensor::filled(bias, 0));
    };
  };
  row.rejects = {{"conv_transpose_2x2: found x (2, 3), weight (3, 1, 2, 2), bias (1), expected (B, "
                  "H, W, C), (C, O, 2, 2), (O)",
                  refused({2, 3}, {3, 1, 2, 2}, {1})},
                 {"conv_transpose_2x2: found", refused({1, 2, 2, 3}, {1, 3, 2, 2}, {3})},
                 {"conv_transpose_2x2: found", refused({1, 2, 2, 3}, {3, 1, 3, 3}, {1})},
                 {"conv_transpose_2x2: found", refused({1, 2, 2, 3}, {3, 2, 2, 2}, {3})},
                 {"conv_transpose_2x2: found", refused({1, 2, 2, 3}, {3, 2}, {2})}};
  return row;
}

// Ops that give a map another size.
OpRow resample_row(const std::string& op,
                   const std::vector<std::function<Tensor(const Tensor&, Size2)>>& calls,
                   const std::vector<std::function<Array(const Array&, Size2)>>& references) {
  OpRow row{op, {}, {}, {}};
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto one = [&](std::initializer_list<int64_t> x, Size2 to) {
      return unary(
          Input(x), [call = calls[i], to](const Tensor& t) { return call(t, to); },
          [reference = references[i], to](const Array& a) { return reference(a, to); },
          " to " + text_of(to) + (i > 0 ? " the second way" : ""));
    };
    // The same size; one pixel; multiples and not, to both sides; one axis alone; skipped pixels.
    for (const OpCase& c :
         {one({1, 1, 1, 1}, {1, 1}), one({2, 3, 4, 5}, {3, 4}), one({2, 1, 1, 3}, {4, 5}),
          one({1, 4, 6, 2}, {1, 1}), one({2, 2, 3, 3}, {4, 6}), one({1, 4, 6, 2}, {2, 3}),
          one({1, 7, 5, 2}, {15, 13}), one({1, 13, 7, 2}, {5, 3}), one({1, 3, 4, 17}, {3, 9}),
          one({1, 9, 2, 1}, {2, 2}), one({1, 2, 3, 16}, {5, 1}), one({1, 2, 2, 2}, {5, 49})})
      row.cases.push_back(c);
    row.parallel.push_back(one({2, 9, 10, 33}, {20, 17}));
    row.parallel.push_back(one({1, 5, 7, 300}, {4, 3}));
  }
  const auto refused = [call = calls[0]](const Shape& x, Size2 to) {
    return [=] { call(Tensor::filled(x, 0), to); };
  };
  row.rejects = {{op + ": found (2, 3) to (1, 1), expected (B, H, W, C) and dims of maps of at "
                       "least 1",
                  refused({2, 3}, {1, 1})},
                 {op + ": found (1, 2, 2, 1) to (0, 1)", refused({1, 2, 2, 1}, {0, 1})},
                 {op + ": found", refused({1, 2, 2, 1}, {1, -1})},
                 {op + ": found", refused({1, 0, 2, 1}, {1, 1})},
                 {op + ": found", refused({1, 2, 0, 1}, {1, 1})}};
  return row;
}

}  // namespace

void append_convolution_rows(std::vector<OpRow>& table) {
  table.push_back(conv_row());
  table.push_back(conv_transpose_row());
  table.push_back(
      resample_row("adaptive_avg_pool", {ops::adaptive_avg_pool}, {ref::adaptive_avg_pool}));
  table.push_back(
      resample_row("resize_bilinear",
                   {[](const Tensor& x, Size2 to) { return ops::resize_bilinear(x, to); },
                    [](const Tensor& x, Size2 to) { return ops::resize_bilinear(x, to, true); }},
                   {[](const Array& x, Size2 to) { return ref::resize_bilinear(x, to, false); },
                    [](const Array& x, Size2 to) { return ref::resize_bilinear(x, to, true); }}));
  table.push_back(resample_row("resize_nearest", {ops::resize_nearest}, {ref::resize_nearest}));
}

}  // namespace swin::oracle
