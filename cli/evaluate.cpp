// swin evaluate: measures a checkpoint on every image of a data set.
#include "trainers/run/evaluate.h"

#include "cli/console.h"
#include "cli/detection_tables.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {

namespace {

std::string text_of(const trainers::EvaluateResult& result) {
  Table table({{"METRIC"}, {"VALUE", Table::Align::right}});
  table.row({"images", grouped(result.images)});
  if (!result.bad.empty()) table.row({"bad images", grouped(std::ssize(result.bad))});
  for (const auto& [metric, value] : result.metrics)
    table.row({metric, metric.starts_with("top") ? percent(value)
                       : result.errors.empty()   ? fixed(value, 4)
                                                 : of_objects(value)});
  table.row({"images/s", fixed(result.images_per_second, result.images_per_second < 10 ? 2 : 0)});
  std::string text = table.text();
  if (result.per_class.empty()) return text;
  const bool objects = result.per_class[0].objects >= 0;
  std::vector<Table::Column> columns = {{"CLASS"}};
  if (objects) columns.push_back({"OBJECTS", Table::Align::right});
  for (const auto& [metric, value] : result.per_class[0].metrics)
    columns.push_back({metric, Table::Align::right});
  Table classes(columns);
  for (const auto& [name, metrics, count] : result.per_class) {
    std::vector<std::string> row = {one_line(name)};
    if (objects) row.push_back(grouped(count));
    for (const auto& [metric, value] : metrics)
      row.push_back(objects ? of_objects(value) : value < 0 ? "-" : percent(value));
    classes.row(row);
  }
  text += "\n" + classes.text();
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
