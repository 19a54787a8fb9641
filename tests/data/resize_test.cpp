#include "data/kernels/resize.h"

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

Interpolation interpolation_of(const std::string& name) {
  return name == "bilinear"  ? Interpolation::bilinear
         : name == "bicubic" ? Interpolation::bicubic
                             : Interpolation::lanczos;
}

TEST(Resize, EqualsPillowOnEveryByte) {
  Bytes scratch;
  for (const auto& row : read_table("resize_goldens.txt")) {
    const int64_t height = std::stoll(row[0]), width = std::stoll(row[1]),
                  channels = std::stoll(row[2]);
    const int64_t new_height = std::stoll(row[3]), new_width = std::stoll(row[4]);
    const Bytes from = noise(height * width * channels);
    Bytes to(static_cast<size_t>(new_height * new_width * channels));
    kernels::resize(from.data(), height, width, channels, new_height, new_width,
                    interpolation_of(row[5]), to.data(), scratch);
    EXPECT_EQ(sha256_of(to), row[6]) << row[0] << " × " << row[1] << " × " << row[2] << " to "
                                     << row[3] << " × " << row[4] << " " << row[5];
  }
}

TEST(Resize, KeepsAConstantPicture) {
  Bytes scratch;
  for (const uint8_t value : {0, 1, 127, 255}) {
    const Bytes from(31 * 17 * 3, value);
    Bytes to(64 * 9 * 3);
    for (const auto kind :
         {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos}) {
      kernels::resize(from.data(), 31, 17, 3, 64, 9, kind, to.data(), scratch);
      EXPECT_EQ(to, Bytes(to.size(), value));
    }
  }
}

}  // namespace
}  // namespace swin::data
