#include "trainers/report/tensorboard.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/text.h"
#include "files/atomic_file.h"
#include "trainers/report/evaluation_report.h"
#include "trainers/report/picture_grid.h"
#include "trainers/report/run_log.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.", kSuffix = ".swin";
constexpr const char* kConfig = "config";
constexpr size_t kMostClasses = 20;
constexpr size_t kMostWorst = 16, kMostAnswers = 9;     // pictures in a grid
constexpr int64_t kWorstSide = 128, kAnswerSide = 256;  // pixels

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The event files that runs have written here, the oldest first.
std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A file whose name comes after all others: TensorBoard reads the files of a folder by name.
fs::path new_file(const fs::path& folder) {
  files::make_directories(folder);
  const auto name_of = [&](int64_t second) {
    return folder / (std::string(kPrefix) + std::to_string(second) + std::string(kSuffix));
  };
  auto second = static_cast<int64_t>(now());
  const std::vector<fs::path> files = event_files(folder);
  while (!files.empty() && name_of(second) <= files.back()) ++second;
  return name_of(second);
}

/// Whether a value is of an evaluation or the end of an epoch, which follow the epoch's last step.
bool is_of_epoch(const std::string& tag) {
  return tag.starts_with("validation") || tag.starts_with("epoch/");
}

/// Markdown shows indented lines as they are.
std::string code_block(const std::string& text) {
  std::string block;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) block += "    " + line + "\n";
  return block;
}

/// NaN and infinity are left out: log.jsonl has a null for them.
void add_finite(Event& event, const std::string& tag, double value) {
  if (std::isfinite(value)) event.add_scalar(tag, value);
}

void add_classes(const EvaluationReport& evaluation, Event& event) {
  if (evaluation.per_class.size() > kMostClasses) return;
  std::vector<std::string> names;
  for (size_t k = 0; k < evaluation.per_class.size(); ++k) {
    std::string name = k < evaluation.class_names.size()
                           ? base::without_controls(evaluation.class_names[k], '?')
                           : std::to_string(k);
    if (std::find(names.begin(), names.end(), name) != names.end())
      name += " (" + std::to_string(k) + ")";
    names.push_back(name);
    for (const auto& [metric, value] : evaluation.per_class[k])
      if (value >= 0 && metric != "support")  // −1: the class has none; support never changes
        add_finite(event, "validation_" + metric + "/" + name, value);
  }
}

void add_pictures(const std::string& tag, const std::vector<EvaluationReport::Picture>& pictures,
                  size_t most, int64_t side, Event& event) {
  if (!pictures.empty()) event.add_image(tag, picture_grid(pictures, most, side));
}

}  // namespace

bool cut_events(const fs::path& folder, const RunPosition& position) {
  const int64_t step = position.step;
  const int64_t finished = std::min(step, position.epoch * position.steps_per_epoch);
  bool config = false;
  for (const fs::path& path : event_files(folder)) {
    bool has_values = false;
    const int64_t bytes = read_events(path, [&](const EventContent& event) {
      if (event.starts) return true;  // what follows it decides
      const auto& tags = event.tags;
      if (event.step > (!tags.empty() && is_of_epoch(tags.front()) ? finished : step)) return false;
      has_values = has_values || !tags.empty();
      config = config || (event.step == step && !tags.empty() && tags.front() == kConfig);
      return true;
    });
    std::error_code error;
    if (bytes < 0) {
      error = std::error_code(errno, std::generic_category());
    } else if (!has_values || step == 0) {
      fs::remove(path, error);
    } else if (static_cast<int64_t>(fs::file_size(path, error)) > bytes) {
      fs::resize_file(path, static_cast<uintmax_t>(bytes), error);
    }
    if (error)
      throw base::DiskError(path.string(), "cannot be cut back (" + error.message() + ")",
                            "make the folder readable and writable, or remove it");
  }
  return config && step > 0;
}

TensorBoard::TensorBoard(const fs::path& folder, const RunPosition& position,
                         const base::Json& config, const layers::Parameters& parameters)
    : parameters_(parameters), steps_per_epoch_(position.steps_per_epoch) {
  const bool has_config = cut_events(folder, position);
  file_.emplace(new_file(folder), 0);
  const int64_t step = position.step;
  Event text(now(), step);
  if (!has_config) text.add_text(kConfig, code_block(base::to_text(config, 2)));
  file_->append(Event::file_version(now()).record() +
                Event::start(now(), step == 0 ? 0 : step + 1).record() +
                (text.empty() ? "" : text.record()));
}

void TensorBoard::log_line(const base::Json& line) {
  Event event(now(), line.at("step").as_int());
  for (const auto& [name, value] : line.members())
    if (name != "step" && name != "epoch" && value.is_number())
      add_finite(event, (is_loss(name) ? "train/" : "") + name, value.as_real());
  write(event);
}

void TensorBoard::step(const StepReport& report) {
  if (report.step % steps_per_epoch_ != 0 && report.step != report.total_steps) return;
  const auto count = static_cast<int64_t>(parameters_.size());
  std::vector<Histogram> values(parameters_.size()), gradients(parameters_.size());
  base::parallel_for(count, [&](int64_t tensor) {
    const auto i = static_cast<size_t>(tensor);
    const layers::ParameterEntry& entry = parameters_[i];
    const auto numel = static_cast<size_t>(entry.numel());
    values[i] = histogram_of({parameters_.slab() + entry.offset, numel});
    if (entry.trainable) gradients[i] = histogram_of({parameters_.gradient(i), numel});
  });
  Event event(now(), report.step);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const layers::ParameterEntry& entry = parameters_[i];
    event.add_histogram("parameters/" + entry.name, values[i]);
    if (entry.trainable) event.add_histogram("gradients/" + entry.name, gradients[i]);
  }
  write(event);
}

void TensorBoard::evaluated(const EpochReport& report) {
  Event event(now(), report.step);
  if (report.metrics) {
    for (const auto& [name, value] : *report.metrics)
      if (value >= 0) add_finite(event, "validation/" + name, value);  // −1: nothing counts
    event.add_scalar("validation/bad_images", static_cast<double>(report.validation_bad_images));
    event.add_scalar("epoch/evaluate_seconds", report.evaluate_seconds);
  }
  event.add_scalar("epoch/bad_images", static_cast<double>(report.bad_images));
  if (const EvaluationReport* evaluation = report.evaluation) {
    add_classes(*evaluation, event);
    add_pictures("validation/worst", evaluation->worst, kMostWorst, kWorstSide, event);
    add_pictures("validation/answers", evaluation->answers, kMostAnswers, kAnswerSide, event);
  }
  write(event);
}

void TensorBoard::write(const Event& event) { file_->append(event.record()); }

}  // namespace swin::trainers
