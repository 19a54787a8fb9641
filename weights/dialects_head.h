// The classification head as training scripts make it: a linear layer, or a Sequential with one.
#pragma once
#include <string>
#include <vector>

#include "weights/dialects_reader.h"

namespace swin::weights {

/// The layers of a head that are not the dialect's own: "head.1" of Sequential(Dropout, Linear).
struct Head {
  std::vector<std::string> layers;  ///< with parameters, as the file calls them
  std::vector<size_t> items;        ///< indices of their arrays
  bool is_linear = false;           ///< one layer, of a matrix and perhaps a bias
  /// Those of `items`: the dialect's name of each, where is_linear.
  std::vector<std::string> names;
};

/// Without layers if the head has the dialect's own names, or there is none.
/// @param rows of the dialect and model.
Head unusual_head(const std::vector<Item>& items, const std::vector<Row>& rows, Dialect dialect);

}  // namespace swin::weights
