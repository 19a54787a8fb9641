// log.jsonl and bad.jsonl: one JSON object per line, one write per line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/json.h"
#include "trainers/report/append_file.h"
#include "trainers/report/run_listener.h"

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
  /// Appends a line. @throws DiskError; the log then ends with its last whole line.
  void line(const base::Json& json);

 private:
  static int64_t kept_bytes(const std::filesystem::path& path, const Keep& keep);
  AppendFile file_;
};

/// Whether a member of a step's line is a loss: all but those that every step has.
bool is_loss(std::string_view name);

/// Writes log.jsonl: a line each `every_steps` steps and at the last one, and one per epoch.
class LogListener : public RunListener {
 public:
  using LineTaker = std::function<void(const base::Json& line)>;
  /// @param step, epoch finished so far; later lines, of an abandoned branch, are cut off.
  /// @param also gets each line of a step once it is in the log
  LogListener(const std::filesystem::path& path, int64_t step, int64_t epoch, int64_t every_steps,
              LineTaker also = {});
  void step(const StepReport& report) override;
  void evaluated(const EpochReport& report) override;

 private:
  RunLog log_;
  int64_t every_steps_;
  LineTaker also_;
  StepReport last_;  // at the latest line of a step
};

}  // namespace swin::trainers
