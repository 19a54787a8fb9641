// RUN/summary.csv: a row for each epoch of a run.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// Writes RUN/summary.csv, which is replaced as a whole after each epoch. Its columns are epoch,
/// step (the epoch's last one), lr (of that step), images_per_second (of the epoch's steps),
/// evaluate_seconds, train_<loss> (means over the epoch's steps) and validation_<metric>; what an
/// epoch does not have is empty. Where a run goes on within an epoch, the means and the rate are of
/// the steps since then; of those before, the losses that log.jsonl has count, too.
class SummaryCsv : public RunListener {
 public:
  /// Takes the rows up to `epoch`, the epochs finished so far, from the file; others are dropped.
  /// @param log_path log.jsonl, cut back to where the run is. @throws DiskError.
  SummaryCsv(const std::filesystem::path& path, const std::filesystem::path& log_path,
             int64_t epoch);
  void step(const StepReport& report) override;
  void evaluated(const EpochReport& report) override;

 private:
  using Row = std::vector<std::pair<std::string, std::string>>;  // column and cell
  void add(Row row);
  void read_rows(int64_t epoch);
  void read_log(const std::filesystem::path& log_path, int64_t epoch);
  void write() const;

  std::filesystem::path path_;
  std::vector<std::string> columns_;
  std::vector<std::map<std::string, std::string>> rows_;

  // Of the epoch in hand.
  struct Sum {
    std::string loss;
    double sum = 0;
    int64_t count = 0;
  };
  void add_loss(const std::string& name, double value);
  std::vector<Sum> sums_;
  double learning_rate_ = 0;
  StepReport last_, before_;  // its latest step, and the one before it
};

}  // namespace swin::trainers
