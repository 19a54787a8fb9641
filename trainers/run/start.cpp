#include "trainers/run/start.h"

#include <variant>

#include "base/counts.h"
#include "base/errors.h"
#include "data/summary.h"
#include "tasks/task_table.h"
#include "trainers/run/data_options.h"
#include "trainers/run/numerics.h"
#include "trainers/run/training_loop.h"

namespace swin::trainers {
namespace {

/// A detector that has seen no object finds none, and nothing else would say so.
void require_objects(const data::Dataset& train) {
  if (data::count_objects(train) != 0) return;
  throw base::DataError("data.train",
                        "found " + base::counted(train.size(), "image") +
                            " without any object, expected objects to learn from",
                        "swin data check CONFIG says what was passed over and why");
}

/// Looks at the first image with an object: a set of boxes alone is refused before the first step.
/// All annotations of a large set would take too long.
void require_masks(const data::Dataset& set, const std::string& where) {
  constexpr int64_t kMostRead = 16;  // annotations
  int64_t read = 0;
  for (int64_t i = 0; i < set.size() && read < kMostRead; ++i) {
    if (set.num_objects(i) == 0) continue;
    ++read;
    data::Annotation annotation;
    try {
      annotation = set.annotation(i);
    } catch (const base::DataError&) {
      continue;  // the run treats it as data.on_bad says
    }
    const auto* objects = std::get_if<data::Objects>(&annotation);
    if (!objects) continue;
    bool any = false;
    for (const data::Object& object : objects->objects) {
      if (object.crowd) continue;
      any = true;
      if (std::holds_alternative<std::monostate>(object.mask))
        throw base::DataError(
            where,
            "found an object without a mask in " + set.name(i) +
                ", expected one for each: masks are learned from and compared",
            "give it one (`swin data check` counts such objects), or train with --set "
            "task.mask=false: boxes alone");
    }
    if (any) return;
  }
}

/// Opens the data sets and sets model.num_classes.
OpenedData open_data(Config& config) {
  if (config.data.train.format.empty())
    throw base::UsageError("data.train", "found none, expected a data set to train on",
                           "add a data section");
  OpenedData data;
  data.train = open_dataset_of(config.data.train, config, true);
  const tasks::TaskRow& row = tasks::task_row(config.task.name);
  if (row.annotation == data::AnnotationKind::objects) require_objects(*data.train);
  const std::vector<double>* mask = config.task.own.find("mask");
  const bool masks = row.annotation == data::AnnotationKind::objects && mask && mask->at(0) != 0;
  if (masks) require_masks(*data.train, "data.train");
  const bool has_classes = tasks::has_classes(row);
  const int64_t classes = has_classes ? data.train->num_classes() : 0;
  if (config.model.num_classes != 0 && config.model.num_classes != classes)
    throw base::UsageError("model.num_classes",
                           "found " + std::to_string(config.model.num_classes) + ", expected the " +
                               std::to_string(classes) + " classes of data.train",
                           "remove the field: it is taken from the data");
  config.model.num_classes = classes;
  if (!config.data.validation) return data;
  const std::vector<std::string>& names = data.train->class_names();
  const Head head = {.where = "data.train",
                     .names = names,
                     .named = !real_class_names(names, config.data.train.format).empty(),
                     .num_classes = classes};
  auto validation = open_dataset_of(*config.data.validation, config, false, head.known_names());
  if (masks) require_masks(*validation, "data.validation");
  if (!has_classes) {
    data.validation.images = std::move(validation);
    return data;
  }
  data.validation = match_classes(
      std::move(validation), head,
      {.where = "data.validation",
       .format = config.data.validation->format,
       .ignore_unknown_classes = config.data.ignore_unknown_classes,
       .ignore_remedy = "remove such images, or leave them out with --set "
                        "data.ignore_unknown_classes=true",
       .by_order = false,
       .order_remedy = "list the names of data.train, in the order of its numbers, in a "
                       "classes.txt in the folder of its list or shards"});
  return data;
}

RunIdentity identity_of(const Config& config, const RunData& data) {
  RunIdentity identity;
  identity.config = to_json(config, WithRuntime::no);
  if (config.model.num_classes > 0) identity.class_names = data.train.class_names();
  identity.fingerprint = base::Json::object();
  identity.fingerprint["train"] = data.train.fingerprint();
  if (data.validation) identity.fingerprint["validation"] = data.validation->fingerprint();
  identity.numerics = numerics(config.trainer.precision);
  identity.steps_per_epoch = TrainingLoop::steps_per_epoch(config, data.train);
  return identity;
}

}  // namespace

RunStart prepare_start(const Config& config, const std::string& resume,
                       const RunDirectory& directory, RunListener& listener) {
  RunStart start;
  start.config = config;
  start.data = open_data(start.config);
  start.checkpoint = checkpoint_to_resume(resume, directory, listener);
  if (start.checkpoint)
    keep_pretrained_windows(*start.checkpoint, start.config);
  else if (config.init.checkpoint)
    start.initial.emplace(start.config, start.data.train->class_names(), listener);
  start.identity = identity_of(start.config, start.data.sets());
  if (start.checkpoint) {
    start.continuation = check_identity(*start.checkpoint, start.identity, start.data.sets(),
                                        directory, config.trainer.batch_size);
    start.identity.steps_per_epoch = start.continuation.steps_per_epoch;
  }
  return start;
}

void describe(const OpenedData& data, RunListener& listener) {
  const auto say = [&](const data::Dataset& images, const std::string& name) {
    const data::Summary summary = data::summary_of(images, name);
    for (const std::string& line : summary.notes) listener.note(line);
    for (const std::string& line : summary.warnings) listener.warning(line);
  };
  say(*data.train, "data.train");
  if (data.validation.images) say(*data.validation.images, "data.validation");
  for (const std::string& line : data.validation.notes) listener.note(line);
}

base::Json data_json(const RunData& data) {
  base::Json json = base::Json::object();
  json["train"] = data::summary_json(data.train);
  if (data.validation) json["validation"] = data::summary_json(*data.validation);
  return json;
}

}  // namespace swin::trainers
