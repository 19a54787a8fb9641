// log.jsonl and bad.jsonl: one JSON object a line, one write a line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/json.h"

namespace swin::trainers {

class RunLog {
 public:
  using Keep = std::function<bool(const base::Json& line)>;
  /// Opens the log to go on behind the last of its first lines that `keep` accepts; the others, and
  /// a line that was cut, are dropped. @throws DiskError.
  RunLog(const std::filesystem::path& path, const Keep& keep);
  /// The lines up to step `step` and `epoch` finished epochs (by their `step`, or `epoch` where
  /// they have none).
  static Keep up_to(int64_t step, int64_t epoch);
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
