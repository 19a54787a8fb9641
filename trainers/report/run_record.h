// run.json: facts about a run that are not part of its identity.
#pragma once
#include <string>

#include "base/errors.h"
#include "base/json.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {

/// Writes run.json when a run starts and when it ends: {host, cpu, cpu_features, threads, versions,
/// command, config_origins, times: {started, ended}, total_steps, steps_per_epoch,
/// resumed_from_step, result, exit_code}; of a run that failed, the error instead of the result.
/// Without exit_code the run goes on, or was killed.
class RunRecord : public RunListener {
 public:
  struct Facts {
    std::string command;
    base::Json config_origins;  ///< of TrainOptions; null: none are known
    base::Json versions;
    int64_t total_steps = 0, steps_per_epoch = 0;
  };
  RunRecord(const RunDirectory& directory, const Facts& facts);
  void started(int64_t step) override;
  void ended(const TrainResult& result) override;
  /// Never throws: the error that is recorded matters more than one while it is written.
  void failed(const base::Error& error) noexcept;

 private:
  void write() const;
  const RunDirectory& directory_;
  base::Json json_;
};

}  // namespace swin::trainers
