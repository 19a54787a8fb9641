#include "trainers/run/predict.h"

#include "data/decode/decode.h"
#include "tasks/task.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

Predictor::Predictor(const std::string& checkpoint) : model_(load_model(checkpoint)) {}

std::vector<ImagePredictions> Predictor::predict(const std::vector<std::string>& images,
                                                 int64_t top_k) const {
  if (top_k < 1)
    throw base::UsageError("--top-k", "found " + std::to_string(top_k) + ", expected at least 1");
  const layers::ModelConfig& config = model_.config.model;
  const data::Preprocess preprocess = preprocess_of(model_.config);
  std::vector<ImagePredictions> answers;
  for (const std::string& path : images) {
    ImagePredictions& answer = answers.emplace_back();
    answer.image = path;
    data::PreparedImage prepared;
    try {
      prepared = data::preprocess_image(
          data::read_image(path, config.in_chans, decode_of(model_.config)), preprocess);
    } catch (const base::DataError& e) {
      answer.error = e.what();
      continue;
    }
    // One image per forward, so that its predictions never depend on the other images.
    const tasks::Outputs outputs = model_.task->outputs(
        autograd::Tensor::from(
            {1, prepared.padded_size[0], prepared.padded_size[1], config.in_chans},
            prepared.pixels),
        tasks::Detail::answers);
    const tasks::Answer classified = model_.task->answers(outputs).front();
    for (const auto& [index, probability] : classified.classes)
      if (std::ssize(answer.predictions) < top_k)
        answer.predictions.push_back({index,
                                      model_.class_names.empty()
                                          ? std::to_string(index)
                                          : model_.class_names[static_cast<size_t>(index)],
                                      probability});
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
    base::Json predictions = base::Json::array();
    for (const Prediction& prediction : answer.predictions) {
      base::Json p = base::Json::object();
      p["class_index"] = prediction.class_index;
      p["class_name"] = prediction.class_name;
      p["probability"] = prediction.probability;
      predictions.push_back(std::move(p));
    }
    item["predictions"] = std::move(predictions);
    if (!answer.error.empty()) item["error"] = answer.error;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace swin::trainers
