// Lists of no rows, such as regions of an image without objects: every op that a head applies to
// rows takes none, and what they would train gets gradients of zero.
#include <functional>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;
using Tensors = std::vector<Tensor>;

class Empty : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Empty, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

struct Case {
  const char* name;
  std::vector<Shape> parameters;
  std::function<Tensor(const Tensor& rows, const Tensors& parameters)> call;
  Shape y;
};

// Rows (0, 6) in, something of y's shape out.
const std::vector<Case>& cases() {
  const auto labels = [] { return autograd::Array<int32_t>(0); };
  static const std::vector<Case> all = {
      {"linear",
       {{40, 6}, {40}},
       [](const Tensor& x, const Tensors& p) { return linear(x, p[0], p[1]); },
       {0, 40}},
      {"layer_norm",
       {{6}, {6}},
       [](const Tensor& x, const Tensors& p) { return layer_norm(x, p[0], p[1]); },
       {0, 6}},
      {"frozen_norm",
       {{6}, {6}},
       [](const Tensor& x, const Tensors& p) {
         const Tensor ones = Tensor::filled({6}, 1);
         return frozen_norm(x, p[0], p[1], ones, ones, 1);
       },
       {0, 6}},
      {"group_norm",
       {{6}, {6}},
       [](const Tensor& x, const Tensors& p) {
         return group_norm(reshape(x, {0, 1, 1, 6}), p[0], p[1], 3, 1);
       },
       {0, 1, 1, 6}},
      {"add", {{6}}, [](const Tensor& x, const Tensors& p) { return add(x, p[0]); }, {0, 6}},
      {"concat",
       {{2, 6}},
       [](const Tensor& x, const Tensors& p) {
         return concat({x, scale(p[0], 0)}, 0);
       },
       {2, 6}},
      {"elementwise",
       {},
       [](const Tensor& x, const Tensors&) {
         return sigmoid(relu(gelu(softmax(multiply(scale(x, 2), x)))));
       },
       {0, 6}},
      {"permute",
       {},
       [](const Tensor& x, const Tensors&) {
         return permute(reshape(x, {0, 2, 3}), {0, 2, 1});
       },
       {0, 3, 2}},
      {"dropout",
       {},
       [](const Tensor& x, const Tensors&) { return dropout(x, real{0.5}, {}); },
       {0, 6}},
      {"drop_channels",
       {},
       [](const Tensor& x, const Tensors&) {
         return drop_channels(reshape(x, {0, 1, 1, 6}), real{0.5}, {});
       },
       {0, 1, 1, 6}},
      {"take_samples",
       {},
       [](const Tensor& x, const Tensors&) {
         return take_samples(x, {{}, 0});
       },
       {0, 6}},
      {"add_samples",
       {{2, 6}},
       [](const Tensor& x, const Tensors& p) {
         return add_samples(scale(p[0], 0), x, {{}, 2});
       },
       {2, 6}},
      {"matmul",
       {{2, 3, 4}},
       [](const Tensor& x, const Tensors& p) {
         return matmul(p[0], reshape(x, {2, 4, 0}));
       },
       {2, 3, 0}},
      {"movers",
       {},
       [](const Tensor& x, const Tensors&) {
         const Tensor map = pad_or_crop(roll(reshape(x, {0, 3, 2, 1}), {1, 1}), {4, 2});
         return window_reverse(window_partition(map, {2, 1}), {2, 1}, {4, 2});
       },
       {0, 4, 2, 1}},
      {"window_attention",
       {{3, 1}},
       [](const Tensor& x, const Tensors& p) {
         return window_attention(reshape(x, {0, 1, 2, 3}), p[0],
                                 layout_of({1, 2}, {{1, 2}, {0, 1}}), {1, 1, real{0.5}, {}});
       },
       {0, 1, 2, 1}},
      {"attention",
       {},
       [](const Tensor& x, const Tensors&) {
         return attention(reshape(x, {0, 2, 3}), {1, 1, real{0.5}, {}});
       },
       {0, 2, 1}},
      {"cosine_qkv",
       {{2, 1, 1}},
       [](const Tensor& x, const Tensors& p) { return cosine_qkv(x, p[0], 2); },
       {0, 6}},
      {"take_rows", {}, [](const Tensor& x, const Tensors&) { return take_rows(x, {}); }, {0, 6}},
      {"take_elements",
       {},
       [](const Tensor& x, const Tensors&) { return take_elements(x, {}); },
       {0}},
      {"cross_entropy",
       {},
       [](const Tensor& x, const Tensors&) {
         return cross_entropy(x, Tensor({0, 6}), 1);
       },
       {}},
      {"binary_cross_entropy",
       {},
       [](const Tensor& x, const Tensors&) {
         return binary_cross_entropy(x, Tensor({0, 6}), 1);
       },
       {}},
      {"pixel_cross_entropy",
       {},
       [=](const Tensor& x, const Tensors&) { return pixel_cross_entropy(x, labels(), {}, 1); },
       {}},
      {"dice_loss",
       {},
       [=](const Tensor& x, const Tensors&) {
         return dice_loss(reshape(x, {0, 1, 1, 6}), labels(), 1);
       },
       {}},
      {"smooth_l1",
       {},
       [](const Tensor& x, const Tensors&) {
         return smooth_l1(x, Tensor({0, 6}), 0, 1);
       },
       {}},
      {"sigmoid_focal_loss",
       {},
       [](const Tensor& x, const Tensors&) {
         return sigmoid_focal_loss(x, Tensor({0, 6}), real{0.25}, 2, 1);
       },
       {}},
      {"giou_loss",
       {},
       [](const Tensor& x, const Tensors&) {
         return giou_loss(slice(x, 1, 0, 4), Tensor({0, 4}), 1);
       },
       {}},
      {"decode_boxes",
       {},
       [](const Tensor& x, const Tensors&) {
         return decode_boxes(slice(x, 1, 0, 4), Tensor({0, 4}), {});
       },
       {0, 4}},
      {"roi_align",
       {{2, 3, 4, 6}, {2, 2, 2, 6}},
       [](const Tensor& x, const Tensors& p) {
         return concat({reshape(x, {0, 7, 7, 6}), roi_align(p, {1, 0.5}, {}, {})}, 0);
       },
       {0, 7, 7, 6}}};
  return all;
}

// As a head does: rows of a map by an empty index.
TEST_P(Empty, RowsGiveGradientsOfZero) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor map = Tensor::filled({9, 6}, 1).as_leaf();
    Tensors parameters;
    for (const Shape& shape : c.parameters)
      parameters.push_back(Tensor::filled(shape, 1).as_leaf());
    Tape tape;
    Tensor y;
    {
      const Tape::Recording recording(tape);
      y = c.call(take_rows(map, {}), parameters);
    }
    EXPECT_EQ(y.shape(), c.y);
    for (const real value : y.values()) EXPECT_EQ(value, 0);
    tape.backward(y, Tensor::filled(y.shape(), 1));
    parameters.push_back(map);
    for (const Tensor& parameter : parameters) {
      ASSERT_TRUE(parameter.gradient().written());
      const real* gradient = parameter.gradient().data();
      for (int64_t i = 0; i < parameter.numel(); ++i) EXPECT_EQ(gradient[i], 0) << i;
    }
  }
}

TEST_P(Empty, RowsAddNothingToGradients) {
  const Tensor map = Tensor::filled({9, 6}, 1).as_leaf(),
               weight = Tensor::filled({5, 6}, 1).as_leaf(),
               bias = Tensor::filled({5}, 1).as_leaf();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = concat(
        {linear(take_rows(map, {}), weight, bias), linear(take_rows(map, {3}), weight, bias)}, 0);
  }
  tape.backward(y, Tensor::filled(y.shape(), 1));
  for (int64_t i = 0; i < map.numel(); ++i) EXPECT_EQ(map.gradient().data()[i], i / 6 == 3 ? 5 : 0);
  for (int64_t i = 0; i < weight.numel(); ++i) EXPECT_EQ(weight.gradient().data()[i], 1);
  for (int64_t i = 0; i < bias.numel(); ++i) EXPECT_EQ(bias.gradient().data()[i], 1);
}

TEST(EmptyInADryRun, NothingIsTouched) {
  const base::DryRun dry;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor map = Tensor({9, 6}).as_leaf();
    Tensors parameters;
    for (const Shape& shape : c.parameters) parameters.push_back(Tensor(shape).as_leaf());
    Tape tape;
    Tensor y;
    {
      const Tape::Recording recording(tape);
      y = c.call(take_rows(map, {}), parameters);
    }
    EXPECT_EQ(y.shape(), c.y);
    tape.backward(y, Tensor(y.shape()));
    EXPECT_TRUE(map.gradient().written());
  }
}

}  // namespace
}  // namespace swin::oracle
