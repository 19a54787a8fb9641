#include "files/named_array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "tests/files/test_files.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<float> rounded(const std::vector<double>& values) {
  const NamedArray array =
      rounded_to_float32(NamedArray::of("w", {static_cast<int64_t>(values.size())}, values), "x");
  EXPECT_EQ(array.dtype, DType::f32);
  EXPECT_EQ(array.name, "w");
  std::vector<float> result(values.size());
  read_float32(array, "x", result);
  return result;
}

TEST(NamedArray, Float64IsRoundedToTheNearest) {
  const double ulp = 0x1p-23;
  EXPECT_EQ(rounded({0.1, -2.5, 0, 1 + ulp / 2, 1 + 3 * ulp / 2, 1 + ulp / 2 + 0x1p-50}),
            (std::vector<float>{0.1f, -2.5f, 0, 1, static_cast<float>(1 + 2 * ulp),
                                static_cast<float>(1 + ulp)}));
  const double largest = std::numeric_limits<float>::max();
  EXPECT_EQ(rounded({largest, -largest, 1e-320, 1e-45}),
            (std::vector<float>{static_cast<float>(largest), -static_cast<float>(largest), 0,
                                std::numeric_limits<float>::denorm_min()}));
  const std::vector<float> special = rounded({INFINITY, NAN});
  EXPECT_TRUE(std::isinf(special[0]));
  EXPECT_TRUE(std::isnan(special[1]));
}

TEST(NamedArray, Float64BeyondFloat32IsAnError) {
  for (const double value : {1e39, -3.5e38, std::numeric_limits<double>::max()})
    EXPECT_THAT(message_of<base::WeightError>([&] {
                  rounded({1, value});
                }),
                AllOf(HasSubstr("x: w has the float64 value "), HasSubstr("float32's range")));
}

TEST(NamedArray, OwnFilesAreNotRoundedSilently) {
  const std::vector<double> values(2);
  std::vector<float> floats(2);
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { read_float32(NamedArray::of("w", {2}, values), "x", floats); }),
              HasSubstr("w has type f64, expected f32, f16 or bf16"));
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { rounded_to_float32(NamedArray::of("w", {2}, floats), "x"); }),
              HasSubstr("w has type f32, expected f64"));
}

}  // namespace
}  // namespace swin::files
