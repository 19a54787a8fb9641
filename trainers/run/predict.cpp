#include "trainers/run/predict.h"

#include <algorithm>

#include "base/text.h"
#include "data/coco_writer.h"
#include "data/decode/decode.h"
#include "data/transforms/geometry.h"
#include "tasks/task.h"
#include "tasks/task_table.h"
#include "trainers/run/classes.h"
#include "trainers/run/data_options.h"
#include "trainers/run/draw_maps.h"
#include "trainers/run/draw_objects.h"

namespace swin::trainers {
namespace {

using data::AnnotationKind;

constexpr const char* kMostField = "test.max_detections";
// Of all classes, before those of --only-classes are taken out of them.
constexpr int64_t kBeforeChoice = 1000;
constexpr int64_t kTopK = 5;  // classes that an answer has by default

AnnotationKind kind_of(const Config& config) {
  return tasks::task_row(config.task.name).annotation;
}

// What a model answers with.
std::string answers_of(const Config& config) {
  const AnnotationKind kind = kind_of(config);
  return "a model for " + config.task.name + " answers with " +
         (kind == AnnotationKind::objects     ? "objects"
          : kind == AnnotationKind::label_map ? "classes of pixels"
                                              : "classes of whole images");
}

[[noreturn]] void refuse(const std::string& option, const std::string& of, const Config& config) {
  throw base::UsageError(option, "found " + of + ", expected none: " + answers_of(config),
                         "remove it");
}

int64_t most_objects(const DetectorOptions& options, const Config& config) {
  return options.max_detections.value_or(config.task.own.integer(kMostField));
}

// The fields of the config that the options replace.
std::vector<std::string> sets_of(const DetectorOptions& options, const Config& config) {
  if (kind_of(config) != AnnotationKind::objects) {
    if (options.score) refuse("--score", "a score of objects", config);
    if (options.iou) refuse("--iou", "an overlap of objects", config);
    if (options.max_detections) refuse("--max-detections", "a number of objects", config);
    if (!options.only_classes.empty()) refuse("--only-classes", "classes of objects", config);
    return {};
  }
  std::vector<std::string> sets;
  const auto set = [&](const std::string& field, const base::Json& value) {
    sets.push_back("task.test." + field + "=" + base::to_text(value));
  };
  if (options.score) set("score", base::Json(*options.score));
  if (options.iou) set("iou", base::Json(*options.iou));
  int64_t most = most_objects(options, config);
  if (!options.only_classes.empty()) most = std::max(most, kBeforeChoice);
  set("max_detections", base::Json(most));
  return sets;
}

}  // namespace

Predictor::Predictor(const std::string& checkpoint, const DetectorOptions& detector)
    : model_(load_model(checkpoint, [&](const Config& stored) {
        std::vector<std::string> sets = sets_of(detector, stored);
        if (!detector.only_classes.empty()) most_objects_ = most_objects(detector, stored);
        return sets;
      })) {
  inference_ = std::make_unique<Inference>(*model_.task);
  if (detector.only_classes.empty()) return;
  const std::vector<std::string> names = class_names();
  wanted_.resize(names.size());
  for (const std::string& name : detector.only_classes) {
    const auto found = std::ranges::find_if(
        names, [&](const std::string& known) { return same_names({known}, {name}); });
    if (found == names.end()) {
      const std::string nearest = base::nearest_if_close(name, names, 2);
      throw base::UsageError("--only-classes",
                             "found \"" + base::printable(name) + "\", expected classes of the " +
                                 "checkpoint: " + base::listing(names, 8),
                             nearest.empty() ? "name some of them, with commas between them"
                                             : "did you mean " + base::printable(nearest) + "?");
    }
    wanted_[static_cast<size_t>(found - names.begin())] = true;
  }
}

std::string Predictor::class_name(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return i < model_.class_names.size() ? model_.class_names[i] : std::to_string(index);
}

std::vector<std::string> Predictor::class_names() const {
  std::vector<std::string> names;
  for (int64_t k = 0; k < model_.config.model.num_classes; ++k) names.push_back(class_name(k));
  return names;
}

void Predictor::check(const PredictOptions& options) const {
  const bool whole_images = !data::has_pixels_or_objects(kind_of(model_.config));
  if (options.top_k && *options.top_k < 1)
    throw base::UsageError("--top-k",
                           "found " + std::to_string(*options.top_k) + ", expected at least 1");
  if (options.top_k && !whole_images)
    refuse("--top-k", "a number of classes per image", model_.config);
  if (options.output && whole_images) refuse("--output", "a folder for drawings", model_.config);
}

tasks::Answer Predictor::answer_for(const data::Image& image) const {
  const data::PreparedImage prepared = data::preprocess_image(image, preprocess_of(model_.config));
  const auto [height, width] = prepared.padded_size;
  const tasks::Outputs outputs =
      (*inference_)(autograd::Tensor::from({1, height, width, image.channels}, prepared.pixels),
                    tasks::Detail::answers,
                    {.real_sizes = std::span(&prepared.real_size, 1),
                     .original_sizes = std::span(&prepared.original_size, 1)});
  return std::move(model_.task->answers(outputs).front());
}

void Predictor::name_classes(const tasks::Answer& answered, int64_t top_k,
                             ImagePredictions& answer) const {
  for (const auto& [index, probability] : answered.classes)
    if (std::ssize(answer.predictions) < top_k)
      answer.predictions.push_back({index, class_name(index), probability, 0});
}

void Predictor::describe_map(const std::string& path, const data::Image& image,
                             const data::LabelMap& map, DrawingFolder* folder,
                             ImagePredictions& answer) const {
  answer.map = {map.height, map.width, "", ""};
  if (folder)
    std::tie(answer.map->labels, answer.map->overlay) =
        write_map(*folder, path, image, map, colors_of(model_.config));
  for (const auto& [index, pixels] : class_pixels(map))
    answer.predictions.push_back(
        {index, class_name(index),
         static_cast<double>(pixels) / static_cast<double>(map.classes.size()), pixels});
}

void Predictor::keep_objects(const std::string& path, const data::Image& image,
                             tasks::Answer answered, DrawingFolder* folder,
                             ImagePredictions& answer) const {
  ImagePredictions::Found& found = *answer.found;
  found.size = {image.height, image.width};
  found.objects = std::move(*answered.objects);
  if (!wanted_.empty())
    std::erase_if(found.objects, [&](const tasks::Detected& object) {
      return !wanted_[static_cast<size_t>(object.class_index)];
    });
  if (most_objects_ >= 0 && std::ssize(found.objects) > most_objects_)
    found.objects.resize(static_cast<size_t>(most_objects_));
  for (const tasks::Detected& object : found.objects)
    found.class_names.push_back(class_name(object.class_index));
  if (folder)
    found.drawn =
        folder->write(folder->name_of(path) + "_objects.png",
                      data::encode_png(draw_objects(image, found.objects, class_names())));
}

std::vector<ImagePredictions> Predictor::predict(const std::vector<std::string>& images,
                                                 const PredictOptions& options) const {
  check(options);
  std::optional<DrawingFolder> folder;
  if (options.output) folder.emplace(*options.output);
  DrawingFolder* const drawings = folder ? &*folder : nullptr;
  std::vector<ImagePredictions> answers;
  for (const std::string& path : images) {
    ImagePredictions& answer = answers.emplace_back();
    answer.image = path;
    if (kind_of(model_.config) == AnnotationKind::objects) answer.found.emplace();
    try {
      // One image per forward, so that its predictions never depend on the other images.
      const data::Image image =
          data::read_image(path, model_.config.model.in_chans, decode_of(model_.config));
      tasks::Answer answered = answer_for(image);
      name_classes(answered, options.top_k.value_or(kTopK), answer);
      if (answered.map) describe_map(path, image, *answered.map, drawings, answer);
      if (answered.objects) keep_objects(path, image, std::move(answered), drawings, answer);
    } catch (const base::DataError& e) {
      answer.error = e.what();
    }
  }
  return answers;
}

base::ExitCode exit_code(const std::vector<ImagePredictions>& answers) {
  for (const ImagePredictions& answer : answers)
    if (!answer.error.empty()) return base::ExitCode::data;
  return base::ExitCode::done;
}

namespace {

base::Json predictions_json(const ImagePredictions& answer) {
  base::Json predictions = base::Json::array();
  for (const Prediction& prediction : answer.predictions) {
    base::Json p = base::Json::object();
    p["class_index"] = prediction.class_index;
    p["class_name"] = prediction.class_name;
    if (answer.map) p["pixels"] = prediction.pixels;
    p[answer.map ? "fraction" : "probability"] = prediction.probability;
    predictions.push_back(std::move(p));
  }
  return predictions;
}

base::Json objects_json(const ImagePredictions::Found& found) {
  base::Json objects = base::Json::array();
  for (size_t i = 0; i < found.objects.size(); ++i) {
    const tasks::Detected& object = found.objects[i];
    const data::BoundingBox& box = object.box;
    base::Json o = base::Json::object();
    o["class_index"] = object.class_index;
    o["class_name"] = found.class_names[i];
    o["score"] = object.score;
    o["box"] = base::Json::array_of(std::vector<double>{box.x1, box.y1, box.x2, box.y2});
    if (object.mask) o["mask"] = data::runs_json(*object.mask);
    objects.push_back(std::move(o));
  }
  return objects;
}

base::Json size_json(const base::Size2& size) {
  return base::Json::array_of(std::vector<int64_t>(size.begin(), size.end()));
}

}  // namespace

base::Json to_json(const std::vector<ImagePredictions>& answers) {
  base::Json list = base::Json::array();
  for (const ImagePredictions& answer : answers) {
    base::Json item = base::Json::object();
    item["image"] = answer.image;
    if (answer.map) item["size"] = size_json({answer.map->height, answer.map->width});
    if (answer.found) {
      if (answer.error.empty()) item["size"] = size_json(answer.found->size);
      item["objects"] = objects_json(*answer.found);
      if (!answer.found->drawn.empty()) item["drawn"] = answer.found->drawn;
    } else {
      item["predictions"] = predictions_json(answer);
    }
    if (answer.map && !answer.map->labels.empty()) {
      item["labels"] = answer.map->labels;
      item["overlay"] = answer.map->overlay;
    }
    if (!answer.error.empty()) item["error"] = answer.error;
    list.push_back(std::move(item));
  }
  return list;
}

std::string coco_results(const std::vector<ImagePredictions>& answers) {
  data::CocoResultsWriter writer;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].found) continue;
    for (const tasks::Detected& object : answers[i].found->objects)
      writer.add({static_cast<int64_t>(i) + 1}, object.class_index + 1, object.box, object.score,
                 object.mask ? &*object.mask : nullptr);
  }
  return writer.text();
}

std::string coco_images(const std::vector<ImagePredictions>& answers,
                        const std::vector<std::string>& class_names) {
  data::CocoWriter writer;
  for (size_t i = 0; i < answers.size(); ++i)
    if (answers[i].found && answers[i].error.empty())
      writer.add_image({static_cast<int64_t>(i) + 1}, answers[i].image, answers[i].found->size);
  for (size_t k = 0; k < class_names.size(); ++k)
    writer.add_category(static_cast<int64_t>(k) + 1, class_names[k]);
  return writer.text();
}

}  // namespace swin::trainers
