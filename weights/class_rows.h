// Rows of a head by the names of their classes: part of weights/adapt.cpp.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace swin::weights {

struct ClassRows {
  std::vector<int64_t> rows;       ///< of the file's head, for each class here; −1: new
  std::vector<std::string> added;  ///< classes without a row, printable
  int64_t num_kept = 0;            ///< rows of the file that are used
  bool same = false;               ///< all rows, in their order
  std::string detail;              ///< "rows by class name: 3 kept, 2 dropped (ant, bee)"
};
/// Names are compared in their composed form (NFC).
/// @param here names of the model's classes.   @param in_file those of the file's head.
ClassRows rows_by_name(const std::vector<std::string>& here,
                       const std::vector<std::string>& in_file);

}  // namespace swin::weights
