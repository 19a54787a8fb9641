// swin config: the resolved config, each value with its origin.
#include "trainers/config/config.h"

#include "cli/console.h"
#include "cli/verbs.h"

namespace swin::cli {

base::ExitCode run(const ConfigArguments& arguments) {
  if (arguments.schema) {
    print_json(trainers::config_schema());
    return base::ExitCode::done;
  }
  const base::Json document = trainers::load_config_json(arguments.config, arguments.sets);
  const trainers::Config config = trainers::parse_config(document);
  const std::vector<trainers::Origin> origins = trainers::origins(document, config);
  if (arguments.json) {
    base::Json result = base::Json::object();
    result["config"] = trainers::to_json(config);
    base::Json& list = result["origins"] = base::Json::object();
    for (const trainers::Origin& origin : origins) list[origin.path] = origin.origin;
    print_json(result);
    return base::ExitCode::done;
  }
  Table table({{"FIELD"}, {"VALUE"}, {"ORIGIN"}});
  for (const trainers::Origin& origin : origins)
    table.row({origin.path, base::to_text(origin.value), origin.origin});
  print(table.text());
  return base::ExitCode::done;
}

}  // namespace swin::cli
