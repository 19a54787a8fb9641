// swin explain: what a model sees in an image, as a page and its parts as files.
#include "trainers/explain/explain.h"

#include <filesystem>

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/decode/decode.h"
#include "files/atomic_file.h"
#include "trainers/run/drawings.h"

namespace swin::cli {
namespace {

std::string scores_text(const base::Json& scores) {
  Table table({{"CLASS"}, {"PROBABILITY", Table::Align::right}, {""}});
  for (const base::Json& score : scores.items()) {
    const double probability = score.at("probability").as_real();
    table.row({score.at("class_name").as_string(), percent(probability), bar(probability, 20)});
  }
  return table.text();
}

}  // namespace

base::ExitCode run(const ExplainArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const trainers::DrawingFolder folder(arguments.output);
  trainers::Explanation explanation =
      trainers::explain(arguments.checkpoint, arguments.image,
                        {arguments.stage, arguments.block, arguments.head, arguments.token,
                         arguments.pixel, arguments.class_name});
  trainers::remove_old_pictures(arguments.output);
  base::Json pictures = base::Json::array();
  for (const trainers::ExplainedPart& part : explanation.parts)
    for (const trainers::Picture& picture : part.pictures) {
      folder.write(picture.file, data::encode_png(picture.image));
      pictures.push_back(picture.file);
    }
  explanation.json["pictures"] = std::move(pictures);
  const std::filesystem::path page = std::filesystem::path(arguments.output) / "explain.html";
  files::write_file_atomically(page.parent_path() / "explain.json",
                               base::to_text(explanation.json, 2) + "\n");
  files::write_file_atomically(page, trainers::to_html(explanation));
  if (arguments.json) {
    print_json(explanation.json);
    return base::ExitCode::done;
  }
  if (const base::Json* scores = explanation.json.find("scores")) print(scores_text(*scores));
  for (const base::Json& missing : explanation.json.at("missing").items())
    print("No " + missing.at("part").as_string() + ": " + missing.at("reason").as_string() + "\n");
  print("Wrote " + base::counted(std::ssize(explanation.json.at("pictures").items()), "picture") +
        " to " + one_line(page.string()) + "\n");
  return base::ExitCode::done;
}

}  // namespace swin::cli
