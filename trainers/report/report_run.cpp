#include "trainers/report/report_run.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <utility>

#include "base/counts.h"
#include "base/errors.h"
#include "trainers/report/run_log.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kShownBadImages = 20;

/// The numbers of one line of a log; null, which a value that is not finite becomes, is NaN.
class LogLine : public base::JsonVisitor {
 public:
  std::vector<std::pair<std::string, double>> values;

  void null() override { add(kNone); }
  void boolean(bool) override {}
  void integer(int64_t value) override { add(static_cast<double>(value)); }
  void real(double value) override { add(value); }
  void string(std::string&) override {}
  void key(std::string& name) override { key_ = std::move(name); }
  void open(bool) override { ++depth_; }
  void close() override { --depth_; }

  /// Reads a line; false if it is no JSON.
  bool read(const std::string& text) {
    values.clear();
    depth_ = 0;
    try {
      base::visit_json(text, *this);
      return true;
    } catch (const base::JsonSyntaxError&) {
      return false;
    }
  }
  const double* find(std::string_view name) const {
    for (const auto& [key, value] : values)
      if (key == name) return &value;
    return nullptr;
  }

 private:
  void add(double value) {
    if (depth_ == 1) values.emplace_back(key_, value);
  }
  std::string key_;
  int depth_ = 0;
};

/// A point of a line. After a resume the log goes on where the checkpoint was.
void add_point(ChartLine& line, double x, double y) {
  while (!line.points.empty() && line.points.back().first >= x) line.points.pop_back();
  line.points.emplace_back(x, y);
}

void add_point(std::vector<ChartLine>& lines, const std::string& name, double x, double y) {
  for (ChartLine& line : lines)
    if (line.name == name) return add_point(line, x, y);
  lines.push_back({name, {{x, y}}});
}

void add_step(const LogLine& line, double step, RunHistory& history) {
  for (const auto& [name, value] : line.values) {
    if (name == "lr")
      add_point(history.learning_rate, step, value);
    else if (name == "grad_norm")
      add_point(history.gradient_norm, step, value);
    else if (name == "images_per_second")
      add_point(history.images_per_second, step, value);
    else if (is_loss(name))
      add_point(history.losses, name, step, value);
  }
}

void add_epoch(const LogLine& line, double epoch, double last_step, RunHistory& history) {
  for (const auto& [name, value] : line.values) {
    if (name == "loss")
      add_point(history.validation_loss, last_step, value);
    else if (name != "epoch" && name != "evaluate_seconds" && name != "bad_images" &&
             name != "validation_bad_images")
      add_point(history.metrics, name, epoch, value < 0 ? kNone : value);
  }
}

/// The whole lines of a file.
template <class Function>
void each_line(const fs::path& path, Function function) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;  // a pipe would wait for a writer
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line) && !file.eof();) function(line);
}

/// A file of the run; null where it is missing. One that is damaged is noted.
Json json_file(const fs::path& run, const char* name, std::vector<std::string>& notes) {
  std::error_code unknown;
  if (!fs::exists(run / name, unknown)) return {};
  if (!fs::is_regular_file(run / name, unknown)) {
    notes.push_back(std::string(name) + " is no regular file, so it was not read.");
    return {};
  }
  std::ifstream file(run / name, std::ios::binary);
  if (!file) return {};
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  try {
    return base::parse_json(text, name);
  } catch (const base::JsonSyntaxError& error) {
    notes.push_back(std::string(name) + " is damaged (line " + std::to_string(error.position.line) +
                    ": " + error.what + "), so what it says is not here.");
    return {};
  }
}

void read_bad_images(ReportedRun& run) {
  each_line(run.info.path / "bad.jsonl", [&](const std::string& line) {
    ++run.num_bad_images;
    if (run.bad_images.size() == kShownBadImages) return;
    try {
      const Json json = base::parse_json(line, "bad.jsonl");
      const Json *path = json.find("path"), *error = json.find("error");
      if (path && path->is_string() && error && error->is_string())
        run.bad_images.push_back({path->as_string(), error->as_string()});
    } catch (const base::JsonSyntaxError&) {
    }
  });
}

void require_run(const fs::path& run) {
  std::error_code error;
  for (const char* name : {"config.json", "run.json", "log.jsonl"})
    if (fs::is_regular_file(run / name, error)) return;
  if (fs::exists(run / "lock", error) && fs::is_directory(run / "checkpoints", error))
    throw base::UsageError(run.string(),
                           "found a run that has not started, expected one with a first step",
                           "start it again with `swin train CONFIG --output " + run.string() + "`");
  const bool is_folder = fs::is_directory(run, error);
  throw base::UsageError(
      run.string(),
      is_folder ? "found no config.json, run.json or log.jsonl, expected the folder of a run"
      : fs::exists(run, error) ? "found a file, expected the folder of a run"
                               : "found no such folder, expected that of a run",
      is_folder
          ? "swin runs " + run.string() + " lists the runs that are in it"
          : "give what `swin train` was given as --output (default: runs/<name of the config>)");
}

}  // namespace

RunHistory read_history(const fs::path& log, const Json& record) {
  RunHistory history;
  history.validation_loss.name = "validation";
  const Json *per_epoch = record.find("steps_per_epoch"), *total = record.find("total_steps");
  const bool known = per_epoch && per_epoch->is_integer() && total && total->is_integer();
  LogLine line;
  double last_step = 0;
  each_line(log, [&](const std::string& text) {
    const bool whole = line.read(text);
    const double *step = line.find("step"), *epoch = line.find("epoch");
    if (whole && step && std::isfinite(*step))
      add_step(line, last_step = *step, history);
    else if (whole && epoch && std::isfinite(*epoch))
      add_epoch(line, *epoch,
                known ? std::min(*epoch * per_epoch->as_real(), total->as_real()) : last_step,
                history);
    else
      ++history.damaged_lines;
  });
  return history;
}

ReportedRun read_reported_run(const fs::path& path, const std::string& name) {
  require_run(path);
  ReportedRun run;
  run.info = read_run(path, name);
  run.config = json_file(path, "config.json", run.notes);
  run.record = json_file(path, "run.json", run.notes);
  run.init = json_file(path, "init.json", run.notes);
  std::error_code error;
  if (const auto log = path / "log.jsonl";
      fs::exists(log, error) && !fs::is_regular_file(log, error))
    run.notes.push_back("log.jsonl is no file, so there are no curves.");
  run.history = read_history(path / "log.jsonl", run.record);
  if (run.history.damaged_lines > 0)
    run.notes.push_back(base::counted(run.history.damaged_lines, "line") +
                        " of log.jsonl cannot be read and are left out.");
  run.evaluation = read_evaluation(path / "evaluation", run.notes);
  read_bad_images(run);
  const RunDirectory directory = RunDirectory::look(path);
  run.last_step = directory.linked_step(kLast);
  run.best_step = directory.linked_step(kBest);
  return run;
}

}  // namespace swin::trainers
