#include "trainers/report/run_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/cpu.h"
#include "base/errors.h"

namespace swin::trainers {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw base::DiskError(path.string(),
                        std::string("cannot be ") + what + " (" + std::strerror(error) + ")",
                        "free space or choose a writable --output");
}

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

RunLog::RunLog(const std::filesystem::path& path, const Keep& keep) : path_(path) {
  int64_t keep_bytes = 0;
  {
    std::ifstream stream(path, std::ios::binary);
    std::string text;
    while (std::getline(stream, text) && !stream.eof() && kept(text, keep))
      keep_bytes += static_cast<int64_t>(text.size()) + 1;
  }
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) fail(path, "opened", errno);
  if (::ftruncate(file_, keep_bytes) != 0) {
    const int error = errno;
    ::close(file_);
    fail(path, "cut", error);
  }
}

RunLog::~RunLog() {
  if (file_ >= 0) ::close(file_);
}

void RunLog::line(const base::Json& json) {
  const std::string text = base::to_text(json) + "\n";
  ssize_t written;
  do written = ::write(file_, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(text.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  if (written > 0) {
    const off_t end = ::lseek(file_, 0, SEEK_END);
    const int cut = ::ftruncate(file_, end - written);
    static_cast<void>(cut);  // if this fails, the next resume drops the part of a line
  }
  fail(path_, "written", error);
}

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
                         int64_t every_steps)
    : log_(path, RunLog::up_to(step, epoch)), every_steps_(every_steps) {}

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
