// Parts of a report's page, as HTML, in the order in which they stand on it.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainers/report/report_run.h"

namespace swin::trainers {

/// Bytes that pictures may still take, so that the page stays small enough to be sent.
struct PictureBudget {
  size_t bytes_left;
  /// <figure> of a picture, or nothing where it does not fit.
  std::string figure(const data::Image& image, const std::string& alternative,
                     const std::string& caption);
};

/// A value of a metric, with four decimals; counts as they are, "–" for none.
std::string metric_text(const std::string& name, double value);

/// Of the whole training, or of the latest line of the log as long as it is not over.
std::optional<double> images_per_second(const ReportedRun& run);

/// State, step, time and speed as large numbers, and each metric with its last and best value.
std::string headline(const ReportedRun& run);
/// The run's charts of log.jsonl.
std::string curves(const ReportedRun& run);
/// The values of a line for each run, in one chart. A run has the same color in all of them.
/// @param line finds it in a run's history; null where it has none
template <class Function>
std::string compared_chart(const ChartTitles& titles, std::span<const ReportedRun> runs,
                           Function line) {
  std::vector<ChartLine> lines;
  for (const ReportedRun& run : runs)
    if (const ChartLine* found = line(run.history); found && !found->points.empty())
      lines.push_back({run.info.name, found->points, static_cast<int>(&run - runs.data())});
  return lines.empty() ? "" : line_chart(titles, lines);
}

/// The last evaluation: the table of classes, who is taken for whom, calibration.
std::string evaluation_tables(const ReportedRun& run);
/// Its pictures: worst mistakes, drawn answers, and where the model looks.
std::string evaluation_pictures(const ReportedRun& run, PictureBudget& budget);

/// Every field of the config with its value and where that comes from.
std::string config_table(const ReportedRun& run);
/// The fields in which the configs of runs differ.
std::string config_differences(std::span<const ReportedRun> runs);
/// What run.json, init.json and bad.jsonl say.
std::string environment(const ReportedRun& run);

/// The page of one run, or of several compared.
std::string report_page(std::span<const ReportedRun> runs);

}  // namespace swin::trainers
