// swin evaluate --detections: scores results of any detector.
#include "cli/console.h"
#include "cli/detection_tables.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "trainers/run/score_detections.h"

namespace swin::cli {

namespace {

using tasks::DetectionMetrics;

std::string text_of(const trainers::Score& score) {
  const auto parts = score.parts();
  Table metrics({{"METRIC"}, {"VALUE", Table::Align::right}});
  metrics.row({"images", grouped(score.images)});
  metrics.row({"results", grouped(score.results)});
  for (const auto& [prefix, result] : parts)
    for (const auto& [metric, value] : result->metrics) metrics.row({metric, of_objects(value)});

  std::vector<Table::Column> columns = {{"CLASS"}, {"OBJECTS", Table::Align::right}};
  for (const auto& [prefix, result] : parts)
    for (const auto& [metric, value] : DetectionMetrics::Result::OfClass().metrics())
      columns.push_back({prefix + metric, Table::Align::right});
  Table classes(columns);
  for (size_t k = 0; k < score.classes.size(); ++k) {
    std::vector<std::string> row = {score.classes[k].name, grouped(score.boxes.classes[k].objects)};
    for (const auto& [prefix, result] : parts)
      for (const auto& [metric, value] : result->classes[k].metrics())
        row.push_back(of_objects(value));
    classes.row(std::move(row));
  }
  return metrics.text() + "\n" + classes.text() + "\n" + errors_text(score.errors);
}

}  // namespace

base::ExitCode evaluate_detections(const EvaluateArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const trainers::Score score = trainers::score_detections(
      {.detections = *arguments.detections, .data = *arguments.data, .quiet = arguments.quiet});
  if (arguments.json)
    print_json(trainers::to_json(score, arguments.precision_recall));
  else
    print(text_of(score));
  return base::ExitCode::done;
}

}  // namespace swin::cli
