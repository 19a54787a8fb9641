// The field "segmentation" of COCO JSON: [[x, y, x, y, …], …], or {"size": [height, width],
// "counts": a list or a text}.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/annotation.h"

namespace swin::data {

/// Reads one segmentation from its tokens, then another after reset().
/// @throws base::DataError from its methods, with "segmentation" or the like for the place.
class CocoSegmentation final : public base::JsonVisitor {
 public:
  void null() override { refuse("null"); }
  void boolean(bool) override { refuse("a boolean"); }
  void integer(int64_t value) override;
  void real(double value) override;
  void string(std::string& value) override;
  void key(std::string& name) override { key_ = name; }
  void open(bool object) override;
  void close() override;

  /// Forgets all but its memory.
  void reset();
  /// All of it was read.
  bool done() const { return opened_ && depth_ == 0; }
  /// Polygons of at least 3 points, or runs that cover their size; none of `[]`, and where no
  /// polygon is left.
  Mask mask() const;
  /// A polygon was left out: an odd count of numbers, or less than 6.
  bool short_polygons() const { return short_polygons_; }

 private:
  [[noreturn]] void refuse(const std::string& found) const;
  void finish_runs();

  int depth_ = 0;
  bool opened_ = false, object_ = false, list_of_counts_ = false, short_polygons_ = false;
  std::string key_;
  std::vector<double> numbers_;  // x, y of all polygons
  std::vector<size_t> ends_;     // of each polygon in numbers_
  std::vector<int64_t> size_;
  std::string text_;
  RunLengths runs_;
};

}  // namespace swin::data
