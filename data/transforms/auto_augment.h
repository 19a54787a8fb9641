// Policies that choose image operations: timm's RandAugment, and AutoAugment for CIFAR.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/transforms/image_operations.h"

namespace swin::data {

/// A drawn operation.
struct Choice {
  Operation operation;
  double argument;
};

/// timm's RandAugment: draws `layers` operations with replacement and applies each with a
/// probability, a magnitude m of 0 … 10 and a random sign where the operation has one. The 15
/// operations: auto contrast, equalize, invert, rotate by 3m degrees, posterize, solarize,
/// solarize_add 11m, color, contrast, brightness, sharpness, shear x and y by 0.03m, translate x
/// and y by 0.045m of the side. With `increasing`: posterize keeps 4 − 0.4m bits, solarize
/// starts at 256 − 25.6m, factors are 1 ± 0.09m (at least 0.1); without: 0.4m bits, 25.6m and
/// 0.1 + 0.18m.
/// Source: Cubuk et al. 2019, arXiv:1909.13719; timm's rand_augment_transform.
struct RandAugment {
  double magnitude = 10;
  double magnitude_std = 0;  ///< of a normal distribution; above 100: uniform in [0, magnitude]
  double largest = 10;       ///< upper bound of the drawn magnitude
  int64_t layers = 2;
  double probability = 0.5;
  bool increasing = false;
};

/// Parses a text such as "rand-m9-mstd0.5-inc1": parts m, n (layers), p (probability), mstd, mmax
/// and inc in any order. @throws UsageError naming the part.
RandAugment parse_rand_augment(const std::string& text);
/// The argument of an operation at a magnitude. @param sign +1 or −1, of operations that have one.
double argument_of(Operation operation, double magnitude, double sign, const RandAugment& policy,
                   int64_t height, int64_t width);

/// A policy as named in a config. Drawing from it is a pure function of the random stream.
class AutoAugment {
 public:
  /// @param policy "rand-…" or "cifar10". @throws UsageError for other texts.
  explicit AutoAugment(const std::string& policy);
  /// The operations for one image of this size, in order.
  std::vector<Choice> draw(const base::Random& random, int64_t height, int64_t width) const;
  /// Whether it is RandAugment, which interpolates and fills as configured. AutoAugment for CIFAR
  /// uses the nearest pixel and fills with black, the defaults of torchvision.
  bool is_rand() const { return rand_augment_.has_value(); }

 private:
  std::optional<RandAugment> rand_augment_;
};

/// torchvision's AutoAugmentPolicy.CIFAR10: one of 25 pairs of operations.
/// Source: Cubuk et al. 2018, arXiv:1805.09501, appendix.
/// Draws: element 0 the pair, then whether each of the two is applied, and its sign.
std::vector<Choice> draw_cifar10(const base::Random& random, int64_t height, int64_t width);

}  // namespace swin::data
