#include "trainers/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/counts.h"
#include "base/text.h"

namespace swin::trainers {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int64_t kPassCells = 16;

struct TerminalSize {
  int64_t rows = 24, columns = 80;
};

TerminalSize size_of(int file_descriptor) {
  winsize size{};
  if (ioctl(file_descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_row, size.ws_col};
}

// The last column stays free: some terminals begin a new line when it is filled.
int64_t columns_for_text(int file_descriptor) {
  return std::max<int64_t>(size_of(file_descriptor).columns - 1, 1);
}

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string plain_line(const StepReport& r) {
  const double seconds = std::max(r.seconds, 1e-9);
  const double rate = static_cast<double>(r.images) / seconds;
  const double left = static_cast<double>((r.total_steps - r.step) * r.batch_size) / rate;
  return "epoch " + std::to_string(r.epoch) + "/" + std::to_string(r.total_epochs) + "  step " +
         base::grouped(r.step) + "/" + base::grouped(r.total_steps) + "  loss " +
         formatted("%.4f", r.losses.front().second) + "  lr " + formatted("%.3g", r.learning_rate) +
         "  " + short_number(rate) + " images/s  " + duration_text(left) + " left" +
         formatted("  data wait %.1f%%", 100 * r.data_wait_seconds / seconds);
}

}  // namespace

Progress::Progress(const Options& options) : options_(options) {
  const char *term = std::getenv("TERM"), *no_color = std::getenv("NO_COLOR");
  terminal_ = isatty(options.file_descriptor) && term && std::string_view(term) != "dumb";
  color_ = terminal_ && !(no_color && *no_color);
}

Progress::~Progress() {
  if (!shown_.empty()) write("\n");
}

bool Progress::due(double seconds) {
  if (drawn_ && since_drawn_.seconds() < seconds) return false;
  drawn_ = true;
  since_drawn_.restart();
  return true;
}

void Progress::step(const StepReport& r) {
  if (options_.quiet) return;
  losses_.add(r.step, r.total_steps, r.losses.front().second);
  const bool last = r.step == r.total_steps;
  if (!due(terminal_ ? kRedrawSeconds : options_.plain_seconds) && !last) return;
  if (!terminal_) return write(base::one_line(plain_line(r)) + "\n");
  run_ = run_lines(r, losses_, columns_for_text(options_.file_descriptor));
  pass_line_.clear();
  draw();
}

void Progress::images(const std::string& doing, int64_t done, int64_t total) {
  if (options_.quiet || !terminal_) return;
  if (pass_.doing != doing || done < pass_.done) pass_ = {doing, done, done, {}};
  pass_.done = done;
  if (!due(kRedrawSeconds) && done != total) return;
  pass_line_ =
      progress_bar(static_cast<double>(done) / static_cast<double>(std::max<int64_t>(total, 1)),
                   kPassCells) +
      "  " + doing + " " + base::grouped(done) + "/" + base::grouped(total);
  const double seconds = pass_.watch.seconds();
  if (done > pass_.first && seconds > 0) {
    const double rate = static_cast<double>(done - pass_.first) / seconds;
    pass_line_ += "  " + short_number(rate) + " images/s  " +
                  duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  draw();
}

void Progress::evaluated(const EpochReport& report) {
  std::string text;
  if (report.metrics) {
    const double* monitored = tasks::find(*report.metrics, options_.monitor);
    if (monitored && report.new_best) earlier_.best = *monitored;
    if (terminal_ && !options_.quiet)
      table_ = evaluation_table(report, options_.monitor, earlier_,
                                columns_for_text(options_.file_descriptor));
    earlier_.latest = *report.metrics;
    for (const auto& [name, value] : main_metrics(*report.metrics, options_.monitor))
      text += "  " + name + " " + short_number(value);
  }
  if (report.bad_images > 0) text += "  bad images " + base::grouped(report.bad_images);
  if (report.validation_bad_images > 0)
    text += "  bad validation images " + base::grouped(report.validation_bad_images);
  pass_line_.clear();
  if (report.metrics || !text.empty())
    note("epoch " + std::to_string(report.epoch) + "/" + std::to_string(report.total_epochs) +
         text + (report.new_best ? "  (best)" : ""));
}

void Progress::message(Message kind, const std::string& text) {
  if (options_.quiet && kind == Message::note) return;
  write(to_first_line() + base::one_line(text) + "\n");
  if (!run_.empty()) draw();
}

void Progress::draw() {
  std::vector<std::string> lines = table_;
  lines.insert(lines.end(), run_.begin(), run_.end());
  if (!pass_line_.empty()) lines.push_back(pass_line_);
  // The cursor cannot go up to lines that have left the screen.
  const TerminalSize size = size_of(options_.file_descriptor);
  const auto most = static_cast<size_t>(std::max<int64_t>(size.rows - 1, 1));
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<int64_t>(most));
  std::string text = to_first_line() + (shown_.empty() ? "\r" : "");
  if (color_) text += "\033[36m";
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view shown =
        cut_between_numbers(lines[i], columns_for_text(options_.file_descriptor));
    text += (i > 0 ? "\n" : "") + std::string(shown);
    shown_.push_back(columns_of(shown));
  }
  if (color_) text += "\033[0m";
  write(text);
}

// Moves to the first line of what is drawn, and erases it. A terminal that has become narrower has
// broken lines that no longer fit.
std::string Progress::to_first_line() {
  if (shown_.empty()) return "";
  const int64_t columns = size_of(options_.file_descriptor).columns;
  int64_t up = -1;
  for (const int64_t width : shown_) up += std::max<int64_t>((width + columns - 1) / columns, 1);
  shown_.clear();
  return "\r" + (up > 0 ? "\033[" + std::to_string(up) + "A" : "") + "\033[J";
}

void Progress::write(const std::string& text) const {
  // Errors are ignored: a closed stderr must not stop a run.
  const ssize_t written = ::write(options_.file_descriptor, text.data(), text.size());
  static_cast<void>(written);
}

}  // namespace swin::trainers
