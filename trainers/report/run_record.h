// run.json: facts about a run that are not part of its identity.
#pragma once
#include <string>

#include "base/json.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {

/// Writes run.json when a run starts and when it ends: {host, cpu, cpu_features, threads, versions,
/// command, times: {started, ended}, resumed_from_step, result, exit_code}.
class RunRecord : public RunListener {
 public:
  RunRecord(const RunDirectory& directory, const std::string& command, const base::Json& versions);
  void started(int64_t step) override;
  void ended(const TrainResult& result) override;

 private:
  void write() const;
  const RunDirectory& directory_;
  base::Json json_;
};

}  // namespace swin::trainers
