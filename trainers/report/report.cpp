#include "trainers/report/report.h"

#include <algorithm>
#include <filesystem>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "files/atomic_file.h"
#include "trainers/report/html.h"
#include "trainers/report/report_parts.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = 9'900'000;  // of a page

std::string section(const std::string& title, const std::string& body) {
  return "<h2>" + html_text(title) + "</h2>\n" + body;
}

std::string page_of_one(const ReportedRun& run) {
  const RunInfo& info = run.info;
  std::string model = info.model;
  if (!info.task.empty()) model += (model.empty() ? "" : ", ") + info.task;
  const std::string title = "Run " + info.name;
  std::string head = "<h1>" + html_text(title) + "</h1>\n<p class=\"faint\">" + html_text(model) +
                     (info.started.empty() ? "" : " · started " + html_text(info.started)) +
                     "</p>\n" + headline(run) + section("Curves", curves(run)) +
                     section("Last evaluation", evaluation_tables(run));
  std::string tail =
      section("Config", config_table(run)) + section("Environment", environment(run));
  const size_t frame = html_page(title, "").size() + head.size() + tail.size();
  PictureBudget budget{kMostBytes - std::min(kMostBytes, frame + 10'000)};
  return html_page(title, head + evaluation_pictures(run, budget) + tail);
}

std::string overview(std::span<const ReportedRun> runs) {
  std::vector<std::vector<std::string>> rows;
  for (const ReportedRun& run : runs) {
    const RunInfo& info = run.info;
    const std::optional<double> rate = images_per_second(run);
    const auto count = [](std::optional<int64_t> n) { return n ? base::grouped(*n) : "–"; };
    rows.push_back({info.name, name_of(info.state), count(info.step), count(info.epoch),
                    info.monitor, info.best ? metric_text(info.monitor, *info.best) : "–",
                    count(info.best_epoch), rate ? metric_text("support", *rate) : "–"});
  }
  return html_table({{"run", "name"},
                     {"state"},
                     {"steps", "number"},
                     {"epochs", "number"},
                     {"metric"},
                     {"best", "number"},
                     {"of epoch", "number"},
                     {"images/s in training", "number"}},
                    rows);
}

/// The names of the metrics that any of the runs has, in their order.
std::vector<std::string> metrics_of(std::span<const ReportedRun> runs) {
  std::vector<std::string> names;
  for (const ReportedRun& run : runs)
    for (const ChartLine& line : run.history.metrics)
      if (std::ranges::find(names, line.name) == names.end()) names.push_back(line.name);
  return names;
}

const ChartLine* metric_of(const RunHistory& history, const std::string& name) {
  for (const ChartLine& line : history.metrics)
    if (line.name == name) return &line;
  return nullptr;
}

std::string last_metrics(std::span<const ReportedRun> runs) {
  std::vector<HtmlColumn> columns = {{"last value of"}};
  for (const ReportedRun& run : runs) columns.push_back({run.info.name, "number"});
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const std::string& name, auto line_of) {
    std::vector<std::string> cells = {name};
    for (const ReportedRun& run : runs) {
      const ChartLine* line = line_of(run.history);
      cells.push_back(line && !line->points.empty() ? metric_text(name, line->points.back().second)
                                                    : "–");
    }
    rows.push_back(cells);
  };
  for (const std::string& name : metrics_of(runs))
    row(name, [&](const RunHistory& history) { return metric_of(history, name); });
  row("loss (validation)", [](const RunHistory& h) { return &h.validation_loss; });
  return html_table(columns, rows);
}

std::string page_of_several(std::span<const ReportedRun> runs) {
  std::string charts = compared_chart({"Training loss", "step", "loss"}, runs,
                                      [](const RunHistory& h) {
                                        return h.losses.empty() ? nullptr : &h.losses[0];
                                      }) +
                       compared_chart({"Validation loss", "step", "loss"}, runs,
                                      [](const RunHistory& h) { return &h.validation_loss; });
  for (const std::string& name : metrics_of(runs))
    charts += compared_chart({name + " by epoch", "epoch", name}, runs,
                             [&](const RunHistory& h) { return metric_of(h, name); });
  charts += compared_chart({"Learning rate", "step", "lr"}, runs,
                           [](const RunHistory& h) { return &h.learning_rate; }) +
            compared_chart({"Norm of the gradient, before clipping", "step", "grad_norm"}, runs,
                           [](const RunHistory& h) { return &h.gradient_norm; }) +
            compared_chart({"Speed", "step", "images/s"}, runs,
                           [](const RunHistory& h) { return &h.images_per_second; });
  const std::string title = std::to_string(runs.size()) + " runs compared";
  return html_page(
      title,
      "<h1>" + title + "</h1>\n" + overview(runs) +
          section("Curves", charts.empty() ? "<p>None of them has a log yet.</p>\n"
                                           : "<div class=\"charts\">\n" + charts + "</div>\n") +
          section("Metrics", last_metrics(runs)) +
          section("Where their configs differ", config_differences(runs)));
}

/// What the report calls its runs: the names of their folders, or the paths where those are equal.
std::vector<std::string> names_of(const std::vector<std::string>& runs) {
  std::vector<std::string> names;
  for (const std::string& run : runs) {
    std::error_code error;
    const fs::path path = fs::weakly_canonical(run, error);
    names.push_back(error || path.filename().empty() ? run : path.filename().string());
  }
  std::vector<std::string> result = names;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::ranges::count(names, names[i]) > 1) result[i] = runs[i];
  return result;
}

}  // namespace

std::string report_page(std::span<const ReportedRun> runs) {
  return runs.size() == 1 ? page_of_one(runs[0]) : page_of_several(runs);
}

ReportResult write_report(const ReportOptions& options) {
  if (options.runs.size() > 1 && !options.output)
    throw base::UsageError("swin report",
                           "found " + std::to_string(options.runs.size()) +
                               " runs, expected a file for the page that compares them",
                           "add --output FILE.html");
  const std::vector<std::string> names = names_of(options.runs);
  std::vector<ReportedRun> runs;
  for (size_t i = 0; i < names.size(); ++i)
    runs.push_back(read_reported_run(options.runs[i], names[i]));
  ReportResult result;
  result.path = options.output.value_or((fs::path(options.runs[0]) / "report.html").string());
  files::require_writable(result.path);
  const std::string page = report_page(runs);
  files::write_file_atomically(result.path, page);
  result.bytes = std::ssize(page);
  for (const ReportedRun& run : runs)
    for (const std::string& note : run.notes)
      result.notes.push_back(runs.size() == 1 ? note : run.info.name + ": " + note);
  return result;
}

}  // namespace swin::trainers
