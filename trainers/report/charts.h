// Charts as SVG: whole elements that stand in a page of HTML or alone in a file, with a title for
// screen readers, in colors that are readable on light and on dark ground.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tasks/class_metrics.h"

namespace swin::trainers {

struct ChartTitles {
  std::string title, x, y;  ///< plain texts
};

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< by rising x; not finite: a gap
  int color = -1;  ///< of kLines, dashed beyond their number; below 0: the line's place
};

/// Lines over a common x, with ticks, and a legend if there are several or one has a color of its
/// own. Of a line of many points the means are drawn, on a band from the lowest to the highest
/// ones.
std::string line_chart(const ChartTitles& titles, std::span<const ChartLine> lines);

/// A confusion matrix: row of a label, column of a prediction, shaded by the share of the row.
/// @param names of the classes, at most 100   @param counts names.size() rows of names.size()
std::string matrix_chart(const ChartTitles& titles, const std::vector<std::string>& names,
                         std::span<const int64_t> counts);

/// Accuracy over confidence in bins, with the diagonal of perfect calibration.
std::string reliability_chart(const ChartTitles& titles,
                              std::span<const tasks::CalibrationBin> bins);

}  // namespace swin::trainers
