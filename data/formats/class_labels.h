// Labels as people write them, names or numbers, into class numbers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace swin::data {

/// Collects the labels of a data set, each with its first place, and numbers the classes at the
/// end. Where a file `classes.txt` (a class name a line, in order) lies beside the data, labels are
/// its names, or numbers in its range. Otherwise, where all labels are whole numbers they are the
/// class numbers, and else they are names, numbered in the order of their bytes.
class ClassLabels {
 public:
  /// @param folder where classes.txt is looked for.   @param num_classes that numbers must be
  /// below, 0: as many as there are.   @throws DataError for a classes.txt that is no list of
  /// names.
  ClassLabels(const std::string& folder, int64_t num_classes);

  /// A provisional number, the same for the same text. Spaces around it do not count.
  /// @param where "file:line" of the label.   @throws DataError where it is empty.
  int32_t add(std::string_view text, const std::string& where);

  /// @param labels provisional numbers, replaced by class numbers.   @return the names of the
  /// classes.   @throws DataError naming the first place of a label that is unknown or out of
  /// range.
  std::vector<std::string> finish(std::vector<int32_t>& labels) const;

 private:
  struct Label {
    std::string text, where;
  };
  int32_t class_of_list(const Label& label) const;
  std::vector<std::string> number(std::vector<int32_t>& classes) const;

  std::string list_file_;  // classes.txt; empty where there is none
  int64_t num_classes_;
  std::vector<std::string> listed_;
  std::unordered_map<std::string, int32_t> listed_number_, found_;
  std::vector<Label> labels_;
};

}  // namespace swin::data
