// How the values in a file of a label map become classes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/annotation.h"

namespace swin::data {

class LabelValues {
 public:
  /// In place of a class: the value is beyond the classes.
  static constexpr uint16_t kBeyond = LabelMap::kIgnored - 1;
  static constexpr int64_t kMostClasses = kBeyond;

  /// The rules are those of mmsegmentation.
  /// @param ignore_index this value counts nowhere.   @param reduce_zero_label 0 counts nowhere,
  /// and value v is class v − 1.   @param num_classes values from there on are beyond; 0: any are
  /// classes.
  LabelValues(int64_t ignore_index, bool reduce_zero_label, int64_t num_classes);
  /// A class, LabelMap::kIgnored or kBeyond.
  uint16_t class_of(uint16_t value) const { return classes_[value]; }
  /// The values that are classes, for errors: "0 … 18, or 255 for what is ignored".
  std::string expected() const;

 private:
  int64_t ignore_index_, first_, num_classes_;
  std::vector<uint16_t> classes_;
};

}  // namespace swin::data
