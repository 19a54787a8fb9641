// log.jsonl: one JSON object a line, one write a line.
#pragma once
#include <cstdint>
#include <filesystem>

#include "base/json.h"

namespace swin::trainers {

class RunLog {
 public:
  /// Opens the log to go on behind update `step` and `epoch` finished epochs: lines of later ones
  /// (their `step`, or `epoch` where they have none), and a line that was cut, are dropped.
  /// @throws DiskError.
  RunLog(const std::filesystem::path& path, int64_t step, int64_t epoch);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  /// @throws DiskError; the log then ends with its last whole line.
  void line(const base::Json& json);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace swin::trainers
