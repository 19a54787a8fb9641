#include "data/transforms/augment.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/math.h"
#include "base/random.h"

namespace swin::data {
namespace {

constexpr uint64_t kTries = 10;

// Uniform in [low, high), from 32 bits.
double uniform(const base::Random& random, uint64_t element, double low, double high) {
  return low + (high - low) * (static_cast<double>(random.bits(element)) * 0x1p-32);
}
double log_uniform(const base::Random& random, uint64_t element, double low, double high) {
  return base::exp(uniform(random, element, base::log(low), base::log(high)));
}
// Rounds halves to even, as Python does.
int64_t rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }
int64_t below(const base::Random& random, uint64_t element, int64_t n) {
  return static_cast<int64_t>(random.below(element, static_cast<uint32_t>(n)));
}

}  // namespace

Box random_resized_crop(const RandomResizedCrop& options, int64_t height, int64_t width,
                        const Draw& draw) {
  const base::Random random = draw.random("data/random_resized_crop");
  const double area = static_cast<double>(height * width);
  for (uint64_t element = 0; element < 4 * kTries; element += 4) {
    const double wanted = area * uniform(random, element, options.scale[0], options.scale[1]);
    const double ratio = log_uniform(random, element + 1, options.ratio[0], options.ratio[1]);
    const int64_t w = rounded(std::sqrt(wanted * ratio)), h = rounded(std::sqrt(wanted / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return {below(random, element + 2, height - h + 1), below(random, element + 3, width - w + 1),
            h, w};
  }
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  int64_t w = width, h = height;
  if (ratio < options.ratio[0])
    h = std::clamp<int64_t>(rounded(static_cast<double>(w) / options.ratio[0]), 1, height);
  else if (ratio > options.ratio[1])
    w = std::clamp<int64_t>(rounded(static_cast<double>(h) * options.ratio[1]), 1, width);
  return {(height - h) / 2, (width - w) / 2, h, w};
}

std::optional<Box> random_erasing(double probability, int64_t height, int64_t width,
                                  const Draw& draw) {
  const base::Random random = draw.random("data/random_erasing");
  if (uniform(random, 0, 0, 1) >= probability) return std::nullopt;
  const double area = static_cast<double>(height * width);
  for (uint64_t element = 4; element < 4 + 4 * kTries; element += 4) {
    const double wanted = area * uniform(random, element, 0.02, 1.0 / 3);
    const double ratio = log_uniform(random, element + 1, 0.3, 1 / 0.3);
    const int64_t h = rounded(std::sqrt(wanted * ratio)), w = rounded(std::sqrt(wanted / ratio));
    if (h >= height || w >= width) continue;
    return Box{below(random, element + 2, height - h + 1),
               below(random, element + 3, width - w + 1), h, w};
  }
  return std::nullopt;
}

void erase(const Box& box, int64_t width, int64_t channels, const Draw& draw, float* values) {
  const base::Random random = draw.random("data/random_erasing/values");
  uint64_t element = 0;
  std::array<uint32_t, 4> bits = {};
  for (int64_t y = box.top; y < box.top + box.height; ++y) {
    float* row = values + (y * width + box.left) * channels;
    for (int64_t x = 0; x < box.width * channels; ++x, ++element) {
      if (element % 4 == 0) bits = random.block(element / 4);
      // The middle of one of 2³² cells, as in Random::normal.
      const double cell = (static_cast<double>(bits[element % 4]) + 0.5) * 0x1p-32;
      row[x] = static_cast<float>(base::inverse_normal(cell));
    }
  }
}

std::vector<Choice> color_jitter(const ColorJitter& options, const Draw& draw) {
  const base::Random random = draw.random("data/color_jitter");
  const auto factor = [&](uint64_t element, double change) {
    return uniform(random, element, std::max(0.0, 1 - change), 1 + change);
  };
  std::vector<Choice> choices;
  std::array<size_t, 4> order;
  std::iota(order.begin(), order.end(), size_t{0});
  for (uint32_t i = 3; i > 0; --i) std::swap(order[i], order[random.below(3 + i, i + 1)]);
  for (const size_t change : order) {
    if (change == 0 && options.brightness > 0)
      choices.push_back({Operation::brightness, factor(0, options.brightness)});
    if (change == 1 && options.contrast > 0)
      choices.push_back({Operation::contrast, factor(1, options.contrast)});
    if (change == 2 && options.saturation > 0)
      choices.push_back({Operation::color, factor(2, options.saturation)});
    if (change == 3 && options.hue > 0)
      choices.push_back({Operation::hue, uniform(random, 3, -options.hue, options.hue)});
  }
  return choices;
}

namespace {

void flip_rows(Image& image) {
  const int64_t c = image.channels;
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t* left = image.row(y);
    uint8_t* right = left + (image.width - 1) * c;
    for (; left < right; left += c, right -= c) std::swap_ranges(left, left + c, right);
  }
}

/// As in timm, pixels from outside the image get the mean color. torchvision's policy for CIFAR
/// uses the nearest pixel and fills with black.
Canvas canvas_of(const Preprocess& preprocess, const AutoAugment& policy) {
  if (!policy.is_rand()) return {Sampling::nearest, {0, 0, 0}};
  Canvas canvas;
  canvas.sampling =
      preprocess.interpolation == Interpolation::bilinear ? Sampling::bilinear : Sampling::bicubic;
  for (size_t c = 0; c < 3; ++c) {
    const float mean = preprocess.mean[preprocess.mean.size() > c ? c : 0];
    canvas.fill[c] = static_cast<uint8_t>(
        std::clamp(std::nearbyint(255.0 * static_cast<double>(mean)), 0.0, 255.0));
  }
  return canvas;
}

void change_colors(const Preprocess& preprocess, const Augment& augment, const Draw& draw,
                   Image& image, Image& scratch) {
  std::vector<Choice> choices;
  Canvas canvas;
  if (augment.auto_augment) {
    choices =
        augment.auto_augment->draw(draw.random("data/auto_augment"), image.height, image.width);
    canvas = canvas_of(preprocess, *augment.auto_augment);
  } else {
    choices = color_jitter(augment.color_jitter, draw);
  }
  for (const Choice& choice : choices)
    apply(choice.operation, choice.argument, canvas, image, scratch);
}

}  // namespace

void make_training_sample(const Image& loaded, const Preprocess& preprocess, const Augment& augment,
                          const Normalization& normalization, const Draw& draw, float* out) {
  thread_local Image scratch, fitted, changed;
  const int64_t height = preprocess.height, width = preprocess.width;
  const Image* image = &fitted;
  if (augment.random_resized_crop) {
    thread_local std::vector<uint8_t> between;
    const Box box =
        random_resized_crop(*augment.random_resized_crop, loaded.height, loaded.width, draw);
    fitted.reshape(height, width, loaded.channels);
    kernels::resize(loaded.row(box.top) + box.left * loaded.channels, box.height, box.width,
                    loaded.channels, height, width, preprocess.interpolation, fitted.pixels.data(),
                    between, loaded.row_bytes());
  } else {
    image = &fit(loaded, preprocess, scratch, fitted);
  }
  Corner corner;
  if (augment.random_crop > 0)
    corner = random_crop(augment.random_crop, draw.seed, draw.epoch, draw.sample);
  bool flip = augment.horizontal_flip > 0 &&
              random_flip(augment.horizontal_flip, draw.seed, draw.epoch, draw.sample);
  if (augment.auto_augment || augment.color_jitter.any()) {
    // Policies and color jitter are applied to the cropped and flipped window.
    crop(*image, corner, height, width, changed);
    if (flip) flip_rows(changed);
    change_colors(preprocess, augment, draw, changed, scratch);
    image = &changed;
    corner = {};
    flip = false;
  }
  write_normalized(*image, corner, height, width, flip, normalization, out);
  if (augment.random_erasing <= 0) return;
  if (const auto box = random_erasing(augment.random_erasing, height, width, draw))
    erase(*box, width, loaded.channels, draw, out);
}

}  // namespace swin::data
