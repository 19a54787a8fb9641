#include "trainers/run/evaluate.h"

#include <algorithm>
#include <filesystem>

#include "base/errors.h"
#include "base/stopwatch.h"
#include "data/formats/formats.h"
#include "tasks/task_table.h"
#include "trainers/report/progress.h"
#include "trainers/run/data_options.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {
namespace {

bool has_folders(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_directory(error)) return true;
  return false;
}

DatasetConfig dataset_of(const Config& config, const EvaluateOptions& options) {
  const std::optional<DatasetConfig>& stored =
      config.data.test ? config.data.test : config.data.validation;
  DatasetConfig dataset = stored ? *stored : config.data.train;
  if (options.data.empty()) {
    if (!stored)
      throw base::UsageError(options.checkpoint,
                             "found neither data.test nor data.validation in its config, expected "
                             "a data set to evaluate on",
                             "name one with --data");
    return dataset;
  }
  // The format follows from the path, except for a folder without folders inside: there it is the
  // stored one (IDX or CIFAR files).
  const bool known = stored && dataset.format != "synthetic" && dataset.format != "image_folder";
  if (!known || has_folders(options.data) || !std::filesystem::is_directory(options.data)) {
    dataset = {};
    dataset.format = data::format_of_path(options.data, "--data");
    dataset.split = "test";  // of CIFAR and MNIST; other formats have no parts
  }
  dataset.path = options.data;
  dataset.field = dataset.path_field = "--data";
  dataset.fraction_begin = 0;
  dataset.fraction_end = 1;
  return dataset;
}

bool is_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

/// Whether the classes are named 0, 1, 2 …: then the model has no real names for them.
bool numbered(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != std::to_string(i)) return false;
  return true;
}

/// Matches classes by name: data sets list them in different orders.
/// @return the model's class index for each class of the data set.
std::vector<int64_t> label_map(const std::vector<std::string>& data,
                               const std::vector<std::string>& model, const std::string& where) {
  std::vector<int64_t> map;
  for (const std::string& name : data) {
    const auto found = std::find(model.begin(), model.end(), name);
    if (found != model.end()) map.push_back(found - model.begin());
  }
  if (map.size() == data.size() && data.size() == model.size()) return map;
  throw base::DataError(where,
                        "found " + std::to_string(data.size()) + " classes, expected the " +
                            std::to_string(model.size()) + " of the checkpoint" +
                            names_missing_in("the checkpoint", model, data) +
                            names_missing_in("the data", data, model),
                        "use a data set with the classes that the checkpoint was trained on");
}

}  // namespace

EvaluateResult evaluate(const EvaluateOptions& options) {
  LoadedModel loaded = load_model(options.checkpoint, options.sets);
  if (loaded.class_names.empty())
    for (int64_t i = 0; i < loaded.config.model.num_classes; ++i)
      loaded.class_names.push_back(std::to_string(i));
  const Config& config = loaded.config;
  const DatasetConfig dataset_config = dataset_of(config, options);
  const auto dataset = open_dataset_of(dataset_config, config);
  const std::vector<std::string>& names = dataset->class_names();
  EvaluateResult result;
  result.classes_by_order = numbered(loaded.class_names) && !numbered(names) &&
                            names.size() == loaded.class_names.size() &&
                            !std::all_of(names.begin(), names.end(), is_number);
  std::vector<int64_t> labels;
  if (tasks::has_classes(tasks::task_row(config.task.name)))
    labels = label_map(result.classes_by_order ? loaded.class_names : names, loaded.class_names,
                       dataset_config.path.empty() ? dataset_config.format : dataset_config.path);
  const data::LoaderOptions loader_options = evaluation_loader(config, *dataset);
  data::Loader loader(*dataset, loader_options);

  Progress progress({.quiet = options.quiet});
  const base::Stopwatch watch;
  const auto metrics =
      measure(*loaded.task, loader, loader_options.batch_size, labels, [&](int64_t images) {
        result.images = images;
        progress.images("evaluating", images, dataset->size());
        return true;
      });
  const double seconds = watch.seconds();
  result.metrics = *metrics;
  result.images_per_second = static_cast<double>(result.images) / seconds;
  return result;
}

base::Json to_json(const EvaluateResult& result) {
  base::Json json = base::Json::object();
  json["images"] = result.images;
  for (const auto& [name, value] : result.metrics) json[name] = value;
  json["images_per_second"] = result.images_per_second;
  return json;
}

}  // namespace swin::trainers
