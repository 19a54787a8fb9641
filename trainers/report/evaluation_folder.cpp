#include "trainers/report/evaluation_folder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/errors.h"
#include "base/text.h"
#include "data/decode/decode.h"
#include "files/atomic_directory.h"
#include "files/bytes.h"
#include "trainers/report/charts.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr size_t kMostPairs = 50;

std::string name_of(const EvaluationReport& report, int64_t k) {
  return report.class_names.at(static_cast<size_t>(k));
}

std::string per_class_csv(const EvaluationReport& report) {
  std::vector<std::string> header = {"class_name"};
  for (const auto& [name, value] : report.per_class[0]) header.push_back(name);
  std::string text = base::csv_line(header);
  for (size_t k = 0; k < report.per_class.size(); ++k) {
    std::vector<std::string> row = {report.class_names.at(k)};
    for (const auto& [name, value] : report.per_class[k])
      row.push_back(value < 0 || std::isnan(value) ? "" : to_text(class_metric_json(name, value)));
    text += base::csv_line(row);
  }
  return text;
}

std::string pairs_csv(const EvaluationReport& report,
                      std::span<const tasks::ConfusionEntry> entries) {
  std::string text = base::csv_line(std::vector<std::string>{"label", "prediction", "count"});
  for (const auto& [label, prediction, count] : entries)
    text += base::csv_line(std::vector<std::string>{
        name_of(report, label), name_of(report, prediction), std::to_string(count)});
  return text;
}

std::string matrix_csv(const EvaluationReport& report, const std::vector<int64_t>& matrix) {
  std::vector<std::string> header = {"label"};
  header.insert(header.end(), report.class_names.begin(), report.class_names.end());
  std::string text = base::csv_line(header);
  const size_t classes = report.class_names.size();
  for (size_t k = 0; k < classes; ++k) {
    std::vector<std::string> row = {report.class_names[k]};
    for (size_t p = 0; p < classes; ++p) row.push_back(std::to_string(matrix[k * classes + p]));
    text += base::csv_line(row);
  }
  return text;
}

Json evaluation_json(const EvaluationReport& report) {
  Json json = Json::object();
  json["step"] = report.step;
  json["epoch"] = report.epoch;
  json["set"] = report.set;
  json["images"] = report.images;
  json["bad_images"] = report.bad_images;
  Json& metrics = json["metrics"] = Json::object();
  for (const auto& [name, value] : report.metrics) metrics[name] = value;
  if (!report.class_names.empty()) json["classes"] = Json::array_of(report.class_names);
  if (!report.per_class.empty()) {
    Json& rows = json["per_class"] = Json::array();
    for (size_t k = 0; k < report.per_class.size(); ++k) {
      Json row = Json::object();
      row["class_name"] = report.class_names.at(k);
      for (const auto& [name, value] : report.per_class[k])
        row[name] = class_metric_json(name, value);
      rows.push_back(std::move(row));
    }
  }
  if (!report.confusion.empty())
    (json["confusion_matrix"] = Json::object())["entries"] = entries_json(report.confusion);
  if (!report.calibration.empty()) {
    Json& calibration = json["calibration"] = Json::object();
    for (const auto& [name, value] : report.metrics)
      if (name == "ece") calibration[name] = value;
    calibration["bins"] = bins_json(report.calibration);
  }
  return json;
}

/// Writes the pictures as PNG. @return {file, caption, picture} of each.
Json write_pictures(const std::vector<EvaluationReport::Picture>& pictures,
                    const std::string& folder, bool mistakes, files::AtomicDirectory& directory) {
  Json list = Json::array();
  for (size_t i = 0; i < pictures.size(); ++i) {
    const EvaluationReport::Picture& picture = pictures[i];
    char name[32];
    std::snprintf(name, sizeof name, "%02zu.png", i + 1);
    const std::string path = folder + "/" + name;
    directory.write(path, files::text_of(data::encode_png(picture.image)));
    Json entry = Json::object();
    entry["file"] = picture.file;
    entry["caption"] = picture.caption;
    if (mistakes) {
      entry["label"] = picture.label;
      entry["prediction"] = picture.prediction;
      entry["probability"] = picture.probability;
      entry["loss"] = picture.loss;
    }
    entry["picture"] = path;
    list.push_back(std::move(entry));
  }
  return list;
}

void write_confusion(const EvaluationReport& report, files::AtomicDirectory& directory) {
  const auto classes = std::ssize(report.class_names);
  directory.write("most_confused.csv",
                  pairs_csv(report, tasks::most_confused(report.confusion, kMostPairs)));
  if (classes > kMostDrawnClasses)
    return directory.write("confusion_matrix.csv", pairs_csv(report, report.confusion));
  const std::vector<int64_t> matrix = dense_matrix(report.confusion, classes);
  directory.write("confusion_matrix.csv", matrix_csv(report, matrix));
  directory.write("confusion_matrix.svg",
                  matrix_chart({"Confusion matrix of " + report.set, "prediction", "label"},
                               report.class_names, matrix));
}

}  // namespace

std::vector<int64_t> dense_matrix(std::span<const tasks::ConfusionEntry> entries, int64_t classes) {
  std::vector<int64_t> matrix(static_cast<size_t>(classes * classes));
  for (const auto& [label, prediction, count] : entries)
    matrix.at(static_cast<size_t>(label * classes + prediction)) = count;
  return matrix;
}

Json matrix_json(std::span<const tasks::ConfusionEntry> entries, int64_t classes) {
  if (classes > kMostDrawnClasses) {
    Json json = Json::object();
    json["entries"] = entries_json(entries);
    return json;
  }
  const std::vector<int64_t> matrix = dense_matrix(entries, classes);
  Json rows = Json::array();
  for (auto row = matrix.begin(); row != matrix.end(); row += classes)
    rows.push_back(Json::array_of(std::vector<int64_t>(row, row + classes)));
  return rows;
}

Json bins_json(std::span<const tasks::CalibrationBin> bins) {
  Json list = Json::array();
  for (const tasks::CalibrationBin& bin : bins) {
    Json entry = Json::object();
    entry["lower"] = bin.lower;
    entry["upper"] = bin.upper;
    entry["count"] = bin.count;
    entry["confidence"] = bin.confidence;
    entry["accuracy"] = bin.accuracy;
    list.push_back(std::move(entry));
  }
  return list;
}

Json entries_json(std::span<const tasks::ConfusionEntry> entries) {
  Json list = Json::array();
  for (const auto& [label, prediction, count] : entries)
    list.push_back(Json::array_of(std::vector<int64_t>{label, prediction, count}));
  return list;
}

Json class_metric_json(const std::string& metric, double value) {
  if (tasks::is_count(metric)) return Json(static_cast<int64_t>(value));
  return Json(value);
}

void write_evaluation(const EvaluationReport& report, const fs::path& folder) {
  files::AtomicDirectory directory(folder);
  Json json = evaluation_json(report);
  if (!report.per_class.empty()) directory.write("per_class.csv", per_class_csv(report));
  if (!report.confusion.empty()) write_confusion(report, directory);
  if (!report.calibration.empty())
    directory.write("reliability.svg",
                    reliability_chart({"Calibration on " + report.set,
                                       "confidence (largest probability)", "accuracy"},
                                      report.calibration));
  if (!report.worst.empty()) json["worst"] = write_pictures(report.worst, "worst", true, directory);
  if (!report.answers.empty())
    json["answers"] = write_pictures(report.answers, "answers", false, directory);
  directory.write("evaluation.json", to_text(json, 2) + "\n");
  directory.put_into_place();
}

void require_evaluation_folder(const std::string& where, const fs::path& folder) {
  const std::vector<std::string> ours = {"evaluation.json",
                                         "per_class.csv",
                                         "confusion_matrix.csv",
                                         "most_confused.csv",
                                         "confusion_matrix.svg",
                                         "reliability.svg",
                                         "worst",
                                         "answers"};
  const auto refuse = [&](const std::string& found) {
    throw base::UsageError(where,
                           "found " + found +
                               ", expected a new or an empty folder, or one that an evaluation "
                               "has written",
                           "name another folder: its content is replaced");
  };
  std::error_code error;
  if (fs::equivalent(folder, ".", error)) refuse("the current folder");
  bool empty = true;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    empty = false;
    const std::string name = entry->path().filename().string();
    const bool own = entry.depth() == 0
                         ? std::find(ours.begin(), ours.end(), name) != ours.end()
                         : entry.depth() == 1 && name.ends_with(".png") &&
                               name.find_first_not_of("0123456789") == name.size() - 4;
    if (!own)
      refuse(base::printable(fs::relative(entry->path(), folder).string()) + " in " +
             folder.string());
  }
  if (!empty && !fs::exists(folder / "evaluation.json", error))
    refuse("no evaluation.json, but other files, in " + folder.string());
  const files::AtomicDirectory writable(folder);
}

EvaluationListener::EvaluationListener(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  if (fs::exists(folder_, error) && !fs::is_directory(folder_, error))
    throw base::DiskError(folder_.string(), "found a file, expected a folder or nothing",
                          "remove or rename it");
  const files::AtomicDirectory writable(folder_);
}

}  // namespace swin::trainers
