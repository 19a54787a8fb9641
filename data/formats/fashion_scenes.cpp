// Scenes of several items of a set in the format mnist, such as Fashion-MNIST, on a textured
// canvas, with exact objects and label maps: what detection and segmentation learn from without any
// other file. An image is a function of (seed, split, its index, size, the items), computed in
// integers, so that the bytes are equal on every machine.
#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "data/formats/formats.h"
#include "files/digest.h"

namespace swin::data {
namespace {

constexpr uint32_t kMostItems = 6;
// Scales of an item of 28 pixels on a canvas of 128, in thousandths: 20 to 70 pixels.
constexpr int64_t kSmallestScale = 700, kLargestScale = 2500;
constexpr int64_t kReferenceItem = 28, kReferenceCanvas = 128;
// A place is drawn again if it hides more than this part of an earlier item, in percent.
constexpr int64_t kMostHidden = 60;
constexpr uint64_t kAttempts = 8;
constexpr uint8_t kInk = 8;  // grays below it are the paper around an item
constexpr int64_t kSmallestSide = 32, kLargestSide = 1024, kLargestItem = 256;

// An item at its size in the scene.
struct Item {
  int64_t class_index = 0;
  int64_t top = 0, left = 0, height = 0, width = 0;
  std::vector<uint8_t> gray;      // (height, width)
  std::vector<uint8_t> coverage;  // (height, width), of 255; the item is where it is above a half
  Color tint{};
  int64_t pixels = 0, visible = 0;

  bool covers(int64_t at) const { return coverage[static_cast<size_t>(at)] > 127; }
};

struct Scene {
  std::vector<Item> items;     // later ones lie over earlier ones
  std::vector<uint8_t> owner;  // (height, width): 1 + the index of the item that is seen; 0: none
};

// Bilinear interpolation in 1/256 of a pixel, with the edge continued; value(y, x) is in 0 … 255.
template <class Value>
int64_t interpolated(const Value& value, int64_t y, int64_t x, int64_t height, int64_t width) {
  y = std::clamp<int64_t>(y, 0, (height - 1) * 256);
  x = std::clamp<int64_t>(x, 0, (width - 1) * 256);
  const int64_t top = y / 256, left = x / 256, fy = y % 256, fx = x % 256;
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  return ((value(top, left) * (256 - fx) + value(top, right) * fx) * (256 - fy) +
          (value(bottom, left) * (256 - fx) + value(bottom, right) * fx) * fy) >>
         16;
}

class FashionScenes : public Dataset {
 public:
  explicit FashionScenes(const DatasetOptions& options)
      : seed_(options.seed),
        size_(options.synthetic_samples),
        height_(options.synthetic_size[0]),
        width_(options.synthetic_size[1]),
        channels_(options.channels),
        split_(options.split == Split::train ? Split::train : Split::test),
        kind_(options.annotation == AnnotationKind::label_map ? AnnotationKind::label_map
                                                              : AnnotationKind::objects) {
    if (size_ < 1)
      throw base::UsageError("data.samples",
                             "found " + std::to_string(size_) + ", expected at least 1");
    if (std::min(height_, width_) < kSmallestSide || std::max(height_, width_) > kLargestSide)
      throw base::UsageError("model.image_size", "found " + base::size_text(height_, width_) +
                                                     ", expected sides of 32 … 1024 pixels for "
                                                     "fashion_scenes");
    DatasetOptions of_items = options;
    of_items.channels = 1;
    of_items.split = split_;
    items_ = open_mnist(of_items);
    const base::Size2 item = items_->size(0);
    if (std::max(item[0], item[1]) > kLargestItem)
      throw base::DataError(
          options.path,
          "found items of " + base::size_text(item) + " pixels, expected sides of at most 256",
          "correct " + options.path_field);
    if (kind_ == AnnotationKind::label_map) class_names_.push_back("background");
    for (const std::string& name : items_->class_names()) class_names_.push_back(name);
    stream_ = std::string("data/fashion_scenes/") + split_name(split_);
    const std::string recipe = stream_ + " 1 " + std::to_string(seed_) + " " +
                               std::to_string(size_) + " " + base::size_text(height_, width_) +
                               " " + std::to_string(channels_) + " " + items_->fingerprint();
    fingerprint_ = files::to_hex(files::sha256(std::as_bytes(std::span(recipe))));
  }

  int64_t size() const override { return size_; }
  base::Size2 size(int64_t) const override { return {height_, width_}; }
  AnnotationKind annotation_kind() const override { return kind_; }
  int64_t stratum(int64_t) const override { return 0; }
  std::string name(int64_t i) const override {
    return std::string("fashion_scenes ") + split_name(split_) + " #" + std::to_string(i);
  }
  std::vector<ListedFile> files() const override { return items_->files(); }

  Annotation annotation(int64_t i) const override {
    const Scene scene = arrange(i);
    return kind_ == AnnotationKind::label_map ? Annotation(label_map(scene)) : objects(scene);
  }

  void load(int64_t i, Image& image) const override {
    Image drawn;
    Image& color = channels_ == 3 ? image : drawn;
    color.reshape(height_, width_, 3);
    draw_canvas(i, color);
    for (const Item& item : arrange(i).items) draw(item, color);
    add_grain(i, color);
    if (channels_ == 1) convert_channels(drawn, 1, image);
  }

 private:
  base::Random random(int64_t i, const std::string& what) const {
    return base::Random(seed_, stream_ + what, 0, static_cast<uint64_t>(i));
  }

  // Draws of an item: what it is, then where, for each attempt.
  static constexpr uint64_t kDraws = 8, kDrawsOfItem = kDraws * (kAttempts + 1);

  Scene arrange(int64_t i) const {
    Scene scene;
    scene.owner.resize(static_cast<size_t>(height_ * width_));
    const base::Random random = this->random(i, "");
    const uint32_t count = 1 + random.below(0, kMostItems);
    for (uint32_t k = 0; k < count; ++k) {
      const uint64_t first = kDrawsOfItem * (k + 1);
      Item item = make_item(random, first);
      for (uint64_t attempt = 1; attempt <= kAttempts; ++attempt) {
        const uint64_t at = first + kDraws * attempt;
        item.top = random.below(at, static_cast<uint32_t>(height_ - item.height + 1));
        item.left = random.below(at + 1, static_cast<uint32_t>(width_ - item.width + 1));
        if (item.pixels == 0 || !place(item, scene)) continue;
        scene.items.push_back(std::move(item));
        break;
      }
    }
    return scene;
  }

  Item make_item(const base::Random& random, uint64_t first) const {
    const auto index =
        static_cast<int64_t>(random.below(first, static_cast<uint32_t>(items_->size())));
    Image image;
    items_->load(index, image);
    Item item;
    item.class_index = items_->stratum(index);
    const int64_t scale =
        kSmallestScale + random.below(first + 1, kLargestScale - kSmallestScale + 1);
    const int64_t side =
        kReferenceItem * scale * std::min(height_, width_) / (1000 * kReferenceCanvas);
    const int64_t longest = std::max(image.height, image.width);
    item.height = std::max<int64_t>(1, side * image.height / longest);
    item.width = std::max<int64_t>(1, side * image.width / longest);
    for (uint64_t c = 0; c < 3; ++c)
      item.tint[c] = static_cast<uint8_t>(64 + random.below(first + 2 + c, 192));
    const auto gray = [&](int64_t y, int64_t x) { return int64_t{image.row(y)[x]}; };
    const auto inside = [&](int64_t y, int64_t x) {
      return int64_t{image.row(y)[x] < kInk ? 0 : 255};
    };
    for (int64_t y = 0; y < item.height; ++y)
      for (int64_t x = 0; x < item.width; ++x) {
        const int64_t from_y = (2 * y + 1) * image.height * 128 / item.height - 128;
        const int64_t from_x = (2 * x + 1) * image.width * 128 / item.width - 128;
        const auto value = [&](const auto& of) {
          return static_cast<uint8_t>(interpolated(of, from_y, from_x, image.height, image.width));
        };
        item.gray.push_back(value(gray));
        item.coverage.push_back(value(inside));
        item.pixels += item.coverage.back() > 127;
      }
    return item;
  }

  // Puts the item over the others, unless it hides too much of one.
  bool place(Item& item, Scene& scene) const {
    std::array<int64_t, kMostItems + 1> hidden{};
    for_pixels(item, [&](size_t, size_t pixel) { ++hidden[scene.owner[pixel]]; });
    for (size_t k = 0; k < scene.items.size(); ++k) {
      const Item& earlier = scene.items[k];
      if ((earlier.visible - hidden[k + 1]) * 100 < earlier.pixels * (100 - kMostHidden))
        return false;
    }
    for (size_t k = 0; k < scene.items.size(); ++k) scene.items[k].visible -= hidden[k + 1];
    const auto own = static_cast<uint8_t>(scene.items.size() + 1);
    for_pixels(item, [&](size_t, size_t pixel) { scene.owner[pixel] = own; });
    item.visible = item.pixels;
    return true;
  }

  // visit(place in the item, place in the scene) for every pixel of the item.
  template <class Visit>
  void for_pixels(const Item& item, Visit&& visit) const {
    for (int64_t y = 0; y < item.height; ++y)
      for (int64_t x = 0; x < item.width; ++x)
        if (const int64_t at = y * item.width + x; item.covers(at))
          visit(static_cast<size_t>(at),
                static_cast<size_t>((item.top + y) * width_ + item.left + x));
  }

  LabelMap label_map(const Scene& scene) const {
    LabelMap map{height_, width_, {}};
    for (const uint8_t owner : scene.owner)
      map.classes.push_back(owner == 0
                                ? uint16_t{0}
                                : static_cast<uint16_t>(1 + scene.items[owner - 1u].class_index));
    return map;
  }

  Objects objects(const Scene& scene) const {
    Objects all{height_, width_, {}};
    std::vector<uint8_t> mask(scene.owner.size());
    for (size_t k = 0; k < scene.items.size(); ++k) {
      for (size_t at = 0; at < mask.size(); ++at) mask[at] = scene.owner[at] == k + 1;
      all.objects.push_back(
          object_of_pixels(mask, height_, width_, scene.items[k].class_index).value());
    }
    return all;
  }

  // Two colors, mixed by noise of a coarse and a fine grid.
  void draw_canvas(int64_t i, Image& image) const {
    constexpr int64_t kCoarse = 5, kFine = 23;  // points of the grids in each direction
    const base::Random random = this->random(i, "/canvas");
    int64_t from[3], to[3];
    for (uint64_t c = 0; c < 3; ++c) {
      from[c] = random.below(c, 256);
      to[c] = random.below(3 + c, 256);
    }
    const auto grid = [&](uint64_t first, int64_t points) {
      std::vector<int64_t> values;
      for (int64_t p = 0; p < points * points; ++p)
        values.push_back(random.below(first + static_cast<uint64_t>(p), 256));
      return values;
    };
    const std::vector<int64_t> coarse = grid(16, kCoarse), fine = grid(64, kFine);
    for (int64_t y = 0; y < height_; ++y) {
      uint8_t* row = image.row(y);
      for (int64_t x = 0; x < width_; ++x) {
        const auto at = [&](const std::vector<int64_t>& values, int64_t points) {
          const auto value = [&](int64_t v, int64_t u) {
            return values[static_cast<size_t>(v * points + u)];
          };
          return interpolated(value, y * (points - 1) * 256 / height_,
                              x * (points - 1) * 256 / width_, points, points);
        };
        const int64_t share = (3 * at(coarse, kCoarse) + at(fine, kFine)) / 4;
        for (int64_t c = 0; c < 3; ++c)
          *row++ = static_cast<uint8_t>((from[c] * (255 - share) + to[c] * share) / 255);
      }
    }
  }

  // The edge is soft inside of the item, so that its mask is where anything of it is seen.
  void draw(const Item& item, Image& image) const {
    for_pixels(item, [&](size_t at, size_t pixel) {
      const int64_t alpha = 2 * item.coverage[at] - 255, light = 64 + item.gray[at] * 3 / 4;
      uint8_t* to = image.pixels.data() + 3 * pixel;
      for (size_t c = 0; c < 3; ++c) {
        const int64_t ink = item.tint[c] * light / 255;
        to[c] = static_cast<uint8_t>((to[c] * (255 - alpha) + ink * alpha) / 255);
      }
    });
  }

  void add_grain(int64_t i, Image& image) const {
    constexpr uint32_t kGrain = 21;  // −10 … 10
    const base::Random random = this->random(i, "/grain");
    std::array<uint32_t, 4> words{};
    for (size_t p = 0; p < image.pixels.size(); ++p) {
      if (p % 16 == 0) words = random.block(p / 16);  // a byte for each value
      const uint32_t byte = words[p / 4 % 4] >> (8 * (p % 4)) & 255;
      const int grain = static_cast<int>(byte * kGrain >> 8) - 10;
      image.pixels[p] = static_cast<uint8_t>(std::clamp(image.pixels[p] + grain, 0, 255));
    }
  }

  const uint64_t seed_;
  const int64_t size_, height_, width_, channels_;
  const Split split_;
  const AnnotationKind kind_;
  std::unique_ptr<Dataset> items_;
  std::string stream_;
};

}  // namespace

std::unique_ptr<Dataset> open_fashion_scenes(const DatasetOptions& options) {
  return std::make_unique<FashionScenes>(options);
}

}  // namespace swin::data
