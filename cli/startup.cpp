#include "cli/startup.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/errors.h"
#include "base/isa.h"
#include "base/parallel.h"
#include "cli/argument_values.h"
#include "cli/console.h"
#include "data/summary.h"
#include "tasks/task_table.h"
#include "trainers/run/data_options.h"

namespace swin::cli {
namespace {

constexpr int64_t kAssumedClasses = 1000;  // those of ImageNet-1k

}  // namespace

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  // stdout gets /dev/null for reading only, so that writing to a closed stdout fails and is
  // reported.
  for (int file = 0; file <= 2; ++file)
    if (fcntl(file, F_GETFD) == -1 && open("/dev/null", file == 2 ? O_WRONLY : O_RDONLY) == -1)
      return;
}

void choose_isa(const CommonArguments& arguments) {
  const char* variable = std::getenv("SWIN_ISA");
  if (arguments.isa)
    base::set_isa(*arguments.isa);
  else if (variable != nullptr && *variable != '\0')
    base::set_isa(isa_of("SWIN_ISA", variable), "SWIN_ISA");
}

void set_threads(const CommonArguments& arguments, const std::optional<int64_t>& of_config) {
  if (arguments.threads) {
    base::set_num_threads(*arguments.threads);
  } else if (of_config) {
    base::set_num_threads(static_cast<int>(*of_config));
  } else {
    base::set_num_threads(base::num_threads());  // the libraries' number, too
  }
}

trainers::Config load_model_config(const std::string& file, const std::vector<std::string>& sets) {
  return trainers::parse_config_without_data(trainers::load_config_json(file, sets));
}

void tell_summary(const data::Dataset& dataset, const std::string& name,
                  const CommonArguments& arguments) {
  const data::Summary summary = data::summary_of(dataset, name);
  if (!arguments.quiet && !arguments.json)
    for (const std::string& line : summary.notes) note(line);
  for (const std::string& line : summary.warnings) note(line);
}

void add_summary(const data::Dataset& dataset, base::Json& json) {
  const base::Json summary = data::summary_json(dataset);
  for (const char* key : {"passed_over", "warnings"}) json[key] = summary.at(key);
}

std::unique_ptr<data::Dataset> look_at_data(trainers::Config& config) {
  const bool has_classes = tasks::has_classes(tasks::task_row(config.task.name));
  std::unique_ptr<data::Dataset> images;
  std::string unreadable;
  if (!config.data.train.format.empty()) {
    try {
      images = trainers::open_dataset_of(config.data.train, config, true);
      if (config.model.num_classes == 0 && has_classes)
        config.model.num_classes = images->num_classes();
    } catch (const base::DataError& error) {
      // The images may not be on this machine yet. What does not need them is still reported.
      unreadable = error.what();
    }
  }
  const bool assumed = config.model.num_classes == 0 && has_classes;
  if (assumed) config.model.num_classes = kAssumedClasses;
  if (!unreadable.empty())
    note("swin: warning: " + unreadable + "; until then " +
         (assumed ? grouped(kAssumedClasses) + " classes are assumed, and " : "") +
         "the number of images is unknown");
  return images;
}

}  // namespace swin::cli
