#include "data/coco_segmentation.h"

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "data/run_lengths.h"

namespace swin::data {

namespace {
constexpr char kPlace[] = "segmentation";
constexpr double kFarthest = 1e9;
}  // namespace

void CocoSegmentation::refuse(const std::string& found) const {
  std::string expected = "a list of polygons, each a list of numbers, or {size, counts}";
  if (object_ && key_ == "size") expected = "size as [height, width] in pixels";
  if (object_ && key_ == "counts") expected = "counts as a text, or a list of numbers from 0";
  throw base::DataError(kPlace, "found " + found + ", expected " + expected);
}

void CocoSegmentation::reset() {
  depth_ = 0;
  opened_ = object_ = list_of_counts_ = short_polygons_ = false;
  key_.clear();
  numbers_.clear();
  ends_.clear();
  size_.clear();
  text_.clear();
  runs_.counts.clear();
}

void CocoSegmentation::open(bool object) {
  if (depth_ == 0) {
    object_ = object;
    opened_ = true;
  } else if (object_) {
    const bool known = key_ == "size" || key_ == "counts";
    if (known && (object || depth_ > 1)) refuse(object ? "an object" : "a list in a list");
    if (key_ == "counts") list_of_counts_ = true;
  } else if (object || depth_ > 1) {
    refuse(object ? "an object in a list" : "a list in the list of a polygon");
  }
  ++depth_;
}

void CocoSegmentation::close() {
  --depth_;
  if (!object_ && depth_ == 1) {
    const size_t first = ends_.empty() ? 0 : ends_.back(), count = numbers_.size() - first;
    if (count < 6 || count % 2 != 0) {
      short_polygons_ = true;
      numbers_.resize(first);
    } else {
      ends_.push_back(numbers_.size());
    }
  }
  if (object_ && depth_ == 0) finish_runs();
}

void CocoSegmentation::integer(int64_t value) {
  if (!object_) return real(static_cast<double>(value));
  if (key_ == "size" && depth_ == 2) {
    size_.push_back(value);
  } else if (key_ == "counts") {
    if (depth_ != 2) refuse("the number " + std::to_string(value));
    if (value < 0 || value > std::numeric_limits<uint32_t>::max())
      refuse("a run of " + std::to_string(value) + " pixels");
    runs_.counts.push_back(static_cast<uint32_t>(value));
  }
}

void CocoSegmentation::real(double value) {
  if (object_) {
    if (key_ == "size" || key_ == "counts") refuse("the number " + base::to_text(value));
    return;
  }
  if (depth_ != 2) refuse("the number " + base::to_text(value));
  if (!(std::abs(value) <= kFarthest))
    throw base::DataError(
        kPlace, "found the coordinate " + base::to_text(value) + ", expected pixels, at most 10⁹");
  numbers_.push_back(value);
}

void CocoSegmentation::string(std::string& value) {
  if (!object_ || key_ == "size" || depth_ != 1) refuse("a text");
  if (key_ == "counts") text_ = std::move(value);
}

void CocoSegmentation::finish_runs() {
  key_ = "size";
  if (size_.size() != 2) refuse(std::to_string(size_.size()) + " numbers");
  if (list_of_counts_) {
    runs_.height = size_[0];
    runs_.width = size_[1];
    check_runs(runs_);
  } else {
    runs_ = read_counts(text_, size_[0], size_[1]);
  }
}

Mask CocoSegmentation::mask() const {
  if (object_) return runs_;
  if (ends_.empty()) return {};
  std::vector<Polygon> polygons;
  size_t at = 0;
  for (const size_t last : ends_) {
    Polygon& polygon = polygons.emplace_back();
    polygon.reserve((last - at) / 2);
    for (; at < last; at += 2) polygon.push_back({numbers_[at], numbers_[at + 1]});
  }
  return polygons;
}

}  // namespace swin::data
