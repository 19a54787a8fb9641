// The draws of the training augmentations. Each is a pure function of (seed, epoch, sample) and its
// own stream, so the order of calls does not matter. data/stages.h applies them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "data/transforms/auto_augment.h"
#include "data/transforms/geometry.h"

namespace swin::data {

/// Names the draws of a sample. With repeated augmentation every repeat is a separate sample.
struct Draw {
  uint64_t seed = 0, epoch = 0, sample = 0;
  base::Random random(std::string_view stream) const {
    return base::Random(seed, stream, epoch, sample);
  }
};

struct RandomResizedCrop {
  std::array<double, 2> scale = {0.08, 1};           ///< of the image's area
  std::array<double, 2> ratio = {3.0 / 4, 4.0 / 3};  ///< width / height, log-uniform
};

/// Largest changes: a factor is uniform in [max(0, 1 − x), 1 + x], the hue in [−x, x].
struct ColorJitter {
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;
  bool any() const { return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0; }
};

struct Augment {
  /// Zero padding, in pixels on each side, before a crop back to the size; 0: off.
  int64_t random_crop = 0;
  double horizontal_flip = 0;                                           ///< probability
  std::optional<RandomResizedCrop> random_resized_crop = std::nullopt;  ///< instead of fit()
  std::optional<AutoAugment> auto_augment = std::nullopt;
  ColorJitter color_jitter = {};  ///< not used together with auto_augment, as in timm
  double random_erasing = 0;      ///< probability
  int64_t repeats = 1;            ///< of every image, in a row, each with its own draws
  bool colors() const { return auto_augment || color_jitter.any(); }
};

/// torchvision's RandomResizedCrop.get_params: tries ten boxes of random area and aspect ratio,
/// then takes the largest central box of an allowed ratio. Draws from ("data/random_resized_crop",
/// …).
Box random_resized_crop(const RandomResizedCrop& options, int64_t height, int64_t width,
                        const Draw& draw);

/// torchvision's RandomCrop(size, padding) with fill 0: a corner, uniform over all that fit into
/// the padded image. Draws from ("data/random_crop", …).
Corner random_crop(int64_t padding, const Draw& draw);
/// Draws from ("data/horizontal_flip", …).
bool random_flip(double probability, const Draw& draw);

/// The geometry of a sample: random resized crop or fit, then random crop and flip.
/// @param image its height and width.
Geometry draw_geometry(const base::Size2& image, const Preprocess& preprocess,
                       const Augment& augment, const Draw& draw);

/// The box that timm's RandomErasing fills with normal values: area 0.02 … 1/3 of the image, height
/// / width log-uniform in 0.3 … 1/0.3, ten tries. Draws from ("data/random_erasing", …).
std::optional<Box> random_erasing(double probability, int64_t height, int64_t width,
                                  const Draw& draw);
/// Fills the box of (height, width, channels) normalized values with N(0, 1), one draw per value.
/// Draws from ("data/random_erasing/values", …).
void erase(const Box& box, int64_t width, int64_t channels, const Draw& draw, float* values);

/// torchvision's ColorJitter: the four operations in random order.
/// Draws from ("data/color_jitter", …).
std::vector<Choice> color_jitter(const ColorJitter& options, const Draw& draw);
/// The operations of auto_augment, else of color_jitter, for an image of this size.
/// Draws from ("data/auto_augment", …) or as color_jitter does.
std::vector<Choice> draw_colors(const Augment& augment, const base::Size2& image, const Draw& draw);

}  // namespace swin::data
