#include "data/transforms/image_operations.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/math.h"

namespace swin::data {
namespace {

using kernels::ByteTable;

int64_t num_pixels(const Image& image) { return image.height * image.width; }
int64_t num_bytes(const Image& image) { return num_pixels(image) * image.channels; }

void look_up_each(Image& image, const ByteTable* tables) {
  kernels::look_up(image.pixels.data(), num_bytes(image), image.channels, tables);
}

template <class Function>
void map_bytes(Image& image, Function function) {
  ByteTable tables[3];
  for (int value = 0; value < 256; ++value) {
    const int result = std::clamp(static_cast<int>(function(value)), 0, 255);
    for (ByteTable& table : tables)
      table[static_cast<size_t>(value)] = static_cast<uint8_t>(result);
  }
  look_up_each(image, tables);
}

ByteTable identity_table() {
  ByteTable table;
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i);
  return table;
}

ByteTable stretched(const std::array<int64_t, 256>& counts) {
  ByteTable table = identity_table();
  size_t low = 0, high = 255;
  while (low < 255 && counts[low] == 0) ++low;
  while (high > 0 && counts[high] == 0) --high;
  if (high <= low) return table;
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  for (size_t i = 0; i < 256; ++i) {
    const double value = static_cast<double>(i) * scale + offset;
    table[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
  return table;
}

ByteTable flattened(const std::array<int64_t, 256>& counts) {
  ByteTable table = identity_table();
  int64_t sum = 0, last = 0, levels = 0;
  for (const int64_t count : counts) {
    sum += count;
    if (count != 0) last = count, ++levels;
  }
  const int64_t step = (sum - last) / 255;
  if (levels <= 1 || step == 0) return table;
  int64_t below = step / 2;
  for (size_t i = 0; i < 256; ++i) {
    table[i] = static_cast<uint8_t>(std::min<int64_t>(255, below / step));
    below += counts[i];
  }
  return table;
}

void by_histogram(Image& image, ByteTable (*table_of)(const std::array<int64_t, 256>&)) {
  ByteTable tables[3];
  for (int64_t c = 0; c < image.channels; ++c)
    tables[c] =
        table_of(kernels::histogram(image.pixels.data(), num_pixels(image), image.channels, c));
  look_up_each(image, tables);
}

void blend_from(const Image& from, double factor, Image& image) {
  kernels::blend(from.pixels.data(), static_cast<float>(factor), image.pixels.data(),
                 num_bytes(image));
}

void blend_from_constant(uint8_t value, double factor, Image& image, Image& scratch) {
  scratch.reshape(image.height, image.width, image.channels);
  std::fill(scratch.pixels.begin(), scratch.pixels.end(), value);
  blend_from(scratch, factor, image);
}

void change_color(Image& image, double factor, Image& gray) {
  if (image.channels != 3) return;
  gray.reshape(image.height, image.width, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3)
    std::fill_n(gray.pixels.data() + i, 3, kernels::luma(image.pixels.data() + i));
  blend_from(gray, factor, image);
}

void change_contrast(Image& image, double factor, Image& gray) {
  int64_t sum = 0;
  for (size_t i = 0; i < image.pixels.size(); i += static_cast<size_t>(image.channels))
    sum += image.channels == 3 ? kernels::luma(image.pixels.data() + i) : image.pixels[i];
  const double mean = static_cast<double>(sum) / static_cast<double>(num_pixels(image));
  blend_from_constant(static_cast<uint8_t>(mean + 0.5), factor, image, gray);
}

void transform(Image& image, const std::array<double, 6>& matrix, const Canvas& canvas,
               Image& scratch) {
  scratch.reshape(image.height, image.width, image.channels);
  kernels::affine(image.pixels.data(), image.height, image.width, image.channels, matrix,
                  canvas.sampling, canvas.fill.data(), scratch.pixels.data());
  std::swap(image, scratch);
}

// Rounded to 15 decimals, as Pillow rounds the matrix of a rotation.
double rounded(double value) { return std::nearbyint(value * 1e15) / 1e15; }

void rotate(Image& image, double degrees, const Canvas& canvas, Image& scratch) {
  const double turn = degrees - 360.0 * std::floor(degrees / 360.0);
  if (turn == 0) return;
  const double cosine = rounded(base::cos_pi(-turn / 180.0));
  const double sine = rounded(base::sin_pi(-turn / 180.0));
  const double x = static_cast<double>(image.width) / 2, y = static_cast<double>(image.height) / 2;
  transform(
      image,
      {cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y},
      canvas, scratch);
}

}  // namespace

void apply(Operation operation, double argument, const Canvas& canvas, Image& image,
           Image& scratch) {
  switch (operation) {
    case Operation::auto_contrast:
      return by_histogram(image, stretched);
    case Operation::equalize:
      return by_histogram(image, flattened);
    case Operation::invert:
      return map_bytes(image, [](int value) { return 255 - value; });
    case Operation::rotate:
      return rotate(image, argument, canvas, scratch);
    case Operation::posterize: {
      const int kept = static_cast<int>(argument);
      if (kept >= 8) return;
      return map_bytes(image, [mask = 256 - (1 << (8 - kept))](int value) { return value & mask; });
    }
    case Operation::solarize:
      return map_bytes(image, [&](int value) { return value < argument ? value : 255 - value; });
    case Operation::solarize_add:
      return map_bytes(image, [add = static_cast<int>(argument)](int value) {
        return value < 128 ? value + add : value;
      });
    case Operation::color:
      return change_color(image, argument, scratch);
    case Operation::contrast:
      return change_contrast(image, argument, scratch);
    case Operation::brightness:
      return blend_from_constant(0, argument, image, scratch);
    case Operation::sharpness:
      scratch.reshape(image.height, image.width, image.channels);
      kernels::smooth(image.pixels.data(), image.height, image.width, image.channels,
                      scratch.pixels.data());
      return blend_from(scratch, argument, image);
    case Operation::shear_x:
      return transform(image, {1, argument, 0, 0, 1, 0}, canvas, scratch);
    case Operation::shear_y:
      return transform(image, {1, 0, 0, argument, 1, 0}, canvas, scratch);
    case Operation::translate_x:
      return transform(image, {1, 0, argument, 0, 1, 0}, canvas, scratch);
    case Operation::translate_y:
      return transform(image, {1, 0, 0, 0, 1, argument}, canvas, scratch);
    case Operation::hue:
      if (image.channels == 3)
        kernels::shift_hue(image.pixels.data(), num_pixels(image),
                           static_cast<uint8_t>(static_cast<int>(argument * 255.0)));
      return;
    case Operation::add:
      return map_bytes(image, [add = static_cast<float>(argument)](int value) {
        return static_cast<float>(value) + add;
      });
    case Operation::multiply:
      return map_bytes(image, [factor = static_cast<float>(argument)](int value) {
        return static_cast<float>(value) * factor;
      });
    case Operation::hsv_saturation:
      if (image.channels == 3)
        kernels::change_hsv(image.pixels.data(), num_pixels(image), static_cast<float>(argument),
                            0);
      return;
    case Operation::hsv_hue:
      if (image.channels == 3)
        kernels::change_hsv(image.pixels.data(), num_pixels(image), 1,
                            static_cast<int32_t>(argument));
      return;
  }
}

}  // namespace swin::data
