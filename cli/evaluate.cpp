// swin evaluate: measures a checkpoint on every image of a data set.
#include "trainers/run/evaluate.h"

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {

base::ExitCode run(const EvaluateArguments& arguments) {
  set_threads(arguments, std::nullopt);
  trainers::EvaluateOptions options;
  options.checkpoint = arguments.checkpoint;
  options.data = arguments.data.value_or("");
  options.sets = arguments.sets;
  options.quiet = arguments.quiet;
  const trainers::EvaluateResult result = trainers::evaluate(options);
  if (result.classes_by_order && !arguments.quiet)
    note(
        "Note: the checkpoint has no class names; those of the data set were used, in their order");
  if (arguments.json) {
    print_json(trainers::to_json(result));
    return base::ExitCode::done;
  }
  Table table({{"METRIC"}, {"VALUE", Table::Align::right}});
  table.row({"images", grouped(result.images)});
  for (const auto& [metric, value] : result.metrics)
    table.row({metric, metric.rfind("top", 0) == 0 ? percent(value) : fixed(value, 4)});
  table.row({"images/s", fixed(result.images_per_second, 0)});
  print(table.text());
  return base::ExitCode::done;
}

}  // namespace swin::cli
