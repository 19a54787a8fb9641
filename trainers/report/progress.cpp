#include "trainers/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/counts.h"
#include "base/text.h"

namespace swin::trainers {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kBarCells = 16;

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string bar(double part) {
  const int full = static_cast<int>(std::clamp(part, 0.0, 1.0) * kBarCells);
  std::string text;
  for (int i = 0; i < kBarCells; ++i) text += i < full ? "█" : "░";
  return text;
}

size_t columns_of(int file_descriptor) {
  winsize size{};
  return ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// The first `columns` characters of a UTF-8 text, so that a bar never wraps into a second line.
std::string_view cut_to(std::string_view text, size_t columns) {
  size_t i = 0;
  for (size_t seen = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && seen++ == columns) break;
  return text.substr(0, i);
}

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const int64_t s = std::llround(seconds);
  char text[64];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%dh %02dm", static_cast<int>(s / 3600),
                  static_cast<int>(s / 60 % 60));
  else if (s >= 60)
    std::snprintf(text, sizeof text, "%dm %02ds", static_cast<int>(s / 60),
                  static_cast<int>(s % 60));
  else
    std::snprintf(text, sizeof text, "%ds", static_cast<int>(s));
  return text;
}

std::string short_number(double value) {
  return std::abs(value) >= 100 ? formatted("%.0f", value) : formatted("%.3g", value);
}

Progress::Progress(const Options& options) : options_(options) {
  const char *term = std::getenv("TERM"), *no_color = std::getenv("NO_COLOR");
  terminal_ = isatty(options.file_descriptor) && term && std::string_view(term) != "dumb";
  color_ = terminal_ && !(no_color && *no_color);
}

Progress::~Progress() {
  if (line_open_) write("\n");
}

bool Progress::due(double seconds) {
  if (drawn_ && since_drawn_.seconds() < seconds) return false;
  drawn_ = true;
  since_drawn_.restart();
  return true;
}

void Progress::step(const StepReport& r) {
  if (options_.quiet) return;
  const bool last = r.step == r.total_steps;
  if (!due(terminal_ ? kRedrawSeconds : options_.plain_seconds) && !last) return;
  const std::string position = "epoch " + std::to_string(r.epoch) + "/" +
                               std::to_string(r.total_epochs) + "  step " + base::grouped(r.step) +
                               "/" + base::grouped(r.total_steps);
  const std::string values = "loss " + formatted("%.4f", r.losses.front().second) + "  lr " +
                             formatted("%.3g", r.learning_rate);
  const double rate = static_cast<double>(r.images) / r.seconds;
  const double left = static_cast<double>((r.total_steps - r.step) * r.batch_size) / rate;
  const double data_wait = r.data_wait_seconds / std::max(r.seconds, 1e-9);
  const std::string time = short_number(rate) + " images/s  " + duration_text(left) + " left" +
                           formatted("  data wait %.1f%%", 100 * data_wait);
  const double part =
      static_cast<double>(r.step) / static_cast<double>(std::max<int64_t>(r.total_steps, 1));
  // A narrow terminal cuts off the end: the least important part comes last.
  const std::string line = terminal_ ? bar(part) + " " + formatted("%3.0f%%", 100 * part) + "  " +
                                           time + "  " + values + "  " + position
                                     : position + "  " + values + "  " + time;
  draw(line);
}

void Progress::images(const std::string& doing, int64_t done, int64_t total) {
  if (options_.quiet || !terminal_) return;
  if (pass_.doing != doing || done < pass_.done) pass_ = {doing, done, done, {}};
  pass_.done = done;
  if (!due(kRedrawSeconds) && done != total) return;
  std::string line =
      bar(static_cast<double>(done) / static_cast<double>(std::max<int64_t>(total, 1)));
  line += "  " + doing + " " + base::grouped(done) + "/" + base::grouped(total);
  const double seconds = pass_.watch.seconds();
  if (done > pass_.first && seconds > 0) {
    const double rate = static_cast<double>(done - pass_.first) / seconds;
    line += "  " + short_number(rate) + " images/s  " +
            duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  draw(line);
}

void Progress::evaluated(const EpochReport& report) {
  std::string text;
  if (report.metrics)
    for (const auto& [name, value] : *report.metrics)
      text += "  " + name + " " + short_number(value);
  if (report.bad_images > 0) text += "  bad images " + base::grouped(report.bad_images);
  if (report.validation_bad_images > 0)
    text += "  bad validation images " + base::grouped(report.validation_bad_images);
  if (report.metrics || !text.empty())
    note("epoch " + std::to_string(report.epoch) + "/" + std::to_string(report.total_epochs) +
         text + (report.new_best ? "  (best)" : ""));
}

void Progress::message(Message kind, const std::string& text) {
  if (options_.quiet && kind == Message::note) return;
  clear_line();
  write(base::one_line(text) + "\n");
}

void Progress::draw(const std::string& line) {
  if (!terminal_) return write(base::one_line(line) + "\n");
  const std::string_view shown = cut_to(line, columns_of(options_.file_descriptor) - 1);
  std::string text = "\r\033[K";
  text += color_ ? "\033[36m" + std::string(shown) + "\033[0m" : std::string(shown);
  write(text);
  line_open_ = true;
}

void Progress::clear_line() {
  if (line_open_) write("\r\033[K");
  line_open_ = false;
}

void Progress::write(const std::string& text) const {
  // Errors are ignored: a closed stderr must not stop a run.
  const ssize_t written = ::write(options_.file_descriptor, text.data(), text.size());
  static_cast<void>(written);
}

}  // namespace swin::trainers
