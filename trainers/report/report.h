// One page of HTML from the folders of runs alone: curves, the last evaluation, config,
// environment.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swin::trainers {

struct ReportOptions {
  std::vector<std::string> runs;      ///< one, or several to be compared
  std::optional<std::string> output;  ///< absent: report.html in the folder of the one run
};

struct ReportResult {
  std::string path;  ///< of the page
  int64_t bytes = 0;
  std::vector<std::string> notes;  ///< what of the runs is missing or damaged
};

/// Writes the page, atomically. A run that is incomplete, running or of an older version gives a
/// page without what it has not.
/// @throws UsageError if a folder is no run, or several runs have no output; DiskError.
ReportResult write_report(const ReportOptions& options);

}  // namespace swin::trainers
