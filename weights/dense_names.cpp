#include "weights/dense_names.h"

#include <algorithm>

#include "weights/detector_names.h"
#include "weights/parameter_names.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

bool is_dense_head(std::string_view name) {
  return is_segmenter_head(name) || is_detector_head(name);
}

std::vector<Row> dense_rows(Dialect dialect) {
  std::vector<Row> rows = segmenter_rows(dialect);
  for (Row& row : detector_rows(dialect)) rows.push_back(std::move(row));
  return rows;
}

std::vector<std::string> missing_dense_names(const std::set<std::string>& names,
                                             int64_t num_stages) {
  std::vector<std::string> missing;
  const auto require = [&](std::vector<std::string> lacking) {
    missing.insert(missing.end(), lacking.begin(), lacking.end());
  };
  if (std::any_of(names.begin(), names.end(), is_segmenter_head))
    require(missing_segmenter_names(names, num_stages));
  if (std::any_of(names.begin(), names.end(), is_detector_head))
    require(missing_detector_names(names, num_stages));
  return missing;
}

std::vector<NamedArray> backbone_of(std::span<const NamedArray> arrays) {
  const bool dense = std::any_of(arrays.begin(), arrays.end(), [](const NamedArray& array) {
    return array.name.starts_with(kBackbonePrefix);
  });
  std::vector<NamedArray> backbone;
  for (const NamedArray& array : arrays) {
    if (dense && !array.name.starts_with(kBackbonePrefix)) continue;
    backbone.push_back(array);
    if (dense) backbone.back().name.erase(0, kBackbonePrefix.size());
  }
  return backbone;
}

std::optional<ClassRowsOf> class_rows_of(std::string_view name) {
  if (is_called(name, "head.weight") || is_called(name, "head.bias") ||
      name.starts_with(kClassRows) || name.starts_with(kAuxiliaryClassRows))
    return ClassRowsOf{};
  return detector_class_rows(name);
}

}  // namespace swin::weights
