// A data set of images of several sizes, with annotations.
#pragma once
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "data/dataset.h"
#include "tests/data/test_files.h"

namespace swin::data {

class SizedImages : public Dataset {
 public:
  explicit SizedImages(std::vector<base::Size2> sizes,
                       AnnotationKind kind = AnnotationKind::label_map)
      : sizes_(std::move(sizes)), kind_(kind) {
    class_names_ = {"a", "b", "c", "d"};
  }
  int64_t size() const override { return static_cast<int64_t>(sizes_.size()); }
  int64_t stratum(int64_t) const override { return 0; }
  std::string name(int64_t i) const override { return "image " + std::to_string(i); }
  base::Size2 size(int64_t i) const override {
    ++sizes_read;
    if (contains(no_header, i)) throw base::DataError(name(i), "found no header");
    return sizes_[static_cast<size_t>(i)];
  }
  Annotation annotation(int64_t i) const override {
    const auto [height, width] = sizes_[static_cast<size_t>(i)];
    if (kind_ == AnnotationKind::objects) return objects_of(height, width);
    if (kind_ == AnnotationKind::label_map) return map_of(height, width);
    return OneClass{i % 4};
  }
  void load(int64_t i, Image& image) const override {
    ++loads;
    if (contains(no_header, i) || contains(no_pixels, i))
      throw base::DataError(name(i), "found no pixels");
    const auto [height, width] = sizes_[static_cast<size_t>(i)];
    image.reshape(height, width, 3);
    image.pixels = noise(height * width * 3);
  }

  /// map_of() in scripts/reference/make_segmentation_goldens.py.
  static LabelMap map_of(int64_t height, int64_t width) {
    LabelMap map{height, width, {}};
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        map.classes.push_back(y % 11 == 0 ? LabelMap::kIgnored
                              : x < width * 6 / 10
                                  ? uint16_t{0}
                                  : static_cast<uint16_t>((y / 5 + x / 5) % 3 + 1));
    return map;
  }
  static Objects objects_of(int64_t height, int64_t width) {
    const auto h = static_cast<double>(height), w = static_cast<double>(width);
    const std::vector<Polygon> triangle = {{{w / 4, h / 4}, {w, h / 4}, {w / 4, h}}};
    return {height,
            width,
            {{{0, 0, w / 2, h / 2}, 1, {}, false, w * h / 4},
             {{w / 4, h / 4, w, h}, 2, triangle, false, area_of(Mask(triangle))}}};
  }

  std::vector<int64_t> no_header, no_pixels;
  mutable std::atomic<int> sizes_read = 0, loads = 0;

 private:
  static bool contains(const std::vector<int64_t>& list, int64_t i) {
    return std::ranges::find(list, i) != list.end();
  }
  const std::vector<base::Size2> sizes_;
  const AnnotationKind kind_;
};

}  // namespace swin::data
