// swin evaluate: measures a checkpoint on every image of a data set.
#include "trainers/run/evaluate.h"

#include <algorithm>

#include "cli/console.h"
#include "cli/detection_tables.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {

namespace {

// Of more classes than kMostRows, kWorstRows are shown.
constexpr size_t kMostRows = 40, kWorstRows = 20, kMostPairs = 10;

using OfClass = trainers::EvaluateResult::OfClass;

// Short, so that the table stays narrow.
std::string title_of(const std::string& metric) {
  return metric == tasks::kTruePositives    ? "TP"
         : metric == tasks::kFalsePositives ? "FP"
         : metric == tasks::kFalseNegatives ? "FN"
         : metric == tasks::kTrueNegatives  ? "TN"
                                            : metric;
}

std::string cell(const std::string& metric, double value, bool objects) {
  if (tasks::is_count(metric)) return grouped(static_cast<int64_t>(value));
  return objects ? of_objects(value) : value < 0 ? "-" : percent(value);
}

double metric_of(const OfClass& of, const std::string& metric) {
  const double* value = tasks::find(of.metrics, metric);
  return value ? *value : -1;
}

/// The classes that a table shows; of many with an F1, those of the lowest one.
std::vector<OfClass> shown_classes(const std::vector<OfClass>& all) {
  const bool has_f1 = metric_of(all[0], tasks::kSupport) >= 0;
  if (all.size() <= kMostRows || !has_f1) return all;
  std::vector<OfClass> worst;
  for (const OfClass& of : all)
    if (metric_of(of, tasks::kSupport) > 0) worst.push_back(of);
  std::stable_sort(worst.begin(), worst.end(), [](const OfClass& a, const OfClass& b) {
    return metric_of(a, "f1") < metric_of(b, "f1");
  });
  if (worst.size() > kWorstRows) worst.resize(kWorstRows);
  return worst;
}

std::string classes_text(const std::vector<OfClass>& all) {
  const bool objects = all[0].objects >= 0;
  std::vector<Table::Column> columns = {{"CLASS"}};
  if (objects) columns.push_back({"OBJECTS", Table::Align::right});
  for (const auto& [metric, value] : all[0].metrics)
    columns.push_back({title_of(metric), Table::Align::right});
  Table table(columns);
  const std::vector<OfClass> shown = shown_classes(all);
  for (const auto& [name, metrics, count] : shown) {
    std::vector<std::string> row = {one_line(name)};
    if (objects) row.push_back(grouped(count));
    for (const auto& [metric, value] : metrics) row.push_back(cell(metric, value, objects));
    table.row(row);
  }
  const std::string rest =
      shown.size() == all.size()
          ? ""
          : "the " + grouped(std::ssize(shown)) +
                " classes of the lowest f1; --json and --output DIR have all " +
                grouped(std::ssize(all)) + "\n";
  return table.text() + rest;
}

std::string confused_text(const trainers::EvaluateResult& result) {
  const auto pairs = tasks::most_confused(result.confusion, kMostPairs);
  if (pairs.empty()) return "";
  Table table({{"LABEL"}, {"TAKEN FOR"}, {"IMAGES", Table::Align::right}});
  const auto name = [&](int64_t k) {
    return one_line(result.per_class[static_cast<size_t>(k)].class_name);
  };
  for (const auto& [label, prediction, count] : pairs)
    table.row({name(label), name(prediction), grouped(count)});
  return "\n" + table.text();
}

std::string text_of(const trainers::EvaluateResult& result) {
  Table table({{"METRIC"}, {"VALUE", Table::Align::right}});
  table.row({"images", grouped(result.images)});
  if (!result.bad.empty()) table.row({"bad images", grouped(std::ssize(result.bad))});
  for (const auto& [metric, value] : result.metrics)
    table.row({metric, metric.starts_with("top")             ? percent(value)
                       : result.errors.empty() && value >= 0 ? fixed(value, 4)
                                                             : of_objects(value)});
  table.row({"images/s", fixed(result.images_per_second, result.images_per_second < 10 ? 2 : 0)});
  std::string text = table.text();
  if (result.per_class.empty()) return text;
  text += "\n" + classes_text(result.per_class) + confused_text(result);
  return result.errors.empty() ? text : text + "\n" + errors_text(result.errors);
}

}  // namespace

base::ExitCode run(const EvaluateArguments& arguments) {
  if (arguments.detections) return evaluate_detections(arguments);
  set_threads(arguments, std::nullopt);
  trainers::EvaluateOptions options;
  options.checkpoint = arguments.checkpoint;
  options.data = arguments.data.value_or("");
  options.sets = arguments.sets;
  options.classes = arguments.classes;
  options.ignore_unknown_classes = arguments.ignore_unknown_classes;
  options.write_detections = arguments.write_detections;
  options.output = arguments.output;
  options.predictions = arguments.predictions;
  options.flip = arguments.flip;
  options.quiet = arguments.quiet;
  const trainers::EvaluateResult result = trainers::evaluate(options);
  if (arguments.json)
    print_json(trainers::to_json(result));
  else
    print(text_of(result));
  if (result.bad.empty()) return base::ExitCode::done;
  const std::string bad = grouped(std::ssize(result.bad));
  note(error_line(base::ExitCode::data,
                  arguments.data.value_or(arguments.checkpoint) + ": found " + bad + " of " +
                      grouped(result.images + std::ssize(result.bad)) +
                      " images unreadable, expected none; repair or remove them: the metrics are "
                      "those of the other images"));
  return base::ExitCode::data;
}

}  // namespace swin::cli
