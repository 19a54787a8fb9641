// Shapes and their bounds, and who may write to the memory of a tensor.
#include "autograd/tensor/tensor.h"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace swin::autograd
