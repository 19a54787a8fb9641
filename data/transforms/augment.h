// The draws of the training augmentations. Each is a pure function of (seed, epoch, sample) and its
// own stream, so the order of calls does not matter. data/stages.h applies them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "data/transforms/auto_augment.h"
#include "data/transforms/draw.h"
#include "data/transforms/geometry.h"

namespace swin::data {

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
  /// mmsegmentation's PhotoMetricDistortion; not used together with the other two.
  bool photometric_distortion = false;
  double random_erasing = 0;  ///< probability
  int64_t repeats = 1;        ///< of every image, in a row, each with its own draws
  bool colors() const { return auto_augment || color_jitter.any() || photometric_distortion; }

  // The size of an image whose ratio is kept: at most one of these, which serves instead of fit().
  /// Factor of Preprocess::resize and long_side, uniform; a random crop to at most the size of the
  /// model's input follows. mmsegmentation's Resize(ratio_range) and RandomCrop.
  std::optional<std::array<double, 2>> resize_ratio = std::nullopt;
  /// Factor of the size that fits into the model's input, uniform; the same crop follows.
  std::optional<std::array<double, 2>> large_scale_jitter = std::nullopt;
  /// Instead of Preprocess::resize: one of them, each as likely. Empty: off.
  std::vector<int64_t> short_sides = {};

  /// Of these crops: up to ten are drawn again until no class has this part of the labeled pixels
  /// or more; 1: off.
  double max_class_ratio = 1;
  /// With short_sides, in half of the samples: a random crop with sides of this smallest and
  /// largest number of pixels, of the image at a short side of 2/3, 5/6 or all of the largest.
  std::optional<std::array<int64_t, 2>> detection_crop = std::nullopt;
};

/// Whether samples have sizes of their own; otherwise each has that of the model's input, or is
/// padded to it.
bool sizes_vary(const Preprocess& preprocess, const Augment& augment);

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

/// The size by resize_ratio r: keep_ratio_size with int(resize · r) and int(long_side · r).
/// Draws from ("data/resize_ratio", …).
base::Size2 random_ratio_size(const std::array<double, 2>& ratio, const base::Size2& image,
                              const Preprocess& preprocess, const Draw& draw);
/// torchvision's ScaleJitter: int(side · r · min(height of the input / height, the same of
/// widths)). Draws from ("data/large_scale_jitter", …).
base::Size2 jittered_size(const std::array<double, 2>& scale, const base::Size2& image,
                          const Preprocess& preprocess, const Draw& draw);
/// One of the short sides. Draws from ("data/short_side", …).
int64_t random_short_side(const std::vector<int64_t>& sides, const Draw& draw);
/// A crop of the image at this size to at most that of the model's input, uniform over all that
/// there are. @param annotation of the image, for max_class_ratio. Draws from ("data/crop", …).
Geometry random_part(const base::Size2& image, const base::Size2& size,
                     const Preprocess& preprocess, double max_class_ratio,
                     const Annotation& annotation, const Draw& draw);
/// mmdetection's RandomCrop(absolute_range) of the resized image, as the box of the image that is
/// nearest in whole pixels, so that the image is resized only once.
/// @param size of the image when it is cropped.   Draws from ("data/detection_crop", …).
Geometry detection_crop(const std::array<int64_t, 2>& sides, const base::Size2& image,
                        int64_t short_side, int64_t long_side, const Draw& draw);

/// The geometry of a sample, without the padding to the size of the batch: random resized crop, one
/// of the sizes that keep the ratio, or fit; then random crop and flip.
/// @param image its height and width.   @param annotation of the image.
Geometry draw_geometry(const base::Size2& image, const Preprocess& preprocess,
                       const Augment& augment, const Draw& draw, const Annotation& annotation = {});

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
/// mmsegmentation's PhotoMetricDistortion, each step with probability 0.5: brightness by −32 … 32;
/// contrast by 0.5 … 1.5; in HSV, saturation by 0.5 … 1.5, then hue by −18 … 17 steps of OpenCV's
/// 180 on the circle; a coin decides whether contrast comes before or after them.
/// Draws from ("data/photometric_distortion", …).
std::vector<Choice> photometric_distortion(const Draw& draw);
/// The operations of auto_augment, photometric_distortion, or else color_jitter, for an image of
/// this size. Draws from ("data/auto_augment", …) or as the others do.
std::vector<Choice> draw_colors(const Augment& augment, const base::Size2& image, const Draw& draw);

}  // namespace swin::data
