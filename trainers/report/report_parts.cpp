#include "trainers/report/report_parts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/counts.h"
#include "base/text.h"
#include "tasks/task_table.h"
#include "trainers/config/fields.h"
#include "trainers/report/html.h"
#include "trainers/report/progress.h"

namespace swin::trainers {
namespace {

using State = RunInfo::State;

std::string card(const std::string& value, const std::string& meaning) {
  return "<div><b>" + html_text(value) + "</b>" + html_text(meaning) + "</div>\n";
}

// "300 of 400".
std::string of_total(std::optional<int64_t> done, std::optional<int64_t> total) {
  std::string text = base::grouped(done.value_or(0));
  if (total && total != done) text += " of " + base::grouped(*total);
  return text;
}

// What the state means for the reader; empty for a run that finished.
std::string state_text(const RunInfo& run) {
  const std::string error = run.error.empty() ? "." : ": " + run.error;
  switch (run.state) {
    case State::not_started:
      return "It has no step yet.";
    case State::running:
      return "It is still running: the page shows what it had written so far.";
    case State::finished:
      return "";
    case State::stopped:
      return "It was stopped by a signal after it was saved; the same command goes on with it.";
    case State::diverged:
      return "A loss or gradient was not finite" + error;
    case State::failed:
      return "It ended with an error" + error;
    case State::killed:
      return "It ended without a word, as when a process is killed; the same command goes on from "
             "its newest checkpoint.";
    case State::unknown:
      return "run.json does not say how it ended.";
  }
  return "";
}

/// A number of run.json.
std::optional<double> number_of(const ReportedRun& run, const char* path) {
  const base::Json* value = find_path(run.record, path);
  return value && value->is_number() ? std::optional(value->as_real()) : std::nullopt;
}

// The best point of a metric; null if it is not known which values are better.
const std::pair<double, double>* best_of(const ChartLine& line, const tasks::MetricRow* row) {
  const std::pair<double, double>* best = nullptr;
  for (const auto& point : line.points)
    if (row && !std::isnan(point.second) &&
        (!best ||
         (row->larger_is_better ? point.second > best->second : point.second < best->second)))
      best = &point;
  return best;
}

std::string metrics_table(const ReportedRun& run) {
  std::vector<std::vector<std::string>> rows;
  for (const ChartLine& line : run.history.metrics) {
    const auto& [epoch, last] = line.points.back();
    std::vector<std::string> row = {line.name, metric_text(line.name, last), "", ""};
    if (const auto* best = best_of(line, tasks::find_metric(run.info.task, line.name)))
      row[2] = metric_text(line.name, best->second), row[3] = metric_text("support", best->first);
    rows.push_back(row);
  }
  if (const auto& points = run.history.validation_loss.points; !points.empty())
    rows.push_back({"loss (validation)", metric_text("loss", points.back().second), "", ""});
  if (rows.empty()) return "";
  return html_table({{"metric"}, {"last", "number"}, {"best", "number"}, {"best epoch", "number"}},
                    rows);
}

// Charts of metrics: those of COCO's AP and AR have their parts in one chart.
std::string family_of(const std::string& metric) {
  for (const char* name : {"_AP", "_AR"})
    if (const size_t at = metric.find(name); at != std::string::npos)
      return metric.substr(0, at + 3);
  return metric;
}

}  // namespace

std::string metric_text(const std::string& name, double value) {
  if (std::isnan(value)) return "–";
  if (tasks::is_count(name)) return base::grouped(std::llround(value));
  char text[64];
  std::snprintf(text, sizeof text, std::abs(value) < 1e6 ? "%.4f" : "%.4g", value);
  return text;
}

std::string PictureBudget::figure(const data::Image& image, const std::string& alternative,
                                  const std::string& caption) {
  if (image.pixels.empty()) return "";
  std::string text = "<figure>" + html_image(image, alternative) + "<figcaption>" + caption +
                     "</figcaption></figure>\n";
  if (text.size() > bytes_left) return "";
  bytes_left -= text.size();
  return text;
}

std::optional<double> images_per_second(const ReportedRun& run) {
  std::optional<double> rate = number_of(run, "result.images_per_second");
  if (!rate) rate = run.info.images_per_second;
  return rate && *rate > 0 ? rate : std::nullopt;
}

std::string headline(const ReportedRun& run) {
  const RunInfo& info = run.info;
  std::string cards = card(name_of(info.state), "state");
  if (info.best) {
    const std::string epoch =
        info.best_epoch ? " of epoch " + base::grouped(*info.best_epoch) : std::string();
    cards += card(metric_text(info.monitor, *info.best), "best " + info.monitor + epoch);
  }
  for (const ChartLine& line : run.history.metrics)
    if (line.name == info.monitor)
      cards += card(metric_text(line.name, line.points.back().second), "last " + line.name);
  cards += card(of_total(info.step, info.total_steps), "steps");
  if (info.epoch) cards += card(of_total(info.epoch, info.total_epochs), "epochs");
  const auto number = [&](const char* path) { return number_of(run, path); };
  if (const auto seconds = number("result.seconds"))
    cards += card(duration_text(*seconds), number("resumed_from_step")
                                               ? "since it was resumed"
                                               : "of training, evaluation included");
  if (const auto rate = images_per_second(run))
    cards += card(base::grouped(std::llround(*rate)), "images/s in training");
  if (const auto wait = number("result.data_wait_fraction")) {
    char share[32];
    std::snprintf(share, sizeof share, "%.1f%%", 100 * *wait);
    cards += card(share, "of the steps' time is waiting for images");
  }

  std::string text = "<div class=\"cards\">\n" + cards + "</div>\n";
  if (const std::string state = state_text(info); !state.empty())
    text +=
        std::string("<p") +
        (info.state == State::diverged || info.state == State::failed ? " class=\"alarm\"" : "") +
        ">" + html_text(state) + "</p>\n";
  for (const std::string& note : run.notes)
    text += "<p class=\"alarm\">" + html_text(note) + "</p>\n";
  return text + metrics_table(run);
}

std::string curves(const ReportedRun& run) {
  const RunHistory& history = run.history;
  std::vector<ChartLine> loss;
  if (!history.losses.empty()) loss.push_back({"training", history.losses[0].points});
  if (!history.validation_loss.points.empty()) loss.push_back(history.validation_loss);
  std::string charts;
  if (!loss.empty()) charts += line_chart({"Loss", "step", "loss"}, loss);
  if (history.losses.size() > 1)
    charts += line_chart({"Parts of the training loss", "step", "loss"},
                         std::span(history.losses).subspan(1));
  std::vector<std::pair<std::string, std::vector<ChartLine>>> families;
  for (const ChartLine& line : history.metrics) {
    const std::string family = family_of(line.name);
    auto place = std::ranges::find(families, family, [](const auto& f) { return f.first; });
    if (place == families.end()) place = families.insert(families.end(), {family, {}});
    place->second.push_back(line);
  }
  for (const auto& [name, lines] : families)
    charts += line_chart({name + " by epoch", "epoch", name}, lines);
  for (const auto& [title, y, line] :
       {std::tuple{"Learning rate", "lr", &history.learning_rate},
        {"Norm of the gradient, before clipping", "grad_norm", &history.gradient_norm},
        {"Speed", "images/s", &history.images_per_second}})
    if (!line->points.empty()) charts += line_chart({title, "step", y}, {{*line}});
  if (charts.empty()) return "<p>log.jsonl has no line yet, so there is nothing to draw.</p>\n";
  return "<div class=\"charts\">\n" + charts + "</div>\n";
}

}  // namespace swin::trainers
