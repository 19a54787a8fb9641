#include "trainers/report/run_record.h"

#include <unistd.h>

#include <ctime>

#include "base/cpu.h"
#include "base/parallel.h"
#include "trainers/run/train.h"

namespace swin::trainers {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

RunRecord::RunRecord(const RunDirectory& directory, const Facts& facts)
    : directory_(directory), json_(base::Json::object()) {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  json_["host"] = host;
  json_["cpu"] = base::cpu().model;
  json_["cpu_features"] = base::cpu_features();
  json_["threads"] = base::num_threads();
  json_["versions"] = facts.versions;
  json_["command"] = facts.command;
  if (facts.config_origins.is_object()) json_["config_origins"] = facts.config_origins;
  json_["times"] = base::Json::object();
  json_["times"]["started"] = utc_now();
  json_["total_steps"] = facts.total_steps;
  json_["steps_per_epoch"] = facts.steps_per_epoch;
}

void RunRecord::started(int64_t step) {
  json_["resumed_from_step"] = step > 0 ? base::Json(step) : base::Json();
  write();
}

void RunRecord::ended(const TrainResult& result) {
  json_["times"]["ended"] = utc_now();
  json_["result"] = to_json(result);
  json_["exit_code"] = static_cast<int>(result.exit_code);
  write();
}

void RunRecord::failed(const base::Error& error) noexcept {
  try {
    json_["times"]["ended"] = utc_now();
    json_["error"] = error.what();
    json_["exit_code"] = static_cast<int>(error.code());
    write();
  } catch (const std::exception&) {
  }
}

void RunRecord::write() const { directory_.write("run.json", base::to_text(json_, 2) + "\n"); }

}  // namespace swin::trainers
