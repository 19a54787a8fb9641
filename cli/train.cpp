// swin train: from a config to a run directory.
#include "trainers/run/train.h"

#include <filesystem>

#include "cli/console.h"
#include "cli/plan.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "trainers/report/progress_lines.h"

namespace swin::cli {

base::ExitCode run(const TrainArguments& arguments) {
  trainers::TrainOptions options;
  std::vector<std::string> sets = arguments.sets;
  if (arguments.init)
    sets.push_back("init.checkpoint=" + base::to_text(base::Json(*arguments.init)));
  const base::Json document = trainers::load_config_json(arguments.config, sets);
  options.config = trainers::parse_config(document);
  options.config_origins = base::Json::object();
  for (const trainers::Origin& origin : trainers::origins(document, options.config))
    if (origin.origin != "default") options.config_origins[origin.path] = origin.origin;
  set_threads(arguments, options.config.runtime.threads);
  const std::filesystem::path name = std::filesystem::path(arguments.config).stem();
  options.output = arguments.output
                       ? *arguments.output
                       : options.config.runtime.output.value_or(("runs" / name).string());
  options.resume = arguments.resume;
  options.command_line = arguments.command_line;
  options.quiet = arguments.quiet;
  if (arguments.plan) return print_train_plan(arguments, options);
  const trainers::TrainResult result = trainers::train(options);

  if (arguments.json) {
    print_json(trainers::to_json(result));
    return result.exit_code;
  }
  std::string text;
  if (result.already_finished) {
    text = "This run had already finished after " + grouped(result.steps) + " steps (" +
           grouped(result.epochs) + " epochs); nothing was done\n";
  } else {
    text = (result.exit_code == base::ExitCode::done ? "Finished after "
                                                     : "Stopped and saved after ") +
           grouped(result.steps) + " steps (" + grouped(result.epochs) + " epochs), " +
           seconds_text(result.seconds) + ", " + fixed(result.images_per_second, 0) +
           " images/s, " + fixed(100 * result.data_wait_fraction, 1) +
           "% of the time waiting for data\n";
    if (result.bad_images > 0)
      text += "Replaced bad images: " + grouped(result.bad_images) + " (bad.jsonl lists them)\n";
    if (result.validation_bad_images > 0)
      text += "Bad validation images, left out: " + grouped(result.validation_bad_images) +
              " (bad.jsonl lists them)\n";
  }
  if (!result.metrics.empty()) {
    text += "Newest evaluation:";
    for (const auto& [metric, value] :
         trainers::main_metrics(result.metrics, options.config.checkpoint.monitor))
      text += " " + metric + " " + (metric.rfind("top", 0) == 0 ? percent(value) : fixed(value, 4));
    text += "\n";
  }
  if (!result.last.empty()) text += one_line("Last checkpoint: " + result.last) + "\n";
  if (!result.best.empty()) text += one_line("Best checkpoint: " + result.best) + "\n";
  print(text);
  return result.exit_code;
}

}  // namespace swin::cli
