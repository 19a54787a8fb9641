#include "data/transforms/image_operations.h"

#include <gmock/gmock.h>

#include "tests/data/test_files.h"
#include "tests/support/isas.h"

namespace swin::data {
namespace {

// In the order of Operation, for the table of goldens.
constexpr const char* kNames[] = {"auto_contrast", "equalize",    "invert",         "rotate",
                                  "posterize",     "solarize",    "solarize_add",   "color",
                                  "contrast",      "brightness",  "sharpness",      "shear_x",
                                  "shear_y",       "translate_x", "translate_y",    "hue",
                                  "add",           "multiply",    "hsv_saturation", "hsv_hue"};

// The images of scripts/reference/make_augment_goldens.py.
Image test_image(const std::string& name) {
  Image image;
  if (name == "noise" || name == "tiny") {
    name == "noise" ? image.reshape(31, 37, 3) : image.reshape(2, 2, 3);
    image.pixels = noise(image.height * image.width * 3);
    return image;
  }
  name == "slope" ? image.reshape(33, 40, 3) : image.reshape(24, 24, 1);
  const Bytes random = noise(image.height * image.width * image.channels);
  size_t i = 0;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      for (int64_t c = 0; c < image.channels; ++c, ++i)
        image.pixels[i] = static_cast<uint8_t>(y * 2 + x * 3 + c * 20 + random[i] % 16 + 10);
  return image;
}

TEST(ImageOperations, EqualPillowOnEveryByte) {
  Image scratch;
  for (const auto& row : read_table("augment_goldens.txt")) {
    const Canvas canvas{row[3] == "nearest"    ? Sampling::nearest
                        : row[3] == "bilinear" ? Sampling::bilinear
                                               : Sampling::bicubic,
                        {124, 116, 104}};
    const auto name = std::find(std::begin(kNames), std::end(kNames), row[1]);
    ASSERT_NE(name, std::end(kNames)) << row[1];
    test::for_each_isa([&](base::Isa) {
      Image image = test_image(row[0]);
      apply(static_cast<Operation>(name - std::begin(kNames)), std::stod(row[2]), canvas, image,
            scratch);
      EXPECT_EQ(sha256_of(image.pixels), row[4])
          << row[0] << " " << row[1] << " " << row[2] << " " << row[3];
    });
  }
}

}  // namespace
}  // namespace swin::data
