// swin predict: the classes of images, the most probable first, or of their pixels, or the objects
// in them, drawn.
#include "trainers/run/predict.h"

#include <algorithm>
#include <filesystem>

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "files/atomic_file.h"

namespace swin::cli {
namespace {

using trainers::ImagePredictions;

std::string classes_text(const std::vector<ImagePredictions>& answers) {
  const bool maps = std::any_of(answers.begin(), answers.end(),
                                [](const auto& answer) { return answer.map.has_value(); });
  Table table(
      {{"IMAGE"}, {"CLASS"}, {maps ? "PART OF PIXELS" : "PROBABILITY", Table::Align::right}, {""}});
  for (const ImagePredictions& answer : answers) {
    std::string image = one_line(answer.image);
    for (const trainers::Prediction& prediction : answer.predictions) {
      table.row({image, one_line(prediction.class_name), percent(prediction.probability),
                 bar(prediction.probability, 20)});
      image.clear();  // once per image
    }
  }
  return table.text();
}

std::string objects_text(const std::vector<ImagePredictions>& answers) {
  using Align = Table::Align;
  Table table({{"IMAGE"},
               {"CLASS"},
               {"SCORE", Align::right},
               {"X1", Align::right},
               {"Y1", Align::right},
               {"X2", Align::right},
               {"Y2", Align::right}});
  for (const ImagePredictions& answer : answers) {
    if (!answer.error.empty()) continue;
    std::string image = one_line(answer.image);
    const ImagePredictions::Found& found = *answer.found;
    for (size_t i = 0; i < found.objects.size(); ++i) {
      const data::BoundingBox& box = found.objects[i].box;
      table.row({image, one_line(found.class_names[i]), fixed(found.objects[i].score, 4),
                 fixed(box.x1, 1), fixed(box.y1, 1), fixed(box.x2, 1), fixed(box.y2, 1)});
      image.clear();
    }
    if (found.objects.empty()) table.row({image, "no object", "", "", "", "", ""});
  }
  return table.text();
}

}  // namespace

base::ExitCode run(const PredictArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const trainers::Predictor predictor(arguments.checkpoint,
                                      {.score = arguments.score,
                                       .iou = arguments.iou,
                                       .max_detections = arguments.max_detections,
                                       .only_classes = arguments.only_classes});
  const std::vector<ImagePredictions> answers =
      predictor.predict(arguments.images, {.top_k = arguments.top_k, .output = arguments.output});
  const bool objects = !answers.empty() && answers[0].found.has_value();
  if (arguments.output) {
    const auto write = [&](const char* name, const std::string& text) {
      files::write_file_atomically(std::filesystem::path(*arguments.output) / name, text);
    };
    write("predictions.json", base::to_text(trainers::to_json(answers), 2) + "\n");
    if (objects) {
      write("detections.json", trainers::coco_results(answers));
      write("images.json", trainers::coco_images(answers, predictor.class_names()));
    }
  }
  if (arguments.json)
    print_json(trainers::to_json(answers));
  else
    print(objects ? objects_text(answers) : classes_text(answers));
  for (const ImagePredictions& answer : answers)
    if (!answer.error.empty()) note(error_line(base::ExitCode::data, answer.error));
  return trainers::exit_code(answers);
}

}  // namespace swin::cli
