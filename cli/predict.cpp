// swin predict: the classes of images, the most probable first, or of their pixels, drawn.
#include "trainers/run/predict.h"

#include <algorithm>
#include <filesystem>

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "files/atomic_file.h"

namespace swin::cli {

base::ExitCode run(const PredictArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const trainers::Predictor predictor(arguments.checkpoint);
  const std::vector<trainers::ImagePredictions> answers =
      predictor.predict(arguments.images, {.top_k = arguments.top_k, .output = arguments.output});
  if (arguments.output)
    files::write_file_atomically(std::filesystem::path(*arguments.output) / "predictions.json",
                                 base::to_text(trainers::to_json(answers), 2) + "\n");
  if (arguments.json) {
    print_json(trainers::to_json(answers));
  } else {
    const bool maps = std::any_of(answers.begin(), answers.end(),
                                  [](const auto& answer) { return answer.map.has_value(); });
    Table table({{"IMAGE"},
                 {"CLASS"},
                 {maps ? "PART OF PIXELS" : "PROBABILITY", Table::Align::right},
                 {""}});
    for (const trainers::ImagePredictions& answer : answers) {
      std::string image = one_line(answer.image);
      for (const trainers::Prediction& prediction : answer.predictions) {
        table.row({image, one_line(prediction.class_name), percent(prediction.probability),
                   bar(prediction.probability, 20)});
        image.clear();  // once per image
      }
    }
    print(table.text());
  }
  for (const trainers::ImagePredictions& answer : answers)
    if (!answer.error.empty()) note(error_line(base::ExitCode::data, answer.error));
  return trainers::exit_code(answers);
}

}  // namespace swin::cli
