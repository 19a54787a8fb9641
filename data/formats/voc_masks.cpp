#include "data/formats/voc_masks.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "data/run_lengths.h"

namespace swin::data {
namespace {

constexpr uint32_t kBackground = 0, kBorder = 255, kBorderColor = 0xE0E0C0;
constexpr double kLeastIou = 0.25;
constexpr size_t kMostMasks = 4096, kMostPairs = 1 << 20;

struct Pair {
  double iou;
  size_t object, value;
};

double iou(const BoundingBox& a, const BoundingBox& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a.area() + b.area() - width * height);
}

// The number of every pixel's object: a value or a color.
std::vector<uint32_t> numbers_of(const LabelPixels& pixels) {
  if (pixels.colors.empty()) return {pixels.values.begin(), pixels.values.end()};
  std::vector<uint32_t> numbers(pixels.colors.size() / 3);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint8_t* color = pixels.colors.data() + 3 * i;
    numbers[i] = uint32_t{color[0]} << 16 | uint32_t{color[1]} << 8 | color[2];
  }
  return numbers;
}

// Ascending, without background and border.
std::vector<uint32_t> values_of(const std::vector<uint32_t>& numbers, uint32_t border,
                                const std::string& name) {
  std::set<uint32_t> values;
  uint32_t last = kBackground;
  for (const uint32_t number : numbers) {
    if (number == last || number == kBackground || number == border) continue;
    values.insert(last = number);
    if (values.size() > kMostMasks)
      throw base::DataError(name, "found more than " + std::to_string(kMostMasks) +
                                      " values, expected one for each object");
  }
  return {values.begin(), values.end()};
}

// The mask of each value.
std::vector<RunLengths> runs_of(const std::vector<uint32_t>& numbers,
                                const std::vector<uint32_t>& values, int64_t height,
                                int64_t width) {
  std::vector<RunLengths> masks(values.size(), RunLengths{height, width, {}});
  std::vector<int64_t> end(values.size(), 0);  // of the last run
  for (int64_t at = 0; at < height * width; ++at) {
    const uint32_t number = numbers[static_cast<size_t>(at % height * width + at / height)];
    const auto value = std::lower_bound(values.begin(), values.end(), number);
    if (value == values.end() || *value != number) continue;
    const auto v = static_cast<size_t>(value - values.begin());
    std::vector<uint32_t>& counts = masks[v].counts;
    if (counts.empty() || end[v] != at) {
      counts.push_back(static_cast<uint32_t>(at - end[v]));
      counts.push_back(0);
    }
    ++counts.back();
    end[v] = at + 1;
  }
  for (size_t v = 0; v < values.size(); ++v)
    if (end[v] < height * width)
      masks[v].counts.push_back(static_cast<uint32_t>(height * width - end[v]));
  return masks;
}

}  // namespace

void add_voc_masks(const LabelPixels& pixels, const std::string& name, Objects& all,
                   PassedOverList& left_out) {
  const int64_t height = pixels.height, width = pixels.width;
  if (height != all.height || width != all.width)
    throw base::DataError(name,
                          "found masks of " + base::size_text(height, width) +
                              " pixels, expected the " + base::size_text(all.height, all.width) +
                              " of the image",
                          "correct or remove it");
  const std::vector<uint32_t> numbers = numbers_of(pixels);
  const std::vector<uint32_t> values =
      values_of(numbers, pixels.colors.empty() ? kBorder : kBorderColor, name);
  std::vector<RunLengths> masks = runs_of(numbers, values, height, width);

  std::vector<Pair> pairs;
  for (size_t value = 0; value < values.size(); ++value) {
    const BoundingBox box = box_of(masks[value]);
    for (size_t object = 0; object < all.objects.size(); ++object)
      if (const double both = iou(all.objects[object].box, box); both >= kLeastIou)
        pairs.push_back({both, object, value});
    if (pairs.size() > kMostPairs)
      throw base::DataError(name, "found more than " + std::to_string(kMostPairs) +
                                      " pairs of boxes and masks that overlap, expected fewer");
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tie(b.iou, a.object, a.value) < std::tie(a.iou, b.object, b.value);
  });
  std::vector<bool> has_mask(all.objects.size()), taken(values.size());
  for (const Pair& pair : pairs) {
    if (has_mask[pair.object] || taken[pair.value]) continue;
    has_mask[pair.object] = taken[pair.value] = true;
    Object& object = all.objects[pair.object];
    object.mask = std::move(masks[pair.value]);
    object.area = area_of(object.mask);
  }
  for (size_t value = 0; value < values.size(); ++value)
    if (!taken[value])
      left_out.add("mask without an object", name + ": value " + std::to_string(values[value]));
}

}  // namespace swin::data
