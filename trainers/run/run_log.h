// log.jsonl and bad.jsonl: one JSON object per line, one write per line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/json.h"

namespace swin::trainers {

class RunLog {
 public:
  using Keep = std::function<bool(const base::Json& line)>;
  /// Opens the log to append to it. It keeps its leading lines up to the first one that `keep` does
  /// not accept or that was cut; that line and all after it are dropped. @throws DiskError.
  RunLog(const std::filesystem::path& path, const Keep& keep);
  /// Keeps the lines up to step `step` and up to `epoch` finished epochs (by their `step`, or by
  /// `epoch` if they have none).
  static Keep up_to(int64_t step, int64_t epoch);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  /// Appends a line. @throws DiskError; the log then ends with its last whole line.
  void line(const base::Json& json);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace swin::trainers
