// The geometry of a sample of training, drawn.
#include <algorithm>
#include <utility>

#include "data/transforms/augment.h"

namespace swin::data {
namespace {

constexpr uint64_t kTries = 10;  // of another crop

// Side and begin of a crop along one axis of a resized image, as a range of the image itself.
struct Range {
  int64_t begin, size;
};
Range in_image(int64_t begin, int64_t size, int64_t resized, int64_t original) {
  const auto nearest = [&](int64_t at) { return (2 * at * original + resized) / (2 * resized); };
  const int64_t first = std::min(nearest(begin), original - 1);
  return {first, std::max<int64_t>(nearest(begin + size) - first, 1)};
}

}  // namespace

bool sizes_vary(const Preprocess& preprocess, const Augment& augment) {
  return preprocess.long_side && !augment.random_resized_crop && !augment.resize_ratio &&
         !augment.large_scale_jitter;
}

base::Size2 random_ratio_size(const std::array<double, 2>& ratio, const base::Size2& image,
                              const Preprocess& preprocess, const Draw& draw) {
  const double drawn = uniform(draw.random("data/resize_ratio"), 0, ratio[0], ratio[1]);
  const int64_t long_side = preprocess.long_side.value_or(preprocess.width);
  const auto scaled = [&](int64_t side) {
    return static_cast<int64_t>(static_cast<double>(side) * drawn);
  };
  return keep_ratio_size(image, scaled(preprocess.resize.value_or(long_side)), scaled(long_side));
}

base::Size2 jittered_size(const std::array<double, 2>& scale, const base::Size2& image,
                          const Preprocess& preprocess, const Draw& draw) {
  const auto height = static_cast<double>(image[0]), width = static_cast<double>(image[1]);
  const double drawn = std::min(static_cast<double>(preprocess.height) / height,
                                static_cast<double>(preprocess.width) / width) *
                       uniform(draw.random("data/large_scale_jitter"), 0, scale[0], scale[1]);
  return {std::max<int64_t>(1, static_cast<int64_t>(height * drawn)),
          std::max<int64_t>(1, static_cast<int64_t>(width * drawn))};
}

int64_t random_short_side(const std::vector<int64_t>& sides, const Draw& draw) {
  return sides[static_cast<size_t>(
      below(draw.random("data/short_side"), 0, static_cast<int64_t>(sides.size())))];
}

Geometry random_part(const base::Size2& image, const base::Size2& size,
                     const Preprocess& preprocess, double max_class_ratio,
                     const Annotation& annotation, const Draw& draw) {
  const base::Random random = draw.random("data/crop");
  const auto* map = max_class_ratio < 1 ? std::get_if<LabelMap>(&annotation) : nullptr;
  Geometry geometry = resized(image, size);
  Box& part = geometry.window;
  part.height = std::min(size[0], preprocess.height);
  part.width = std::min(size[1], preprocess.width);
  for (uint64_t tried = 0;; ++tried) {
    part.top = below(random, 2 * tried, size[0] - part.height + 1);
    part.left = below(random, 2 * tried + 1, size[1] - part.width + 1);
    geometry.visible = part;
    if (!map || tried == kTries || largest_class_ratio(geometry, *map) < max_class_ratio)
      return geometry;
  }
}

Geometry detection_crop(const std::array<int64_t, 2>& sides, const base::Size2& image,
                        int64_t short_side, int64_t long_side, const Draw& draw) {
  const base::Random random = draw.random("data/detection_crop");
  const int64_t first = sides[1] * (4 + below(random, 1, 3)) / 6;
  const base::Size2 size = keep_ratio_size(image, first, long_side);
  base::Size2 cropped;
  Range ranges[2];
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t least = std::min(size[axis], sides[0]), most = std::min(size[axis], sides[1]);
    cropped[axis] = least + below(random, 2 + 2 * axis, most - least + 1);
    const int64_t begin = below(random, 3 + 2 * axis, size[axis] - cropped[axis] + 1);
    ranges[axis] = in_image(begin, cropped[axis], size[axis], image[axis]);
  }
  Geometry geometry = resized(image, keep_ratio_size(cropped, short_side, long_side));
  geometry.crop = {ranges[0].begin, ranges[1].begin, ranges[0].size, ranges[1].size};
  return geometry;
}

namespace {

Geometry with_short_side(const base::Size2& image, const Preprocess& preprocess,
                         const Augment& augment, const Draw& draw) {
  const int64_t side = random_short_side(augment.short_sides, draw);
  const int64_t long_side = preprocess.long_side.value_or(side);
  if (augment.detection_crop && below(draw.random("data/detection_crop"), 0, 2) == 1)
    return detection_crop(*augment.detection_crop, image, side, long_side, draw);
  return resized(image, keep_ratio_size(image, side, long_side));
}

}  // namespace

Geometry draw_geometry(const base::Size2& image, const Preprocess& preprocess,
                       const Augment& augment, const Draw& draw, const Annotation& annotation) {
  Geometry geometry;
  const auto part_of = [&](const base::Size2& size) {
    return random_part(image, size, preprocess, augment.max_class_ratio, annotation, draw);
  };
  if (augment.random_resized_crop) {
    geometry = unchanged({preprocess.height, preprocess.width});
    geometry.crop = random_resized_crop(*augment.random_resized_crop, image[0], image[1], draw);
  } else if (augment.resize_ratio) {
    geometry = part_of(random_ratio_size(*augment.resize_ratio, image, preprocess, draw));
  } else if (augment.large_scale_jitter) {
    geometry = part_of(jittered_size(*augment.large_scale_jitter, image, preprocess, draw));
  } else if (!augment.short_sides.empty()) {
    geometry = with_short_side(image, preprocess, augment, draw);
  } else {
    geometry = fit(image, preprocess);
  }
  if (augment.random_crop > 0) {
    const Corner corner = random_crop(augment.random_crop, draw);
    geometry.window.top += corner.top;
    geometry.window.left += corner.left;
  }
  geometry.flip = augment.horizontal_flip > 0 && random_flip(augment.horizontal_flip, draw);
  return geometry;
}

}  // namespace swin::data
