#include "trainers/run/evaluate.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/counts.h"
#include "base/errors.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "data/formats/formats.h"
#include "data/summary.h"
#include "tasks/task_table.h"
#include "trainers/report/evaluation_folder.h"
#include "trainers/report/progress.h"
#include "trainers/run/classes.h"
#include "trainers/run/data_options.h"
#include "trainers/run/detection_files.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/prediction_file.h"
#include "trainers/run/stored_model.h"
#include "weights/class_names.h"

namespace swin::trainers {
namespace {

constexpr size_t kNamedBadImages = 5;

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
    dataset.split = data::split_name(data::measured_split(dataset.format, options.data));
  }
  dataset.path = options.data;
  dataset.field = dataset.path_field = "--data";
  dataset.fraction_begin = 0;
  dataset.fraction_end = 1;
  return dataset;
}

/// The classes of a checkpoint.
Head head_of(const LoadedModel& loaded, const EvaluateOptions& options) {
  Head head = {.where = "the checkpoint",
               .names = loaded.class_names,
               .named = false,
               .num_classes = loaded.config.model.num_classes};
  if (options.classes) {
    head.names = weights::read_class_list(*options.classes);
    if (std::ssize(head.names) != head.num_classes)
      throw base::UsageError(*options.classes,
                             "found " + base::counted(std::ssize(head.names), "name") +
                                 ", expected one for each of the " +
                                 base::grouped(head.num_classes) + " classes of the checkpoint",
                             "write a name a line, in the order of its head");
    head.named = true;
  } else {
    head.named = !real_class_names(head.names, loaded.config.data.train.format).empty();
  }
  return head;
}

/// Looks at the objects of a set and at what was found in their images.
class ObjectWatch {
 public:
  ObjectWatch(const tasks::Task& task, const Config& config, const MeasuredSet& set,
              const std::vector<std::string>& class_names,
              const std::optional<std::string>& write_detections)
      : task_(task), set_(*set.images), objects_(class_names.size()) {
    if (const std::vector<double>* most = config.task.own.find("test.max_detections"))
      most_found_ = static_cast<int64_t>(most->at(0));
    if (write_detections) files_.emplace(*write_detections, set_, set.labels, class_names);
  }

  void add(const MeasuredBatch& done) {
    std::vector<tasks::Answer> answers;
    if (files_) answers = task_.answers(done.outputs);
    for (size_t k = 0; k < done.indices.size(); ++k) {
      const auto& all = std::get<data::Objects>(done.batch.annotations[k]);
      count(done.indices[k], all);
      if (files_) files_->add(done.indices[k], all, *answers[k].objects);
    }
  }

  /// @param name of the set
  void finish(const std::string& name, Progress& progress) const {
    if (crowded_images_ > 0)
      progress.note(name + ": " + base::counted(crowded_images_, "image") + " with more than " +
                    base::grouped(most_found_) + " objects (" +
                    base::printable(set_.name(most_image_)) + " has " + base::grouped(most_) +
                    "), as many as are found in an image; --set task.test.max_detections=N finds "
                    "more, and the metrics look at the best 100 of a class in an image");
    if (!files_) return;
    files_->write();
    progress.note("wrote " + files_->results_path() + " and " + files_->truth_path());
  }

  int64_t objects_of(size_t class_index) const { return objects_[class_index]; }

 private:
  void count(int64_t image, const data::Objects& all) {
    int64_t here = 0;
    for (const data::Object& object : all.objects) {
      if (object.crowd) continue;
      ++here;
      ++objects_[static_cast<size_t>(object.class_index)];
    }
    crowded_images_ += here > most_found_;
    if (here <= most_) return;
    most_ = here;
    most_image_ = image;
  }

  const tasks::Task& task_;
  const data::Dataset& set_;
  std::vector<int64_t> objects_;  // by class
  int64_t most_found_ = std::numeric_limits<int64_t>::max();
  int64_t crowded_images_ = 0, most_ = 0, most_image_ = 0;
  std::optional<DetectionFiles> files_;
};

/// Refuses options that are not for models of this kind.
void check_options(const EvaluateOptions& options, const Config& config) {
  const data::AnnotationKind kind = tasks::task_row(config.task.name).annotation;
  const bool classes =
      kind == data::AnnotationKind::one_class || kind == data::AnnotationKind::classes;
  const std::string model = "a model for " + config.task.name;
  if (options.write_detections && kind != data::AnnotationKind::objects)
    throw base::UsageError("--write-detections",
                           "found a file for objects, expected none: " + model + " finds none",
                           "remove it");
  if (options.predictions && !classes)
    throw base::UsageError(
        "--predictions",
        "found a file for classes of whole images, expected none: " + model + " answers with none",
        kind == data::AnnotationKind::objects     ? "write what it finds with --write-detections"
        : kind == data::AnnotationKind::label_map ? "write its maps with swin predict --output DIR"
                                                  : "remove it");
  if (options.flip && !classes)
    throw base::UsageError(
        "--flip", "found it, expected none: " + model + " does not answer with classes",
        kind == data::AnnotationKind::label_map ? "--set task.inference.flip=true does it for maps"
                                                : "remove it");
}

/// The folder is replaced as a whole.
void require_outside(const std::string& predictions, const std::string& output) {
  const std::filesystem::path folder = std::filesystem::weakly_canonical(output),
                              file = std::filesystem::weakly_canonical(predictions);
  if (std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end())
    throw base::UsageError("--predictions",
                           "found a file in the folder of --output, expected one beside it",
                           "name another file: that folder is replaced as a whole");
}

}  // namespace

EvaluateResult evaluate(const EvaluateOptions& options) {
  const LoadedModel loaded = load_model(options.checkpoint, options.sets);
  const Config& config = loaded.config;
  const DatasetConfig dataset_config = dataset_of(config, options);
  MeasuredSet set;
  const tasks::TaskRow& row = tasks::task_row(config.task.name);
  const bool has_classes = tasks::has_classes(row);
  const bool has_objects = row.annotation == data::AnnotationKind::objects;
  check_options(options, config);
  if (options.output) require_evaluation_folder("--output", *options.output);
  if (options.output && options.predictions) require_outside(*options.predictions, *options.output);
  const Head head = has_classes ? head_of(loaded, options) : Head();
  set.images = open_dataset_of(dataset_config, config, false, head.known_names());
  const std::string name = options.data.empty() ? dataset_config.field : options.data;
  Progress progress({.quiet = options.quiet});
  const data::Summary summary = data::summary_of(*set.images, name);
  for (const std::string& line : summary.notes) progress.note(line);
  for (const std::string& line : summary.warnings) progress.warning(line);
  EvaluateResult result;
  result.data = data::summary_json(*set.images);
  if (has_classes) {
    const std::string list =
        "name them with --classes FILE (a name a line, in the order of the head)";
    set = match_classes(
        std::move(set.images), head,
        {.where = name,
         .format = dataset_config.format,
         .ignore_unknown_classes =
             options.ignore_unknown_classes || config.data.ignore_unknown_classes,
         .ignore_remedy = "leave their images out with --ignore-unknown-classes, or name the "
                          "classes of the checkpoint with --classes FILE",
         .by_order = true,
         .order_remedy = list});
    for (const std::string& line : set.notes) progress.note(line);
  }
  const data::LoaderOptions loader_options = evaluation_loader(config, *set.images);
  data::Loader loader(*set.images, loader_options);

  const std::vector<std::string> names = row_names(head.names, head.num_classes);
  std::optional<PredictionFile> predictions;
  if (options.predictions)
    predictions.emplace(*options.predictions, *set.images, names, has_label_rows(config));
  std::optional<ObjectWatch> objects;
  if (has_objects) objects.emplace(*loaded.task, config, set, names, options.write_detections);
  Inference inference(*loaded.task);
  const base::Stopwatch watch;
  Measured measured = *measure(
      *loaded.task, loader, loader_options.batch_size, {set.labels, loader_options.label_rows},
      [&](int64_t images) {
        progress.images("evaluating", images, set.images->size());
        return true;
      },
      {.errors = has_objects,
       .flip = options.flip,
       .inference = &inference,
       .pictures = options.output ? std::optional(picture_options(config, names)) : std::nullopt,
       .batch_done = [&](const MeasuredBatch& done) {
         if (objects) objects->add(done);
         if (predictions) predictions->add(done, loaded.task->answers(done.outputs));
       }});
  const double seconds = watch.seconds();
  if (measured.images == 0)
    throw base::DataError(name, unreadable_text(measured, "some to measure"), "repair them");
  for (size_t i = 0; i < std::min(measured.bad.size(), kNamedBadImages); ++i)
    progress.warning("swin: warning: " + measured.bad[i].error + " (left out)");
  if (predictions) {
    predictions->finish();
    progress.note("wrote " + *options.predictions);
  }
  if (options.output) {
    EvaluationReport report = report_of(measured, name, names);
    report.step = loaded.step;
    report.epoch = loaded.epoch;
    write_evaluation(report, *options.output);
    progress.note("wrote " + (std::filesystem::path(*options.output) / "evaluation.json").string());
  }
  result.images = measured.images;
  result.bad = std::move(measured.bad);
  result.metrics = std::move(measured.metrics);
  result.errors = std::move(measured.errors);
  result.confusion = std::move(measured.confusion);
  result.calibration = std::move(measured.calibration);
  if (objects) objects->finish(name, progress);
  for (size_t k = 0; k < measured.per_class.size(); ++k)
    result.per_class.push_back({names[k], std::move(measured.per_class[k]),
                                objects ? objects->objects_of(k) : int64_t{-1}});
  result.images_per_second = static_cast<double>(result.images) / seconds;
  return result;
}

base::Json metrics_json(const tasks::Metrics& metrics) {
  base::Json json = base::Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

base::Json to_json(const EvaluateResult& result) {
  base::Json json = base::Json::object();
  json["images"] = result.images;
  for (const auto& [name, value] : result.metrics) json[name] = value;
  if (!result.per_class.empty()) json["per_class"] = base::Json::array();
  for (const EvaluateResult::OfClass& of : result.per_class) {
    base::Json row = base::Json::object();
    row["class_name"] = of.class_name;
    if (of.objects >= 0) row["objects"] = of.objects;
    for (const auto& [name, value] : of.metrics) row[name] = class_metric_json(name, value);
    json["per_class"].push_back(std::move(row));
  }
  if (!result.confusion.empty())
    json["confusion_matrix"] = matrix_json(result.confusion, std::ssize(result.per_class));
  if (!result.calibration.empty()) json["calibration"] = bins_json(result.calibration);
  if (!result.errors.empty()) json["errors"] = metrics_json(result.errors);
  json["images_per_second"] = result.images_per_second;
  json["bad_images"] = std::ssize(result.bad);
  base::Json& bad = json["bad"] = base::Json::array();
  for (const Measured::Bad& image : result.bad) {
    base::Json entry = base::Json::object();
    entry["path"] = image.name;
    entry["error"] = image.error;
    bad.push_back(std::move(entry));
  }
  json["data"] = result.data;
  return json;
}

}  // namespace swin::trainers
