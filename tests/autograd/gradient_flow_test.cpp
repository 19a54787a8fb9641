// How gradients flow: passed to an input without a copy, and added up if a tensor is used again.
#include "autograd/ops/ops.h"
#include "tests/autograd/tape_support.h"

namespace swin::autograd {
namespace {

class GradientFlow : public oracle::EngineTest {};

TEST_F(GradientFlow, XPlusXDoubles) {
  const Tensor x = vector_of({1, 2, 3}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] { return add(x, x); });
  tape.backward(y, vector_of({1, 10, 100}));
  EXPECT_EQ(gradient_of(x), (Values{2, 20, 200}));
}

TEST_F(GradientFlow, SharedMemoryIsNotWrittenThroughAnotherGradient) {
  // a + b passes dy to both, in shared memory. a then gets more, which must not change b.
  const Tensor a = vector_of({1, 2}).as_leaf(), b = vector_of({3, 4}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    const Tensor first = scale(a, 4);  // its backward runs last and adds to da
    return add(add(a, b), first);
  });
  tape.backward(y, vector_of({1, 10}));
  EXPECT_EQ(gradient_of(a), (Values{5, 50}));
  EXPECT_EQ(gradient_of(b), (Values{1, 10}));
}

TEST_F(GradientFlow, DiamondAndResidualUsedTwice) {
  const Tensor x = vector_of({1, -2}).as_leaf(), w = vector_of({5, 7}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    const Tensor h = add(x, w);  // residual stream
    const Tensor left = scale(h, 2), right = scale(h, 3);
    const Tensor merged = add(left, right);  // diamond: 5 h
    const Tensor out = add(h, merged);       // 6 h
    return add(out, h);                      // 7 h
  });
  EXPECT_EQ(y.values(), (Values{42, 35}));
  tape.backward(y, vector_of({1, 2}));
  EXPECT_EQ(gradient_of(x), (Values{7, 14}));
  EXPECT_EQ(gradient_of(w), (Values{7, 14}));
}

TEST_F(GradientFlow, ReshapeOfASharedTensor) {
  const Tensor x = vector_of({1, 2, 3, 4}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    const Tensor r = reshape(x, {2, 2});
    return add(add(reshape(r, {4}), x), reshape(permute(r, {1, 0}), {4}));
  });
  EXPECT_EQ(y.values(), (Values{3, 7, 8, 12}));
  tape.backward(y, vector_of({1, 10, 100, 1000}));
  EXPECT_EQ(gradient_of(x), (Values{3, 120, 210, 3000}));
}

TEST_F(GradientFlow, DyOfTheCallerIsNotWritten) {
  const Tensor x = vector_of({1, 2}).as_leaf(), dy = vector_of({1, 10});
  Tape tape;
  const Tensor y = record(tape, [&] { return add(reshape(x, {2}), x); });
  tape.backward(y, dy);
  EXPECT_EQ(dy.values(), (Values{1, 10}));
  EXPECT_EQ(gradient_of(x), (Values{2, 20}));
}

TEST_F(GradientFlow, SameTensorAsSeveralInputs) {
  const Tensor x = Tensor::from({2, 2}, Values{1, 2, 3, 4}).as_leaf();
  Tape tape;
  Tensor y = record(tape, [&] { return matmul(x, x); });
  tape.backward(y, Tensor::filled({2, 2}, 1));
  EXPECT_EQ(gradient_of(x), (Values{7, 11, 9, 13}));  // dy xᵀ + xᵀ dy
  const Tensor w = vector_of({2, 3}).as_leaf();
  y = record(tape, [&] { return layer_norm(Tensor::from({1, 2}, Values{-1, 1}), w, w, 0); });
  tape.backward(y, vector_of({1, 10}));
  EXPECT_NEAR(static_cast<double>(gradient_of(w)[0]), 0, 1e-6);  // −1 as weight plus 1 as bias
  EXPECT_NEAR(static_cast<double>(gradient_of(w)[1]), 20, 1e-5);
}

TEST_F(GradientFlow, UnusedBranchesAreSkipped) {
  const Tensor x = vector_of({1, 2}).as_leaf(), unused = vector_of({1, 2}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    gelu(unused);
    return scale(x, 3);
  });
  tape.backward(y, vector_of({1, 1}));
  EXPECT_FALSE(unused.gradient().written());
  EXPECT_EQ(gradient_of(x), (Values{3, 3}));
}

TEST_F(GradientFlow, SharedGradientsOfManyTilesAreAddedCompletely) {
  const int64_t numel = 3 * 65536 + 11;
  const Tensor x = Tensor::filled({numel}, 1).as_leaf();
  Tensor dy({numel});
  for (int64_t i = 0; i < numel; ++i) dy.mutable_data()[i] = static_cast<real>(i % 1021);
  Tape tape;
  const Tensor y = record(tape, [&] { return add(add(x, x), x); });
  tape.backward(y, dy);
  int64_t wrong = 0;
  for (int64_t i = 0; i < numel; ++i) wrong += x.gradient().data()[i] != 3 * dy.data()[i];
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace swin::autograd
