#include "trainers/run/predict.h"

#include <algorithm>

#include "data/decode/decode.h"
#include "data/transforms/geometry.h"
#include "tasks/task.h"
#include "tasks/task_table.h"
#include "trainers/run/data_options.h"
#include "trainers/run/draw_maps.h"

namespace swin::trainers {

Predictor::Predictor(const std::string& checkpoint) : model_(load_model(checkpoint)) {}

std::string Predictor::class_name(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return i < model_.class_names.size() ? model_.class_names[i] : std::to_string(index);
}

std::vector<ImagePredictions> Predictor::predict(const std::vector<std::string>& images,
                                                 const PredictOptions& options) const {
  if (options.top_k < 1)
    throw base::UsageError("--top-k",
                           "found " + std::to_string(options.top_k) + ", expected at least 1");
  const std::string& task = model_.config.task.name;
  const bool maps = tasks::task_row(task).annotation == data::AnnotationKind::label_map;
  if (options.output && !maps)
    throw base::UsageError("--output",
                           "found a folder for drawings, expected none: a model for " + task +
                               " answers with classes of whole images",
                           "remove it");
  std::optional<MapFolder> folder;
  if (options.output) folder.emplace(*options.output, colors_of(model_.config));
  const int64_t channels = model_.config.model.in_chans;
  const data::Preprocess preprocess = preprocess_of(model_.config);
  std::vector<ImagePredictions> answers;
  for (const std::string& path : images) {
    ImagePredictions& answer = answers.emplace_back();
    answer.image = path;
    data::Image image;
    data::PreparedImage prepared;
    try {
      image = data::read_image(path, channels, decode_of(model_.config));
      prepared = data::preprocess_image(image, preprocess);
    } catch (const base::DataError& e) {
      answer.error = e.what();
      continue;
    }
    // One image per forward, so that its predictions never depend on the other images.
    const auto [height, width] = prepared.padded_size;
    const tasks::Outputs outputs =
        model_.task->outputs(autograd::Tensor::from({1, height, width, channels}, prepared.pixels),
                             tasks::Detail::answers,
                             {.real_sizes = std::span(&prepared.real_size, 1),
                              .original_sizes = std::span(&prepared.original_size, 1)});
    const tasks::Answer answered = model_.task->answers(outputs).front();
    for (const auto& [index, probability] : answered.classes)
      if (std::ssize(answer.predictions) < options.top_k)
        answer.predictions.push_back({index, class_name(index), probability, 0});
    if (!answered.map) continue;
    answer.map = {answered.map->height, answered.map->width, "", ""};
    if (folder)
      std::tie(answer.map->labels, answer.map->overlay) = folder->write(path, image, *answered.map);
    for (const auto& [index, pixels] : class_pixels(*answered.map))
      answer.predictions.push_back(
          {index, class_name(index),
           static_cast<double>(pixels) / static_cast<double>(answered.map->classes.size()),
           pixels});
  }
  return answers;
}

base::ExitCode exit_code(const std::vector<ImagePredictions>& answers) {
  for (const ImagePredictions& answer : answers)
    if (!answer.error.empty()) return base::ExitCode::data;
  return base::ExitCode::done;
}

base::Json to_json(const std::vector<ImagePredictions>& answers) {
  base::Json list = base::Json::array();
  for (const ImagePredictions& answer : answers) {
    base::Json item = base::Json::object();
    item["image"] = answer.image;
    if (answer.map)
      item["size"] =
          base::Json::array_of(std::vector<int64_t>{answer.map->height, answer.map->width});
    base::Json predictions = base::Json::array();
    for (const Prediction& prediction : answer.predictions) {
      base::Json p = base::Json::object();
      p["class_index"] = prediction.class_index;
      p["class_name"] = prediction.class_name;
      if (answer.map) p["pixels"] = prediction.pixels;
      p[answer.map ? "fraction" : "probability"] = prediction.probability;
      predictions.push_back(std::move(p));
    }
    item["predictions"] = std::move(predictions);
    if (answer.map && !answer.map->labels.empty()) {
      item["labels"] = answer.map->labels;
      item["overlay"] = answer.map->overlay;
    }
    if (!answer.error.empty()) item["error"] = answer.error;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace swin::trainers
