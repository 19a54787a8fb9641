#include "trainers/run/runs.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "base/errors.h"
#include "tasks/task_table.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;
using State = RunInfo::State;

constexpr int kDeepest = 3;
constexpr std::uintmax_t kMostBytes = 16u << 20;  // of config.json and run.json

// A file of a run as JSON; null where it is missing or damaged.
base::Json json_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kMostBytes) return {};
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  try {
    return base::parse_json(text, path.string());
  } catch (const base::JsonSyntaxError&) {
    return {};
  }
}

// The value at a path as "schedule.steps"; null where there is none.
const base::Json* find(const base::Json& json, std::string_view path) {
  const base::Json* at = &json;
  while (at && !path.empty()) {
    const size_t dot = path.find('.');
    at = at->find(path.substr(0, dot));
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
  return at;
}

std::optional<int64_t> integer(const base::Json& json, std::string_view path) {
  const base::Json* value = find(json, path);
  return value && value->is_integer() ? std::optional(value->as_int()) : std::nullopt;
}

std::optional<double> number(const base::Json& json, std::string_view path) {
  const base::Json* value = find(json, path);
  return value && value->is_number() ? std::optional(value->as_real()) : std::nullopt;
}

std::string text(const base::Json& json, std::string_view path) {
  const base::Json* value = find(json, path);
  return value && value->is_string() ? value->as_string() : "";
}

bool is_run(const fs::path& folder) {
  std::error_code error;
  for (const char* name : {"run.json", "log.jsonl"})
    if (fs::exists(folder / name, error)) return true;
  return fs::exists(folder / "lock", error) && fs::is_directory(folder / "checkpoints", error);
}

void read_config(const base::Json& config, RunInfo& run) {
  run.task = text(config, "task.name");
  run.model = text(config, "model.name");
  run.monitor = text(config, "checkpoint.monitor");
  run.total_steps = integer(config, "schedule.steps");
  run.total_epochs = integer(config, "schedule.epochs");
}

void read_record(const base::Json& record, RunInfo& run) {
  run.exit_code = integer(record, "exit_code");
  run.error = text(record, "error");
  run.started = text(record, "times.started");
  std::tm parts{};
  if (const char* end = ::strptime(run.started.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts); end && !*end)
    run.started_seconds = static_cast<int64_t>(::timegm(&parts));
  run.step = integer(record, "result.steps");
  if (const auto total = integer(record, "total_steps")) run.total_steps = total;
  const auto per_epoch = integer(record, "steps_per_epoch");
  if (per_epoch && run.total_steps && *per_epoch > 0)
    run.total_epochs = (*run.total_steps - 1) / *per_epoch + 1;
}

// Lines of steps are passed over but for the newest one: a log of millions of lines takes a second.
void read_log(const fs::path& path, RunInfo& run) {
  constexpr std::string_view kStep = "{\"step\":";
  const tasks::MetricRow* row = tasks::find_metric(run.task, run.monitor);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;  // a pipe would wait for a writer
  std::ifstream file(path, std::ios::binary);
  std::string last_step;
  const auto parsed = [&](const std::string& line) {
    try {
      return base::parse_json(line, path.string());
    } catch (const base::JsonSyntaxError&) {
      return base::Json();  // cut, or being written
    }
  };
  for (std::string line; std::getline(file, line) && !file.eof();) {
    if (line.starts_with(kStep)) {
      last_step.swap(line);
      continue;
    }
    const base::Json epoch = parsed(line);
    const auto number_of_epoch = integer(epoch, "epoch");
    if (!number_of_epoch) continue;
    run.epoch = number_of_epoch;
    tasks::Metrics metrics;
    for (const auto& [name, value] : epoch.members())
      if (tasks::find_metric(run.task, name) && value.is_number())
        metrics.emplace_back(name, value.as_real());
    if (!metrics.empty()) run.metrics = metrics;
    const auto value = number(epoch, run.monitor);
    if (!row || !value) continue;
    if (!run.best || (row->larger_is_better ? *value > *run.best : *value < *run.best)) {
      run.best = value;
      run.best_epoch = number_of_epoch;
    }
  }
  const base::Json step = parsed(last_step);
  if (const auto newest = integer(step, "step")) run.step = std::max(run.step.value_or(0), *newest);
  run.loss = number(step, "loss");
  run.images_per_second = number(step, "images_per_second");
}

// Whether the log has the end of the run: its last epoch; its last step where epochs are not known.
bool at_its_end(const RunInfo& run) {
  if (run.epoch && run.total_epochs) return *run.epoch >= *run.total_epochs;
  return run.step && run.total_steps && *run.step >= *run.total_steps;
}

State state_of(const RunInfo& run, const base::Json& record) {
  if (user_of_run(run.path)) return State::running;
  if (!run.exit_code) {
    if (at_its_end(run)) return State::finished;
    if (find(record, "times")) return State::killed;
    std::error_code error;
    const bool damaged = fs::is_regular_file(run.path / "run.json", error);
    const bool begun =
        damaged || run.step || run.epoch || !RunDirectory::look(run.path).checkpoints().empty();
    return begun ? State::unknown : State::not_started;
  }
  switch (static_cast<base::ExitCode>(*run.exit_code)) {
    case base::ExitCode::done:
      return State::finished;
    case base::ExitCode::interrupted:
    case base::ExitCode::requeue:
      return State::stopped;
    case base::ExitCode::diverged:
      return State::diverged;
    default:
      return State::failed;
  }
}

class Finder {
 public:
  explicit Finder(const fs::path& folder) : folder_(folder) {}
  std::vector<RunInfo> find() {
    look(folder_, 0);
    // After all real folders, which links would hide, as a link "latest" to the run beside it.
    for (size_t i = 0; i < links_.size(); ++i) {
      const auto [path, depth] = links_[i];  // a copy: look() adds more
      look(path, depth);
    }
    return std::move(runs_);
  }

 private:
  void look(const fs::path& path, int depth) {
    std::error_code error;
    // A link may lead to a folder that was seen, or back up.
    if (!seen_.insert(fs::canonical(path, error).string()).second || error) return;
    if (is_run(path)) {
      const fs::path below = path.lexically_relative(folder_);
      runs_.push_back(
          read_run(path, (below == "." ? fs::canonical(path, error).filename() : below).string()));
    }
    if (depth == kDeepest) return;
    std::vector<fs::path> folders;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      std::error_code unknown;
      if (at->is_directory(unknown) && at->path().filename().string().front() != '.')
        folders.push_back(at->path());
    }
    std::sort(folders.begin(), folders.end());
    for (const fs::path& below : folders)
      if (fs::is_symlink(below, error))
        links_.emplace_back(below, depth + 1);
      else
        look(below, depth + 1);
  }

  const fs::path folder_;
  std::set<std::string> seen_;
  std::vector<std::pair<fs::path, int>> links_;  // and their depths
  std::vector<RunInfo> runs_;
};

bool better(const RunInfo& a, const RunInfo& b) {
  if (a.best.has_value() != b.best.has_value()) return a.best.has_value();
  if (!a.best) return false;
  if (a.monitor != b.monitor) return a.monitor < b.monitor;
  const tasks::MetricRow* row = tasks::find_metric(a.task, a.monitor);
  return row && row->larger_is_better ? *a.best > *b.best : *a.best < *b.best;
}

}  // namespace

const char* name_of(State state) {
  static const char* const kNames[] = {"not started", "running", "finished", "stopped",
                                       "diverged",    "failed",  "killed",   "unknown"};
  return kNames[static_cast<size_t>(state)];
}

RunInfo read_run(const fs::path& path, const std::string& name) {
  RunInfo run;
  run.name = name;
  run.path = path;
  read_config(json_of(path / "config.json"), run);
  const base::Json record = json_of(path / "run.json");
  read_record(record, run);
  read_log(path / "log.jsonl", run);
  run.state = state_of(run, record);
  if (run.state == State::finished) {  // then all of it is done, whatever the log has
    if (!run.step) run.step = run.total_steps;
    if (!run.epoch) run.epoch = run.total_epochs;
  }
  return run;
}

std::vector<RunInfo> find_runs(const fs::path& folder, RunOrder order) {
  std::error_code error;
  fs::directory_iterator(folder, error);
  if (error)
    throw base::UsageError(
        folder.string(),
        "found no folder that can be read (" + error.message() + "), expected one with runs",
        "name the folder of the runs, or of one: swin runs DIR (swin train makes runs/CONFIG)");
  std::vector<RunInfo> runs = Finder(folder).find();
  std::sort(runs.begin(), runs.end(),
            [](const RunInfo& a, const RunInfo& b) { return a.name < b.name; });
  if (order == RunOrder::newest)
    std::stable_sort(runs.begin(), runs.end(), [](const RunInfo& a, const RunInfo& b) {
      return a.started_seconds.value_or(0) > b.started_seconds.value_or(0);
    });
  if (order == RunOrder::metric) std::stable_sort(runs.begin(), runs.end(), better);
  return runs;
}

base::Json to_json(const RunInfo& run) {
  const auto text = [](const std::string& value) {
    return value.empty() ? base::Json() : base::Json(value);
  };
  const auto known = [](const auto& value) { return value ? base::Json(*value) : base::Json(); };
  base::Json json = base::Json::object();
  json["name"] = run.name;
  json["path"] = run.path.string();
  json["state"] = name_of(run.state);
  json["exit_code"] = known(run.exit_code);
  json["error"] = text(run.error);
  json["task"] = text(run.task);
  json["model"] = text(run.model);
  json["step"] = known(run.step);
  json["total_steps"] = known(run.total_steps);
  json["epoch"] = known(run.epoch);
  json["total_epochs"] = known(run.total_epochs);
  json["monitor"] = text(run.monitor);
  json["best"] = known(run.best);
  json["best_epoch"] = known(run.best_epoch);
  base::Json metrics = base::Json::object();
  for (const auto& [name, value] : run.metrics) metrics[name] = value;
  json["metrics"] = metrics;
  json["loss"] = known(run.loss);
  json["images_per_second"] = known(run.images_per_second);
  json["started"] = text(run.started);
  return json;
}

}  // namespace swin::trainers
