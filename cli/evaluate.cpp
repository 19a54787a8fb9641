// swin evaluate: measures a checkpoint on every image of a data set.
#include "trainers/run/evaluate.h"

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {

namespace {

std::string text_of(const trainers::EvaluateResult& result) {
  Table table({{"METRIC"}, {"VALUE", Table::Align::right}});
  table.row({"images", grouped(result.images)});
  if (!result.bad.empty()) table.row({"bad images", grouped(std::ssize(result.bad))});
  for (const auto& [metric, value] : result.metrics)
    table.row({metric, metric.rfind("top", 0) == 0 ? percent(value) : fixed(value, 4)});
  table.row({"images/s", fixed(result.images_per_second, result.images_per_second < 10 ? 2 : 0)});
  std::string text = table.text();
  if (result.per_class.empty()) return text;
  std::vector<Table::Column> columns = {{"CLASS"}};
  for (const auto& [metric, value] : result.per_class[0].metrics)
    columns.push_back({metric, Table::Align::right});
  Table classes(columns);
  for (const auto& [name, metrics] : result.per_class) {
    std::vector<std::string> row = {one_line(name)};
    for (const auto& [metric, value] : metrics) row.push_back(value < 0 ? "-" : percent(value));
    classes.row(row);
  }
  return text + "\n" + classes.text();
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
  options.quiet = arguments.quiet;
  const trainers::EvaluateResult result = trainers::evaluate(options);
  if (arguments.json)
    print_json(trainers::to_json(result));
  else
    print(text_of(result));
  if (result.bad.empty()) return base::ExitCode::done;
  const std::string bad = std::to_string(result.bad.size());
  note(error_line(base::ExitCode::data,
                  arguments.data.value_or(arguments.checkpoint) + ": found " + bad + " of " +
                      std::to_string(result.images + std::ssize(result.bad)) +
                      " images unreadable, expected none; repair or remove them: the metrics are "
                      "those of the other images"));
  return base::ExitCode::data;
}

}  // namespace swin::cli
