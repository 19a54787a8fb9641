#include "trainers/report/progress_lines.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/counts.h"
#include "base/text.h"
#include "trainers/report/evaluation_report.h"

namespace swin::trainers {
namespace {

constexpr int64_t kParts = 100;               // of a run, in each of which the losses are averaged
constexpr size_t kMostMeans = 64;             // that are kept
constexpr size_t kClassesOfALine = 10;        // at most
constexpr int64_t kNarrow = 60, kWide = 100;  // columns of a terminal

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string value_text(double value) {
  if (std::isnan(value)) return "-";
  return std::abs(value) < 10 ? formatted("%.4f", value) : short_number(value);
}

std::string padded(const std::string& text, int64_t columns) {
  return text +
         std::string(static_cast<size_t>(std::max<int64_t>(columns - columns_of(text), 0)), ' ');
}

std::string padded_left(const std::string& text, int64_t columns) {
  return std::string(static_cast<size_t>(std::max<int64_t>(columns - columns_of(text), 0)), ' ') +
         text;
}

const double* find(const tasks::Metrics& metrics, const std::string& name) {
  for (const auto& [other, value] : metrics)
    if (other == name) return &value;
  return nullptr;
}

// The parts, as many as fit, from the first on.
std::string fitting(std::string line, const std::vector<std::string>& parts, int64_t columns) {
  for (const std::string& part : parts) {
    if (columns_of(line) + columns_of(part) > columns) break;
    line += part;
  }
  return line;
}

int64_t character_columns(uint32_t character) {
  const bool wide = (character >= 0x1100 && character < 0x2000) ||
                    (character >= 0x2E80 && character < 0xFB00) || character >= 0xFE30;
  return wide ? 2 : 1;
}

// Calls step(bytes, columns) for each character until it returns false.
template <class Function>
void for_each_character(std::string_view text, Function step) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t character = bytes == 1 ? first : first & (0x7Fu >> bytes);
    for (size_t k = 1; k < bytes && i + k < text.size(); ++k)
      character = character << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    if (!step(std::min(bytes, text.size() - i), character_columns(character))) return;
    i += bytes;
  }
}

// "se…AP75": names of metrics differ at both ends, so the middle is left out.
std::string shortened(const std::string& name, int64_t columns) {
  if (columns_of(name) <= columns || columns < 1) return columns < 1 ? "" : name;
  const auto kept = static_cast<size_t>(columns - 1), front = kept / 3;
  return name.substr(0, front) + "…" + name.substr(name.size() - (kept - front));
}

// The metric of classes that is shown: the monitored one, F1, or the first.
std::string class_line(const EvaluationReport& evaluation, const std::string& monitor,
                       int64_t columns) {
  const size_t classes = evaluation.per_class.size();
  if (classes == 0 || classes > kClassesOfALine || evaluation.class_names.size() != classes ||
      evaluation.per_class[0].empty())
    return "";
  std::string name = evaluation.per_class[0][0].first;
  for (const char* better : {"f1", monitor.c_str()})
    if (find(evaluation.per_class[0], better)) name = better;
  std::string line = "class " + name;
  for (size_t k = 0; k < classes; ++k) {
    const double* value = find(evaluation.per_class[k], name);
    line += "  " + base::printable(evaluation.class_names[k]) + " " +
            (value && !std::isnan(*value) ? formatted("%.2f", *value) : "-");
  }
  return columns_of(line) <= columns ? line : "";
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

int64_t columns_of(std::string_view text) {
  int64_t columns = 0;
  for_each_character(text, [&](size_t, int64_t of) {
    columns += of;
    return true;
  });
  return columns;
}

std::string_view cut_to(std::string_view text, int64_t columns) {
  size_t end = 0;
  for_each_character(text, [&](size_t bytes, int64_t of) {
    columns -= of;
    if (columns < 0) return false;
    end += bytes;
    return true;
  });
  return text.substr(0, end);
}

std::string_view cut_between_numbers(std::string_view text, int64_t columns) {
  const std::string_view cut = cut_to(text, columns);
  if (cut.size() == text.size() || text[cut.size()] == ' ') return cut;
  const size_t word = cut.find_last_of(' ') + 1;  // 0 without a space
  const bool digit = text.substr(word, text.find(' ', word) - word).find_first_of("0123456789") !=
                     std::string_view::npos;
  return digit ? cut.substr(0, word) : cut;
}

std::string progress_bar(double share, int64_t cells) {
  const auto full = static_cast<int64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(cells));
  std::string text;
  for (int64_t i = 0; i < cells; ++i) text += i < full ? "█" : "░";
  return text;
}

std::string sparkline(const std::vector<double>& values) {
  static const char* levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (values.empty()) return "";
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const double range = *greatest - *least;
  std::string text;
  for (const double value : values)
    text += levels[range > 0 ? std::lround((value - *least) / range * 7) : 0];
  return text;
}

void RecentMeans::add(int64_t step, int64_t total_steps, double value) {
  const int64_t part = (step - 1) / std::max<int64_t>(total_steps / kParts, 1);
  if (part != part_) {
    part_ = part;
    count_ = 0;
    means_.push_back(0);
    if (means_.size() > kMostMeans) means_.pop_front();
  }
  ++count_;
  means_.back() += (value - means_.back()) / static_cast<double>(count_);
}

std::vector<double> RecentMeans::last(size_t most) const {
  return {means_.end() - static_cast<std::ptrdiff_t>(std::min(most, means_.size())), means_.end()};
}

std::vector<std::string> run_lines(const StepReport& r, const RecentMeans& losses,
                                   int64_t columns) {
  const bool narrow = columns < kNarrow;
  const int64_t cells = narrow ? 4 : columns < kWide ? 12 : 24;
  const std::string gap = narrow ? " " : "  ";
  const auto share = [](int64_t done, int64_t of) {
    return static_cast<double>(done) / static_cast<double>(std::max<int64_t>(of, 1));
  };
  // The last epoch may be cut short.
  const int64_t before = (r.epoch - 1) * r.steps_per_epoch;
  const int64_t of_epoch = std::min(r.steps_per_epoch, r.total_steps - before);
  const int64_t in_epoch = r.step - before;

  const double rate = static_cast<double>(r.images) / std::max(r.seconds, 1e-9);
  const double left = static_cast<double>((r.total_steps - r.step) * r.batch_size) / rate;
  const std::string wait =
      formatted("data wait %.1f%%", 100 * r.data_wait_seconds / std::max(r.seconds, 1e-9));
  const std::string epoch =
      "epoch " + std::to_string(r.epoch) + "/" + std::to_string(r.total_epochs);
  std::string epoch_steps = base::grouped(in_epoch) + "/" + base::grouped(of_epoch),
              run_steps = base::grouped(r.step) + "/" + base::grouped(r.total_steps);
  const int64_t label = columns_of(epoch),
                width = std::max(columns_of(epoch_steps), columns_of(run_steps));
  const auto line = [&](const std::string& name, double done, const std::string& steps,
                        const std::vector<std::string>& rest) {
    std::vector<std::string> parts;
    if (!narrow) parts.push_back(gap + padded(steps, width));
    for (const std::string& part : rest) parts.push_back(gap + part);
    return fitting(padded(name, label) + gap + progress_bar(done, cells) + " " +
                       formatted("%3.0f%%", 100 * done),
                   parts, columns);
  };
  return {
      line(epoch, share(in_epoch, of_epoch), epoch_steps, {short_number(rate) + " images/s", wait}),
      line("run", share(r.step, r.total_steps), run_steps, {duration_text(left) + " left"}),
      fitting(padded("loss", label) + gap + formatted("%.4f", r.losses.front().second),
              {gap + sparkline(losses.last(static_cast<size_t>(narrow ? 6 : cells))),
               gap + "lr " + formatted("%.3g", r.learning_rate)},
              columns)};
}

tasks::Metrics main_metrics(const tasks::Metrics& metrics, const std::string& monitor,
                            size_t others) {
  tasks::Metrics main;
  std::vector<std::pair<std::string, tasks::Metrics>> kinds;
  for (const auto& [name, value] : metrics) {
    if (name == monitor) {
      main.emplace_back(name, value);
      continue;
    }
    const std::string kind =
        metrics.size() > others + 1 ? name.substr(0, name.find('_')) : std::string();
    const auto same = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& other) { return other.first == kind; });
    if (same == kinds.end())
      kinds.push_back({kind, {{name, value}}});
    else
      same->second.emplace_back(name, value);
  }
  const size_t most = main.size() + others;
  for (size_t k = 0; main.size() < std::min(most, metrics.size()); ++k)
    for (const auto& [kind, of_kind] : kinds)
      if (k < of_kind.size() && main.size() < most) main.push_back(of_kind[k]);
  return main;
}

std::vector<std::string> evaluation_table(const EpochReport& report, const std::string& monitor,
                                          const EarlierEvaluations& earlier, int64_t columns) {
  struct Row {
    std::string name, now, change, before, best;
  };
  std::vector<Row> rows = {{"epoch " + std::to_string(report.epoch), "now", " ", "before", "best"}};
  for (const auto& [name, value] : main_metrics(*report.metrics, monitor)) {
    Row row{name, value_text(value), " ", "", ""};
    if (const double* before = find(earlier.latest, name)) {
      row.before = value_text(*before);
      row.change = value > *before ? "↑" : value < *before ? "↓" : value == *before ? "=" : " ";
    }
    if (name == monitor && earlier.best) row.best = value_text(*earlier.best);
    rows.push_back(row);
  }
  int64_t name = 0, number = 0;
  for (const Row& row : rows) {
    name = std::max(name, columns_of(row.name));
    for (const std::string& text : {row.now, row.before, row.best})
      number = std::max(number, columns_of(text));
  }
  const bool change = columns >= name + number + 3, before = columns >= name + 2 * number + 4,
             best = columns >= name + 3 * number + 5;
  const int64_t name_columns = std::min(name, columns - number - 1);
  if (columns_of(rows[0].name) > name_columns) rows[0].name = "";  // its number would be cut
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line = name_columns > 0
                           ? padded(shortened(row.name, name_columns), name_columns) + " "
                           : std::string();
    line += padded_left(row.now, number);
    if (change) line += " " + row.change;
    if (before) line += " " + padded_left(row.before, number);
    if (best) line += " " + padded_left(row.best, number);
    lines.emplace_back(
        cut_between_numbers(line.substr(0, line.find_last_not_of(' ') + 1), columns));
  }
  if (report.evaluation)
    if (std::string classes = class_line(*report.evaluation, monitor, columns); !classes.empty())
      lines.push_back(std::move(classes));
  return lines;
}

}  // namespace swin::trainers
