#include "data/transforms/auto_augment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/errors.h"

namespace swin::data {
namespace {

using enum Operation;

// In the order of timm's list; element 8·layer of a draw chooses from it.
constexpr Operation kRandOperations[] = {
    auto_contrast, equalize,   invert,    rotate,  posterize, solarize,    solarize_add, color,
    contrast,      brightness, sharpness, shear_x, shear_y,   translate_x, translate_y};

constexpr int64_t kDrawsALayer = 8;

// Uniform in [0, 1), from 32 bits.
double uniform(const base::Random& random, uint64_t element) {
  return static_cast<double>(random.bits(element)) * 0x1p-32;
}

double sign_of(const base::Random& random, uint64_t element) {
  return random.bits(element) >> 31 ? -1 : 1;
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw base::UsageError("augment.auto_augment", "found \"" + text + "\": " + why,
                         "write it as \"rand-m9-mstd0.5-inc1\" (m magnitude, n operations, p "
                         "probability, mstd, mmax, inc), or \"cifar10\"");
}

}  // namespace

RandAugment parse_rand_augment(const std::string& text) {
  RandAugment policy;
  size_t begin = text.find('-');
  if (text.substr(0, begin) != "rand") refuse(text, "it does not start with rand");
  while (begin != std::string::npos) {
    const size_t end = text.find('-', ++begin);
    const std::string part = text.substr(begin, end - begin);
    begin = end;
    const size_t digits = std::min(part.find_first_of("0123456789"), part.size());
    const std::string key = part.substr(0, digits);
    double value = 0;
    const char* last = part.data() + part.size();
    const auto [stopped, error] = std::from_chars(part.data() + digits, last, value);
    if (error != std::errc() || stopped != last || !std::isfinite(value))
      refuse(text, "its part \"" + part + "\" is not a name and a number");
    const bool whole = value == std::floor(value) && value <= 1000;
    if (key == "mstd") {
      policy.magnitude_std = value;
    } else if (key == "p") {
      if (value > 1) refuse(text, "\"" + part + "\" is a probability above 1");
      policy.probability = value;
    } else if (!whole) {
      refuse(text, "\"" + part + "\" is not an integer up to 1000");
    } else if (key == "m") {
      policy.magnitude = value;
    } else if (key == "n") {
      policy.layers = static_cast<int64_t>(value);
    } else if (key == "mmax") {
      policy.largest = value == 0 ? 10 : value;
    } else if (key == "inc") {
      policy.increasing = value != 0;
    } else {
      refuse(text, "its part \"" + part + "\" is unknown");
    }
  }
  // Bits, thresholds and factors make sense up to twice the scale of 10.
  if (policy.largest > 20) refuse(text, "mmax is above 20");
  return policy;
}

double argument_of(Operation operation, double magnitude, double sign, const RandAugment& policy,
                   int64_t height, int64_t width) {
  const double level = magnitude / 10.0;
  switch (operation) {
    case rotate:
      return sign * (level * 30.0);
    case posterize: {
      const double bits = std::trunc(level * 4);
      return std::max(0.0, policy.increasing ? 4 - bits : bits);
    }
    case solarize: {
      const double threshold = std::min(256.0, std::trunc(level * 256));
      return policy.increasing ? 256 - threshold : threshold;
    }
    case solarize_add:
      return std::min(128.0, std::trunc(level * 110));
    case color:
    case contrast:
    case brightness:
    case sharpness:
      return policy.increasing ? std::max(0.1, 1.0 + sign * (level * .9)) : level * 1.8 + 0.1;
    case shear_x:
    case shear_y:
      return sign * (level * 0.3);
    case translate_x:
      return sign * (level * 0.45) * static_cast<double>(width);
    case translate_y:
      return sign * (level * 0.45) * static_cast<double>(height);
    default:
      return 0;
  }
}

AutoAugment::AutoAugment(const std::string& policy) {
  if (policy != "cifar10") rand_augment_ = parse_rand_augment(policy);
}

std::vector<Choice> AutoAugment::draw(const base::Random& random, int64_t height,
                                      int64_t width) const {
  if (!is_rand()) return draw_cifar10(random, height, width);
  const RandAugment& policy = *rand_augment_;
  std::vector<Choice> choices;
  for (int64_t layer = 0; layer < policy.layers; ++layer) {
    const auto element = static_cast<uint64_t>(layer * kDrawsALayer);
    const Operation operation =
        kRandOperations[random.below(element, static_cast<uint32_t>(std::size(kRandOperations)))];
    if (uniform(random, element + 1) >= policy.probability) continue;
    double magnitude = policy.magnitude;
    if (policy.magnitude_std > 100)
      magnitude *= uniform(random, element + 2);
    else if (policy.magnitude_std > 0)
      magnitude += policy.magnitude_std * random.normal(element + 2);
    magnitude = std::clamp(magnitude, 0.0, policy.largest);
    choices.push_back({operation, argument_of(operation, magnitude, sign_of(random, element + 3),
                                              policy, height, width)});
  }
  return choices;
}

namespace {

struct Step {
  Operation operation;
  double probability;
  int magnitude;  // 0 … 9; 0 for operations without one
};
constexpr Step kCifar10[25][2] = {
    {{invert, 0.1, 0}, {contrast, 0.2, 6}},          {{rotate, 0.7, 2}, {translate_x, 0.3, 9}},
    {{sharpness, 0.8, 1}, {sharpness, 0.9, 3}},      {{shear_y, 0.5, 8}, {translate_y, 0.7, 9}},
    {{auto_contrast, 0.5, 0}, {equalize, 0.9, 0}},   {{shear_y, 0.2, 7}, {posterize, 0.3, 7}},
    {{color, 0.4, 3}, {brightness, 0.6, 7}},         {{sharpness, 0.3, 9}, {brightness, 0.7, 9}},
    {{equalize, 0.6, 0}, {equalize, 0.5, 0}},        {{contrast, 0.6, 7}, {sharpness, 0.6, 5}},
    {{color, 0.7, 7}, {translate_x, 0.5, 8}},        {{equalize, 0.3, 0}, {auto_contrast, 0.4, 0}},
    {{translate_y, 0.4, 3}, {sharpness, 0.2, 6}},    {{brightness, 0.9, 6}, {color, 0.2, 8}},
    {{solarize, 0.5, 2}, {invert, 0.0, 0}},          {{equalize, 0.2, 0}, {auto_contrast, 0.6, 0}},
    {{equalize, 0.2, 0}, {equalize, 0.6, 0}},        {{color, 0.9, 9}, {equalize, 0.6, 0}},
    {{auto_contrast, 0.8, 0}, {solarize, 0.2, 8}},   {{brightness, 0.1, 3}, {color, 0.7, 0}},
    {{solarize, 0.4, 5}, {auto_contrast, 0.9, 0}},   {{translate_y, 0.9, 9}, {translate_y, 0.7, 9}},
    {{auto_contrast, 0.9, 0}, {solarize, 0.8, 3}},   {{equalize, 0.8, 0}, {invert, 0.1, 0}},
    {{translate_y, 0.7, 9}, {auto_contrast, 0.9, 0}}};

double cifar10_argument(const Step& step, double sign, int64_t height, int64_t width) {
  const double level = static_cast<double>(step.magnitude) / 9.0;
  switch (step.operation) {
    case rotate:
      return sign * (level * 30.0);
    case shear_y:
      return sign * (level * 0.3);
    // In whole pixels; the image moves in positive direction, so the source moves back.
    case translate_x:
      return -std::trunc(sign * (level * (150.0 / 331.0 * static_cast<double>(width))));
    case translate_y:
      return -std::trunc(sign * (level * (150.0 / 331.0 * static_cast<double>(height))));
    case color:
    case contrast:
    case brightness:
    case sharpness:
      return 1.0 + sign * (level * 0.9);
    case posterize:
      return 8 - std::nearbyint(level * 4);
    case solarize:
      return 255.0 - level * 255.0;
    default:
      return 0;
  }
}

}  // namespace

std::vector<Choice> draw_cifar10(const base::Random& random, int64_t height, int64_t width) {
  const Step(&pair)[2] = kCifar10[random.below(0, static_cast<uint32_t>(std::size(kCifar10)))];
  std::vector<Choice> choices;
  for (uint64_t i = 0; i < 2; ++i) {
    if (uniform(random, 4 + 2 * i) >= pair[i].probability) continue;
    choices.push_back(
        {pair[i].operation, cifar10_argument(pair[i], sign_of(random, 5 + 2 * i), height, width)});
  }
  return choices;
}

}  // namespace swin::data
