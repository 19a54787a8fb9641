// Reads RUN/evaluation, which write_evaluation (evaluation_folder.h) has written.
#include <cmath>
#include <fstream>
#include <limits>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "data/decode/decode.h"
#include "trainers/config/fields.h"
#include "trainers/report/report_run.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr size_t kMostBytes = 256u << 20;  // of evaluation.json: 20,000 classes take 10 MB

/// What is not as it was written: the file is damaged, or of another program.
struct Unexpected {
  std::string what;
};

const Json& part(const Json& json, const std::string& path, Json::Type type) {
  const Json* value = find_path(json, path);
  if (!value || value->type() != type) throw Unexpected{"it has no " + path};
  return *value;
}

int64_t integer(const Json& json, const std::string& path) {
  return part(json, path, Json::Type::integer).as_int();
}

std::string text(const Json& json, const std::string& path) {
  return part(json, path, Json::Type::string).as_string();
}

/// NaN for null.
double number(const Json& json, const std::string& path) {
  const Json* value = find_path(json, path);
  if (!value || !(value->is_number() || value->is_null())) throw Unexpected{"it has no " + path};
  return value->is_null() ? std::numeric_limits<double>::quiet_NaN() : value->as_real();
}

/// The numbers of an object, without texts.
tasks::Metrics metrics_of(const Json& object) {
  tasks::Metrics metrics;
  for (const auto& [name, value] : object.members())
    if (value.is_number() || value.is_null()) metrics.emplace_back(name, number(object, name));
  return metrics;
}

/// Reads a picture. @return what is wrong where it cannot be read
std::string read_picture(const fs::path& folder, const fs::path& file, data::Image& image) {
  const std::string name = base::printable(file.string());
  // Only a file of the folder itself, whatever an edited evaluation.json says.
  if (file.empty() || file.is_absolute() || file.lexically_normal().begin()->string() == "..")
    return "evaluation.json names " + name + ", which is not in evaluation/";
  std::error_code error;
  const fs::path path = folder / file;
  if (!fs::exists(path, error)) return name + " is missing";
  if (!fs::is_regular_file(path, error)) return name + " is no file";
  try {
    image = data::read_image(path.string(), 3);
    return "";
  } catch (const base::Error& problem) {
    return problem.what();
  }
}

std::vector<EvaluationReport::Picture> pictures_of(const Json& json, const char* name,
                                                   const fs::path& folder,
                                                   std::vector<std::string>& notes) {
  std::vector<EvaluationReport::Picture> list;
  if (!json.find(name)) return list;
  std::string first;  // what is wrong with the first one
  int64_t broken = 0;
  for (const Json& entry : part(json, name, Json::Type::array).items()) {
    EvaluationReport::Picture picture;
    picture.file = text(entry, "file");
    picture.caption = text(entry, "caption");
    if (const std::string problem = read_picture(folder, text(entry, "picture"), picture.image);
        !problem.empty() && ++broken == 1)
      first = problem;
    list.push_back(std::move(picture));
  }
  if (broken > 0)
    notes.push_back(base::counted(broken, "picture") + " of evaluation/" + name +
                    " cannot be shown; " + (broken == 1 ? "" : "the first one: ") + first + ".");
  return list;
}

std::vector<tasks::ConfusionEntry> confusion_of(const Json& json, size_t classes) {
  std::vector<tasks::ConfusionEntry> list;
  if (!json.find("confusion_matrix")) return list;
  for (const Json& entry : part(json, "confusion_matrix.entries", Json::Type::array).items()) {
    int64_t values[3];
    for (size_t k = 0; k < 3; ++k) {
      if (entry.size() != 3 || !entry.items()[k].is_integer())
        throw Unexpected{"an entry of its confusion matrix is not [label, prediction, count]"};
      values[k] = entry.items()[k].as_int();
    }
    if (std::min(values[0], values[1]) < 0 ||
        std::max(values[0], values[1]) >= static_cast<int64_t>(classes))
      throw Unexpected{"its confusion matrix names a class that is not among its classes"};
    list.push_back({values[0], values[1], values[2]});
  }
  return list;
}

EvaluationReport report_of(const Json& json, const fs::path& folder,
                           std::vector<std::string>& notes) {
  EvaluationReport report;
  report.step = integer(json, "step");
  report.epoch = integer(json, "epoch");
  report.set = text(json, "set");
  report.images = integer(json, "images");
  report.bad_images = integer(json, "bad_images");
  report.metrics = metrics_of(part(json, "metrics", Json::Type::object));
  if (json.find("classes"))
    for (const Json& name : part(json, "classes", Json::Type::array).items())
      report.class_names.push_back(name.is_string() ? name.as_string() : base::to_text(name));
  if (json.find("per_class"))
    for (const Json& row : part(json, "per_class", Json::Type::array).items()) {
      if (!row.is_object()) throw Unexpected{"a row of per_class is no object"};
      report.per_class.push_back(metrics_of(row));
    }
  if (!report.per_class.empty() && report.per_class.size() != report.class_names.size())
    throw Unexpected{"per_class and classes differ in length"};
  report.confusion = confusion_of(json, report.class_names.size());
  if (json.find("calibration"))
    for (const Json& bin : part(json, "calibration.bins", Json::Type::array).items())
      report.calibration.push_back({number(bin, "lower"), number(bin, "upper"),
                                    integer(bin, "count"), number(bin, "confidence"),
                                    number(bin, "accuracy")});
  report.worst = pictures_of(json, "worst", folder, notes);
  report.answers = pictures_of(json, "answers", folder, notes);
  return report;
}

}  // namespace

std::string evaluation_command(const fs::path& run) {
  std::error_code error;
  for (const char* name : {"last.h5", "best.h5"})
    if (fs::exists(run / name, error))
      return std::string("swin evaluate RUN/") + name + " --output RUN/evaluation";
  return "";
}

std::optional<EvaluationReport> read_evaluation(const fs::path& folder,
                                                std::vector<std::string>& notes) {
  const fs::path path = folder / "evaluation.json";
  std::error_code unknown;
  if (!fs::exists(path, unknown)) return std::nullopt;
  if (!fs::is_regular_file(path, unknown)) {
    notes.push_back("evaluation/evaluation.json is no file, so the last evaluation is not here.");
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string begin = "evaluation/evaluation.json cannot be read (";
  const std::string command = evaluation_command(folder.parent_path());
  const std::string end = "), so the last evaluation is not here" +
                          (command.empty() ? "." : "; `" + command + "` writes it again.");
  try {
    const Json json = base::parse_json(text, "evaluation.json", {.max_bytes = kMostBytes});
    return report_of(json, folder, notes);
  } catch (const base::JsonSyntaxError& error) {
    notes.push_back(begin + "line " + std::to_string(error.position.line) + ": " + error.what +
                    end);
  } catch (const Unexpected& error) {
    notes.push_back(begin + error.what + end);
  }
  return std::nullopt;
}

}  // namespace swin::trainers
