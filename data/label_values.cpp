#include "data/label_values.h"

namespace swin::data {

LabelValues::LabelValues(int64_t ignore_index, bool reduce_zero_label, int64_t num_classes)
    : ignore_index_(ignore_index),
      first_(reduce_zero_label ? 1 : 0),
      num_classes_(num_classes > 0 ? num_classes : kMostClasses),
      classes_(65536, kBeyond) {
  for (int64_t value = 0; value < static_cast<int64_t>(classes_.size()); ++value) {
    uint16_t& to = classes_[static_cast<size_t>(value)];
    if (value == ignore_index || value < first_)
      to = LabelMap::kIgnored;
    else if (value - first_ < num_classes_)
      to = static_cast<uint16_t>(value - first_);
  }
}

std::string LabelValues::expected() const {
  return std::to_string(first_) + " … " + std::to_string(first_ + num_classes_ - 1) + ", or " +
         (first_ > 0 ? "0 and " : "") + std::to_string(ignore_index_) + " for what is ignored";
}

}  // namespace swin::data
