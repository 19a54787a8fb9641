#include "trainers/report/run_log.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/cpu.h"

namespace swin::trainers {
namespace {

bool kept(const std::string& text, const RunLog::Keep& keep) {
  try {
    const base::Json json = base::parse_json(text, "a log");
    return json.is_object() && keep(json);
  } catch (const base::JsonSyntaxError&) {
    return false;
  }
}

}  // namespace

RunLog::Keep RunLog::up_to(int64_t step, int64_t epoch) {
  return [step, epoch](const base::Json& line) {
    if (const base::Json* s = line.find("step")) return s->is_integer() && s->as_int() <= step;
    const base::Json* e = line.find("epoch");
    return e && e->is_integer() && e->as_int() <= epoch;
  };
}

int64_t RunLog::kept_bytes(const std::filesystem::path& path, const Keep& keep) {
  int64_t bytes = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  while (std::getline(stream, text) && !stream.eof() && kept(text, keep))
    bytes += static_cast<int64_t>(text.size()) + 1;
  return bytes;
}

RunLog::RunLog(const std::filesystem::path& path, const Keep& keep)
    : file_(path, kept_bytes(path, keep)) {}

void RunLog::line(const base::Json& json) { file_.append(base::to_text(json) + "\n"); }

bool is_loss(std::string_view name) {
  constexpr std::string_view kOthers[] = {"step",
                                          "epoch",
                                          "lr",
                                          "grad_norm",
                                          "images_per_second",
                                          "data_wait_seconds",
                                          "peak_memory_bytes"};
  return std::find(std::begin(kOthers), std::end(kOthers), name) == std::end(kOthers);
}

LogListener::LogListener(const std::filesystem::path& path, int64_t step, int64_t epoch,
                         int64_t every_steps, LineTaker also)
    : log_(path, RunLog::up_to(step, epoch)), every_steps_(every_steps), also_(std::move(also)) {}

void LogListener::step(const StepReport& report) {
  if (report.step % every_steps_ != 0 && report.step != report.total_steps) return;
  base::Json line = base::Json::object();
  line["step"] = report.step;
  line["epoch"] = report.epoch;
  for (const auto& [name, value] : report.losses) line[name] = value;
  line["lr"] = report.learning_rate;
  line["grad_norm"] = report.gradient_norm;
  line["images_per_second"] = static_cast<double>(report.images - last_.images) /
                              std::max(report.seconds - last_.seconds, 1e-9);
  line["data_wait_seconds"] = report.data_wait_seconds - last_.data_wait_seconds;
  line["peak_memory_bytes"] = base::peak_memory_bytes();
  log_.line(line);
  if (also_) also_(line);
  last_ = report;
}

void LogListener::evaluated(const EpochReport& report) {
  base::Json line = base::Json::object();
  line["epoch"] = report.epoch;
  if (report.metrics) {
    for (const auto& [name, value] : *report.metrics) line[name] = value;
    line["evaluate_seconds"] = report.evaluate_seconds;
    line["validation_bad_images"] = report.validation_bad_images;
  }
  line["bad_images"] = report.bad_images;
  log_.line(line);
}

}  // namespace swin::trainers
