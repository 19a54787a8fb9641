// Shapes and their bounds, and who may write to the memory of a tensor.
#include "autograd/tensor/tensor.h"

#include <gmock/gmock.h>

#include "autograd/ops/ops.h"
#include "base/arena.h"
#include "base/errors.h"
#include "tests/autograd/tape_support.h"

namespace swin::autograd {
namespace {

class TensorTest : public oracle::EngineTest {};

template <class Error, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_F(TensorTest, ShapesAreBounded) {
  const int64_t million = 1000000, most = Shape::kMaxNumel;
  EXPECT_EQ(Shape({most}).numel(), most);
  EXPECT_EQ(Shape({1 << 20, 1 << 20}).numel(), most);
  EXPECT_EQ(Shape({0, most}).numel(), 0);
  EXPECT_EQ(message_of<base::ShapeError>([&] {
              Shape({million, million, million}).numel();
            }),
            "shape: found (1000000, 1000000, 1000000), expected dims of at least 0 and at most "
            "1099511627776 elements; lower the sizes of the model, its images or the batch");
  for (const Shape& shape : {Shape{most, 2}, Shape{most + 1}, Shape{INT64_MAX, INT64_MAX},
                             Shape{-1, -1}, Shape{3, -2}, Shape{0, -2}})
    EXPECT_THAT(message_of<base::ShapeError>([&] { Tensor{shape}; }),
                testing::HasSubstr("expected dims of at least 0"))
        << shape.text();
}

TEST_F(TensorTest, EightDimsAtMost) {
  Shape shape = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(message_of<base::ShapeError>([&] { shape.push_back(9); }),
            "shape: found another dim of 9 for (1, 2, 3, 4, 5, 6, 7, 8), expected at most 8 dims");
  EXPECT_EQ(shape.rank(), 8);
}

TEST_F(TensorTest, OnlyMemoryOfItsOwnCanBeWritten) {
  Tensor x = vector_of({1, 2, 3, 4});
  x.mutable_data()[0] = 5;
  {
    Tensor view = x.viewed({2, 2});
    EXPECT_EQ(message_of<base::InternalError>([&] { view.mutable_data(); }),
              "Tensor::mutable_data: found shared memory behind a tensor (2, 2), expected memory "
              "of its own; write to a new tensor, or to parameters through Parameters::write");
    EXPECT_THROW(x.mutable_data(), base::InternalError);
  }
  EXPECT_NO_THROW(x.mutable_data());
  Values slab(4);
  Tensor part({4}, base::adopt(slab.data(), 4 * sizeof(real), nullptr), {});
  EXPECT_THAT(message_of<base::InternalError>([&] { part.mutable_data(); }),
              testing::HasSubstr("found memory of a slab"));
}

TEST_F(TensorTest, TheVersionBelongsToTheMemory) {
  Tensor x = vector_of({1, 2, 3, 4});
  const uint64_t before = x.version();
  x.mutable_data()[1] = 7;
  EXPECT_NE(x.version(), before);
  const Tensor view = x.viewed({2, 2}), copy = x;
  EXPECT_EQ(view.version(), x.version());
  x.advance_version();
  EXPECT_EQ(view.version(), x.version());
  EXPECT_EQ(copy.version(), x.version());
  // No two contents have the same number, even if memory is used again.
  EXPECT_NE(vector_of({1}).version(), vector_of({1}).version());
}

TEST_F(TensorTest, WhatIsDerivedFromTheContentsGoesWhenTheyChange) {
  Tensor x = vector_of({1, 2, 3});
  int calls = 0;
  const auto doubled = [&](int64_t kind) {
    return x.viewed({3, 1}).derived(kind, 3, [&](real* to) {
      ++calls;
      for (int64_t i = 0; i < 3; ++i) to[i] = 2 * x.data()[i];
    });
  };
  EXPECT_EQ(doubled(1)[2], 6);
  EXPECT_EQ(doubled(1)[2], 6);
  EXPECT_EQ(calls, 1);
  doubled(2);  // another kind takes its place
  EXPECT_EQ(calls, 2);
  x.mutable_data()[2] = 5;
  EXPECT_EQ(doubled(2)[2], 10);
  EXPECT_EQ(calls, 3);
}

// A dry run leaves nothing behind, and an arena, whose memory goes to the next result, has no part.
TEST_F(TensorTest, WhatIsDerivedIsRealAndStays) {
  const Tensor x = vector_of({1, 2, 3});
  const auto derived = [&] {
    return x.derived(1, 3, [](real* to) { std::fill_n(to, 3, real{7}); });
  };
  {
    const base::DryRun dry;
    EXPECT_EQ(derived(), nullptr);
  }
  base::Arena arena(1 << 12);
  const base::Arena::Use use(&arena);
  ASSERT_NE(derived(), nullptr);
  EXPECT_EQ(derived()[2], 7);
  EXPECT_EQ(arena.planned_bytes(), 0u);
}

// Without a recording, linear and convolutions keep the packed weight: it must follow the weight.
TEST_F(TensorTest, LinearSeesAChangedWeight) {
  const int64_t rows = 200, in = 20, out = 96;
  const Tensor x = Tensor::filled({rows, in}, 1);
  Tensor weight = Tensor::filled({out, in}, 1);
  for (const real value : {real{1}, real{2}}) {
    std::fill_n(weight.mutable_data(), out * in, value);
    for (int repeat = 0; repeat < 2; ++repeat)
      for (const real y : linear(x, weight, {}).values()) ASSERT_EQ(y, value * in);
  }
}

TEST_F(TensorTest, PatchEmbedSeesAChangedWeight) {
  const Tensor x = Tensor::filled({1, 40, 40, 3}, 1), bias = Tensor::filled({96}, 0);
  Tensor weight = Tensor::filled({96, 3, 2, 2}, 1);
  for (const real value : {real{1}, real{2}}) {
    std::fill_n(weight.mutable_data(), weight.numel(), value);
    for (int repeat = 0; repeat < 2; ++repeat)
      for (const real y : patch_embed(x, weight, bias).values()) ASSERT_EQ(y, value * 12);
  }
}

TEST_F(TensorTest, ConvolutionsSeeAChangedWeight) {
  const Tensor x = Tensor::filled({1, 2, 2, 3}, 1);
  Tensor weight = Tensor::filled({3, 3, 2, 2}, 1);  // of both: 3 channels to 3
  for (const real value : {real{1}, real{2}}) {
    std::fill_n(weight.mutable_data(), weight.numel(), value);
    for (int repeat = 0; repeat < 2; ++repeat) {
      for (const real y : conv2d(x, weight, {}).values()) ASSERT_EQ(y, value * 12);
      for (const real y : conv_transpose_2x2(x, weight, {}).values()) ASSERT_EQ(y, value * 3);
    }
  }
}

}  // namespace
}  // namespace swin::autograd
