// swin runs: the runs of a folder, as a table or JSON.
#include "trainers/run/runs.h"

#include <algorithm>
#include <ctime>

#include "cli/console.h"
#include "cli/verbs.h"

namespace swin::cli {
namespace {

using trainers::RunInfo;

// "874/6,559"; only the first where the other is not known. Of a run whose log may not have its
// first line yet, 0 are done.
std::string of_text(const RunInfo& run, std::optional<int64_t> done,
                    const std::optional<int64_t>& of) {
  using State = RunInfo::State;
  if (!done && of && (run.state == State::not_started || run.state == State::running)) done = 0;
  if (!done && !of) return "";
  return (done ? grouped(*done) : "?") + (of ? "/" + grouped(*of) : "");
}

// "5 min", "3 h", "12 d" since then.
std::string age_text(const std::optional<int64_t>& seconds) {
  if (!seconds) return "";
  const int64_t age = std::max<int64_t>(static_cast<int64_t>(std::time(nullptr)) - *seconds, 0);
  if (age < 60) return std::to_string(age) + " s";
  if (age < 3600) return std::to_string(age / 60) + " min";
  if (age < 86400) return std::to_string(age / 3600) + " h";
  return grouped(age / 86400) + " d";
}

std::string latest_text(const RunInfo& run) {
  const double* value = tasks::find(run.metrics, run.monitor);
  return value ? fixed(*value, 4) : "";
}

std::string table_of(const std::vector<RunInfo>& runs) {
  using Align = Table::Align;
  Table table({{"RUN"},
               {"STATE"},
               {"STEP", Align::right},
               {"EPOCH", Align::right},
               {"MONITOR"},
               {"BEST", Align::right},
               {"LATEST", Align::right},
               {"IMAGES/S", Align::right},
               {"STARTED", Align::right},
               {"TASK"},
               {"MODEL"}});
  for (const RunInfo& run : runs) {
    const std::string age = age_text(run.started_seconds);
    table.row({run.name, name_of(run.state), of_text(run, run.step, run.total_steps),
               of_text(run, run.epoch, run.total_epochs), run.monitor,
               run.best ? fixed(*run.best, 4) : "", latest_text(run),
               run.images_per_second ? fixed(*run.images_per_second, 0) : "",
               age.empty() ? "" : age + " ago", run.task, run.model});
  }
  return table.text();
}

}  // namespace

base::ExitCode run(const RunsArguments& arguments) {
  const std::string folder = arguments.directory.empty() ? "runs" : arguments.directory;
  const trainers::RunOrder order = arguments.sort == "name"     ? trainers::RunOrder::name
                                   : arguments.sort == "metric" ? trainers::RunOrder::metric
                                                                : trainers::RunOrder::newest;
  const std::vector<RunInfo> runs = trainers::find_runs(folder, order);
  if (arguments.json) {
    base::Json list = base::Json::array();
    for (const RunInfo& run : runs) list.push_back(trainers::to_json(run));
    base::Json json = base::Json::object();
    json["folder"] = folder;
    json["runs"] = list;
    print_json(json);
  } else if (runs.empty()) {
    print(one_line(folder + ": no run in it, nor in the folders below it (three deep)") + "\n");
  } else {
    print(table_of(runs));
  }
  return base::ExitCode::done;
}

}  // namespace swin::cli
