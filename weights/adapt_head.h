// Which rows of a file's head become those of a model's: part of weights/adapt.cpp.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "weights/adapt.h"
#include "weights/dense_names.h"

namespace swin::weights {

/// The decision for all layers whose rows are the classes: a classifier's head, a segmenter's
/// conv_seg, a detector's fc_cls, fc_reg and conv_logits.
class HeadRows {
 public:
  using Find = std::function<const NamedArray*(const std::string& name)>;

  /// @param find the array of a file by its name among the model's parameters; null if absent.
  /// @throws base::WeightError, base::UsageError as adapt_weights.
  HeadRows(const Parameters& parameters, const WeightFile& file, const AdaptOptions& options,
           const Find& find);

  /// Why the head keeps its initial values; empty if it is loaded.
  const std::string& reason() const { return reason_; }
  /// What is done with the rows, for the report; empty where they stay as they are.
  const std::string& detail() const { return detail_; }
  /// Whether the rows stay as they are.
  bool as_they_are() const { return rows_.empty(); }
  /// Those of the file for each row of an array of the head; −1: new.
  /// @param count rows of the model's array.
  /// @param in_file rows of the file's array.
  /// @return empty if the array has other rows than its name says.
  std::vector<int64_t> of(const std::string& name, int64_t count, int64_t in_file) const;

 private:
  void take_class_rows();
  void take_rows_by_name();
  bool has_named_rows() const;

  const WeightFile& file_;
  const AdaptOptions& options_;
  const layers::ParameterEntry* weight_ = nullptr;  // of the model's classes
  const NamedArray *found_ = nullptr, *bias_ = nullptr;
  ClassRowsOf kind_;           // of weight_
  int64_t classes_ = 0;        // of the model
  std::vector<int64_t> rows_;  // the file's class for each class here; −1: new
  std::string reason_, detail_;
};

}  // namespace swin::weights
