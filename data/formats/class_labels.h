// Converts labels as written, names or numbers, to class indices.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace swin::data {

/// The names of a classes.txt: one a line, in order, composed (NFC), without spaces around them.
/// @throws DataError naming the line of an empty or repeated name; or if there is none.
std::vector<std::string> read_class_list(const std::string& file);

/// Collects the labels of a data set, each with where it occurred first, and numbers the classes at
/// the end. If the folder has a file `classes.txt` (one class name per line, in order), labels are
/// its names or indices of them. Otherwise, if all labels are integers and one of them is no known
/// name, they are the class indices; if not, they are names, numbered in the order of their bytes.
/// Names are compared composed (NFC).
class ClassLabels {
 public:
  /// @param folder may contain classes.txt.   @param num_classes numbers must be below it; 0: the
  /// labels determine it.   @param known names that labels may have although they look like
  /// numbers.   @throws DataError if classes.txt is not a list of names.
  ClassLabels(const std::string& folder, int64_t num_classes,
              const std::vector<std::string>& known = {});

  /// @return a provisional index, the same for the same text. Ignores spaces around the text.
  /// @param where "file:line" of the label.   @throws DataError if the text is empty.
  int32_t add(std::string_view text, const std::string& where);

  /// @param labels provisional indices, replaced by class indices.   @return the names of the
  /// classes.   @throws DataError naming where an unknown or out-of-range label occurred first.
  std::vector<std::string> finish(std::vector<int32_t>& labels) const;

 private:
  struct Label {
    std::string text, where;
  };
  std::vector<int32_t> classes_of_list() const;
  bool are_numbers() const;
  std::vector<std::string> number(std::vector<int32_t>& classes) const;

  std::string list_file_;  // the path of classes.txt; empty if there is none
  int64_t num_classes_;
  std::vector<std::string> listed_;
  std::unordered_map<std::string, int32_t> listed_number_, found_;
  std::unordered_set<std::string> known_;
  std::vector<Label> labels_;
};

}  // namespace swin::data
