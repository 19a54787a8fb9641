// What the last evaluation found, as tables, charts and pictures.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "trainers/explain/explain.h"
#include "trainers/report/evaluation_folder.h"
#include "trainers/report/html.h"
#include "trainers/report/report_parts.h"

namespace swin::trainers {
namespace {

constexpr size_t kMostClasses = 500;  // with a row in the table
constexpr size_t kMostPairs = 50;
constexpr size_t kMostExamples = 4;  // of attention
constexpr size_t kLongestName = 120;

std::string name_of(const EvaluationReport& report, int64_t k) {
  return base::shortened(report.class_names.at(static_cast<size_t>(k)), kLongestName);
}

/// Whether the log's last epoch has the metrics of this evaluation.
bool same_as_last(const EvaluationReport& report, const RunHistory& history) {
  const auto last = [&](const std::string& name) {
    for (const ChartLine& line : history.metrics)
      if (line.name == name) return line.points.back().second;
    if (name == "loss" && !history.validation_loss.points.empty())
      return history.validation_loss.points.back().second;
    return double{NAN};
  };
  return std::ranges::all_of(report.metrics, [&](const auto& metric) {
    return metric.second == last(metric.first) || metric.second < 0;
  });
}

/// All classes, or those of the lowest values of the first metric, in their order.
std::vector<size_t> shown_classes(const EvaluationReport& report) {
  std::vector<size_t> order(report.per_class.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (order.size() <= kMostClasses) return order;
  const auto value = [&](size_t k) {
    // The first metric that is no count. Classes without a value come last.
    for (const auto& [name, x] : report.per_class[k])
      if (!tasks::is_count(name)) return x >= 0 ? x : double{INFINITY};
    return double{INFINITY};
  };
  std::ranges::stable_sort(order, {}, value);
  order.resize(kMostClasses);
  std::ranges::sort(order);
  return order;
}

std::string class_table(const EvaluationReport& report) {
  std::vector<HtmlColumn> columns = {{"class", "name"}};
  for (const auto& [name, value] : report.per_class[0]) columns.push_back({name, "number"});
  const std::vector<size_t> shown = shown_classes(report);
  std::vector<std::vector<std::string>> rows;
  for (const size_t k : shown) {
    std::vector<std::string> row = {name_of(report, static_cast<int64_t>(k))};
    for (const auto& [name, value] : report.per_class[k])
      row.push_back(metric_text(name, value < 0 ? NAN : value));
    row.resize(columns.size());
    rows.push_back(row);
  }
  std::string text = "<h3>Classes</h3>\n";
  if (shown.size() < report.per_class.size())
    text += "<p>The " + std::to_string(shown.size()) + " worst of " +
            base::counted(std::ssize(report.per_class), "class", "classes") +
            "; evaluation/per_class.csv has all.</p>\n";
  return text + html_table(columns, rows);
}

std::string confusion(const EvaluationReport& report) {
  const auto classes = std::ssize(report.class_names);
  std::string text = "<h3>Which class is taken for which</h3>\n";
  if (classes <= kMostDrawnClasses)
    text += "<div class=\"scroll\" tabindex=\"0\">" +
            matrix_chart({"Confusion matrix", "prediction", "label"}, report.class_names,
                         dense_matrix(report.confusion, classes)) +
            "</div>\n<p class=\"faint\">A row has the images of one class, a column those answered "
            "with one. The stronger its color, the larger the share of a cell in its row.</p>\n";
  const auto pairs =
      tasks::most_confused(report.confusion, classes <= kMostDrawnClasses ? 10 : kMostPairs);
  if (pairs.empty()) return text + "<p>No image was taken for one of another class.</p>\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& [label, prediction, count] : pairs)
    rows.push_back({name_of(report, label), name_of(report, prediction), base::grouped(count)});
  return text + "<p>Most confused:</p>\n" +
         html_table({{"label", "name"}, {"taken for", "name"}, {"images", "number"}}, rows);
}

std::string calibration(const EvaluationReport& report) {
  std::string text = "<h3>Can its probabilities be believed?</h3>\n";
  for (const auto& [name, value] : report.metrics)
    if (name == "ece")
      text += "<p>Expected calibration error: " + metric_text(name, value) +
              ", the mean distance between probability and accuracy.</p>\n";
  return text + "<div class=\"charts\">\n" +
         reliability_chart({"Accuracy by confidence", "confidence", "accuracy"},
                           report.calibration) +
         "</div>\n<p class=\"faint\">Bars on the dashed line: of the images answered with a "
         "probability of 0.8, 80% are right. Below it the model is too sure. Dots: the mean "
         "confidence of a bar.</p>\n";
}

/// Figures of pictures, as many as fit. @param folder where all of them are
std::string figures(const std::vector<EvaluationReport::Picture>& pictures,
                    const std::string& folder, PictureBudget& budget) {
  std::string text;
  int64_t too_large = 0, broken = 0;
  for (const EvaluationReport::Picture& picture : pictures) {
    const std::string file = base::shortened(picture.file, kLongestName);
    const std::string figure = budget.figure(
        picture.image, file + ": " + picture.caption,
        html_text(picture.caption) + "<br><span class=\"faint\">" + html_text(file) + "</span>");
    if (figure.empty()) ++(picture.image.pixels.empty() ? broken : too_large);
    text += figure;
  }
  text = "<div class=\"pictures\">\n" + text + "</div>\n";
  if (too_large > 0)
    text += "<p class=\"faint\">" + base::counted(too_large, "more picture") + " in " + folder +
            ", left out here to keep the page small.</p>\n";
  if (broken > 0)
    text += "<p class=\"faint\">" + base::counted(broken, "picture") + " of " + folder +
            " cannot be shown; the top of the page says why.</p>\n";
  return text;
}

/// Where the model of the run's checkpoint looks in some pictures of its evaluation.
std::string attention(const ReportedRun& run, PictureBudget& budget) {
  const EvaluationReport& evaluation = *run.evaluation;
  std::vector<data::Image> images;
  std::vector<std::string> names;
  for (const EvaluationReport::Picture& picture : evaluation.worst) {
    if (images.size() == kMostExamples || picture.image.pixels.empty()) continue;
    images.push_back(picture.image);
    names.push_back(base::shortened(picture.file, kLongestName));
  }
  if (images.empty()) return "";
  const std::string heading = "<h2>Where it looks</h2>\n";
  // The checkpoint of the evaluated step; the other one where that is gone.
  const bool best = run.best_step && (run.best_step == evaluation.step || !run.last_step);
  const auto step = best ? run.best_step : run.last_step;
  if (!step)
    return heading +
           "<p class=\"faint\">The run has no checkpoint here, so its attention cannot be "
           "drawn.</p>\n";
  const std::string file = best ? "best.h5" : "last.h5";
  try {
    const std::vector<data::Image> examples =
        attention_examples((run.info.path / file).string(), images);
    std::string text;
    for (size_t i = 0; i < examples.size(); ++i)
      text += budget.figure(examples[i], "Attention and class activation in " + names[i],
                            html_text(names[i]));
    if (text.empty()) return "";
    return heading +
           "<p>The image, its class-activation map and the attention of the token in the "
           "middle, in the last shifted block of " +
           file + " (step " + base::grouped(*step) +
           "). <code>swin explain</code> draws every block and head.</p>\n<div "
           "class=\"examples\">\n" +
           text + "</div>\n";
  } catch (const base::Error& error) {
    return heading +
           "<p class=\"faint\">Its attention cannot be drawn: " + html_text(error.what()) +
           "</p>\n";
  }
}

}  // namespace

std::string evaluation_tables(const ReportedRun& run) {
  if (!run.evaluation) {
    const std::string command = evaluation_command(run.info.path);
    return "<p class=\"faint\">The run has no evaluation folder that can be read: nothing was "
           "evaluated, or by an older version." +
           (command.empty() ? "" : " <code>" + command + "</code> makes one.") + "</p>\n";
  }
  const EvaluationReport& report = *run.evaluation;
  std::string text = "<p>" + base::counted(report.images, "image") + " of " +
                     html_text(report.set) + " after step " + base::grouped(report.step) +
                     ", epoch " + base::grouped(report.epoch);
  if (report.bad_images > 0)
    text += "; " + base::counted(report.bad_images, "image") + " could not be read";
  text += ".</p>\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : report.metrics)
    rows.push_back({name, metric_text(name, value < 0 ? NAN : value)});
  // The headline has those of the run's own last evaluation.
  if (!same_as_last(report, run.history))
    text += html_table({{"metric"}, {"value", "number"}}, rows);
  if (!report.per_class.empty()) text += class_table(report);
  if (!report.confusion.empty()) text += confusion(report);
  if (!report.calibration.empty()) text += calibration(report);
  return text;
}

std::string evaluation_pictures(const ReportedRun& run, PictureBudget& budget) {
  if (!run.evaluation) return "";
  const EvaluationReport& report = *run.evaluation;
  // The examples come first on the budget: they are few.
  const std::string examples = attention(run, budget);
  std::string text;
  if (!report.worst.empty())
    text +=
        "<h2>Worst mistakes</h2>\n<p>The wrong answers of the largest loss, as the model saw the "
        "images. A label that is wrong itself is found here.</p>\n" +
        figures(report.worst, "evaluation/worst", budget);
  if (!report.answers.empty())
    text += "<h2>Answers</h2>\n<p>What it found in the first images.</p>\n" +
            figures(report.answers, "evaluation/answers", budget);
  return text + examples;
}

}  // namespace swin::trainers
