#include "trainers/report/summary_csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "files/atomic_file.h"
#include "trainers/report/run_log.h"

namespace swin::trainers {
namespace {

/// Empty for NaN and infinity.
// −1 is a metric for which nothing counts.
std::string cell(double value) {
  return std::isfinite(value) && value >= 0 ? base::to_text(value) : "";
}

/// The cells of a line. No name and no number has a comma, a quote or a line end.
std::vector<std::string> cells_of(std::string line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();  // of a spreadsheet
  std::vector<std::string> cells;
  std::istringstream stream(line + ",");
  for (std::string text; std::getline(stream, text, ',');) cells.push_back(text);
  return cells;
}

int64_t integer_of(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && last == end ? value : 0;
}

}  // namespace

SummaryCsv::SummaryCsv(const std::filesystem::path& path, const std::filesystem::path& log_path,
                       int64_t epoch)
    : path_(path) {
  read_rows(epoch);
  read_log(log_path, epoch);
  std::error_code error;
  if (!rows_.empty())
    write();
  else
    std::filesystem::remove(path_, error);  // of an abandoned branch
}

void SummaryCsv::read_rows(int64_t epoch) {
  std::ifstream file(path_, std::ios::binary);
  std::string line;
  if (!std::getline(file, line)) return;
  const std::vector<std::string> names = cells_of(line);
  if (names.front() != "epoch") return;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = cells_of(line);
    const int64_t of = integer_of(cells.front());
    if (cells.size() != names.size() || of < 1 || of > epoch) return;
    Row row;
    for (size_t i = 0; i < cells.size(); ++i) row.emplace_back(names[i], cells[i]);
    add(std::move(row));
  }
}

void SummaryCsv::read_log(const std::filesystem::path& log_path, int64_t epoch) {
  std::ifstream log(log_path, std::ios::binary);
  for (std::string text; std::getline(log, text);) {
    const base::Json line = base::parse_json(text, log_path.string());
    if (!line.find("step") || line.at("epoch").as_int() <= epoch) continue;
    learning_rate_ = line.at("lr").as_real();
    for (const auto& [name, value] : line.members())
      if (is_loss(name) && value.is_number()) add_loss(name, value.as_real());
  }
}

void SummaryCsv::add_loss(const std::string& name, double value) {
  auto found =
      std::find_if(sums_.begin(), sums_.end(), [&](const Sum& s) { return s.loss == name; });
  if (found == sums_.end()) found = sums_.insert(found, Sum{name});
  found->sum += value;
  ++found->count;
}

void SummaryCsv::step(const StepReport& report) {
  for (const auto& [name, value] : report.losses) add_loss(name, value);
  learning_rate_ = report.learning_rate;
  last_ = report;
}

void SummaryCsv::evaluated(const EpochReport& report) {
  Row row = {{"epoch", std::to_string(report.epoch)},
             {"step", std::to_string(report.step)},
             {"lr", cell(learning_rate_)},
             {"images_per_second", cell(static_cast<double>(last_.images - before_.images) /
                                        (last_.seconds - before_.seconds))},
             {"evaluate_seconds", report.metrics ? cell(report.evaluate_seconds) : ""}};
  for (const Sum& sum : sums_)
    row.emplace_back("train_" + sum.loss, cell(sum.sum / static_cast<double>(sum.count)));
  if (report.metrics)
    for (const auto& [name, value] : *report.metrics)
      row.emplace_back("validation_" + name, cell(value));
  add(std::move(row));
  sums_.clear();
  before_ = last_;
  write();
}

void SummaryCsv::add(Row row) {
  auto& cells = rows_.emplace_back();
  for (auto& [column, text] : row) {
    if (std::find(columns_.begin(), columns_.end(), column) == columns_.end())
      columns_.push_back(column);
    cells[column] = std::move(text);
  }
}

void SummaryCsv::write() const {
  std::string text = base::csv_line(columns_);
  for (const auto& row : rows_) {
    std::vector<std::string> cells;
    for (const std::string& column : columns_) {
      const auto found = row.find(column);
      cells.push_back(found == row.end() ? "" : found->second);
    }
    text += base::csv_line(cells);
  }
  files::write_file_atomically(path_, text);
}

}  // namespace swin::trainers
