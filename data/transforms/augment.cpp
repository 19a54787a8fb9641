#include "data/transforms/augment.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/math.h"

namespace swin::data {
namespace {

constexpr uint64_t kTries = 10;

// Rounds halves to even, as Python does.
int64_t rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

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

Corner random_crop(int64_t padding, const Draw& draw) {
  const base::Random random = draw.random("data/random_crop");
  const int64_t corners = 2 * padding + 1;  // along each axis
  return {below(random, 0, corners) - padding, below(random, 1, corners) - padding};
}

bool random_flip(double probability, const Draw& draw) {
  return draw.random("data/horizontal_flip").uniform(0) < probability;
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
  const std::pair<Operation, double> changes[] = {{Operation::brightness, options.brightness},
                                                  {Operation::contrast, options.contrast},
                                                  {Operation::color, options.saturation},
                                                  {Operation::hue, options.hue}};
  std::vector<Choice> choices;
  std::array<size_t, 4> order;
  std::iota(order.begin(), order.end(), size_t{0});
  for (uint32_t i = 3; i > 0; --i) std::swap(order[i], order[random.below(3 + i, i + 1)]);
  for (const size_t i : order) {
    const auto [operation, change] = changes[i];
    if (change <= 0) continue;
    const bool hue = operation == Operation::hue;
    choices.push_back({operation, uniform(random, i, hue ? -change : std::max(0.0, 1 - change),
                                          hue ? change : 1 + change)});
  }
  return choices;
}

std::vector<Choice> photometric_distortion(const Draw& draw) {
  const base::Random random = draw.random("data/photometric_distortion");
  const auto coin = [&](uint64_t element) { return below(random, element, 2) == 1; };
  std::vector<Choice> choices;
  const auto contrast = [&] {
    if (coin(2)) choices.push_back({Operation::multiply, uniform(random, 3, 0.5, 1.5)});
  };
  if (coin(0)) choices.push_back({Operation::add, uniform(random, 1, -32, 32)});
  const bool contrast_first = coin(4);
  if (contrast_first) contrast();
  if (coin(5)) choices.push_back({Operation::hsv_saturation, uniform(random, 6, 0.5, 1.5)});
  if (coin(7))
    choices.push_back({Operation::hsv_hue, static_cast<double>(below(random, 8, 36) - 18)});
  if (!contrast_first) contrast();
  return choices;
}

std::vector<Choice> draw_colors(const Augment& augment, const base::Size2& image,
                                const Draw& draw) {
  if (augment.photometric_distortion) return photometric_distortion(draw);
  if (!augment.auto_augment) return color_jitter(augment.color_jitter, draw);
  return augment.auto_augment->draw(draw.random("data/auto_augment"), image[0], image[1]);
}

}  // namespace swin::data
