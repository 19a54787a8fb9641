#include "trainers/run/initialise.h"

#include <charconv>
#include <fstream>

#include "base/errors.h"

namespace swin::trainers {

namespace {

using Action = layers::AdaptedTensor::Action;
constexpr Action kActions[] = {Action::loaded,        Action::resized, Action::adapted,
                               Action::reinitialised, Action::missing, Action::skipped};

/// The model of the file's own config, where it has one.
std::optional<layers::ModelConfig> source_config(const layers::WeightFile& file) {
  if (!file.config_json) return std::nullopt;
  const std::string where = file.where + ": meta/config";
  try {
    return parse_model_only(base::parse_json(*file.config_json, where));
  } catch (const base::JsonSyntaxError& e) {
    throw base::WeightError(where, e.what, "take another checkpoint");
  } catch (const base::UsageError& e) {
    throw base::WeightError(where, e.what(), "take another checkpoint");
  }
}

std::string list_text(const std::vector<int64_t>& values) {
  return base::to_text(base::Json::array_of(values));
}

}  // namespace

std::vector<int64_t> read_class_index(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    throw base::UsageError(path, "found no such file, expected one class index a line",
                           "correct init.class_index_file");
  std::vector<int64_t> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() && file.peek() == EOF) break;  // an editor's last empty line
    int64_t row = -1;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data(), end, row);
    if (error != std::errc() || stop != end || row < 0 || line[0] == '-')
      throw base::UsageError(
          path + ":" + std::to_string(rows.size() + 1),
          "found \"" + line.substr(0, 40) + "\", expected a whole number from 0 on",
          "line k is the file's class of class k");
    rows.push_back(row);
  }
  if (rows.empty())
    throw base::UsageError(path, "found an empty file, expected one class index a line",
                           "correct init.class_index_file");
  return rows;
}

base::Json to_json(const layers::AdaptReport& report, const layers::WeightFile& file) {
  base::Json json = base::Json::object();
  json["file"] = file.where;
  json["format"] = file.format;
  json["dialect"] = layers::name_of(file.dialect);
  base::Json counts = base::Json::object();
  for (const Action action : kActions) counts[layers::name_of(action)] = report.count(action);
  json["counts"] = std::move(counts);
  json["notes"] = base::Json::array_of(file.notes);
  base::Json tensors = base::Json::array();
  for (const layers::AdaptedTensor& tensor : report.tensors) {
    base::Json row = base::Json::object();
    row["name"] = tensor.name;
    row["action"] = layers::name_of(tensor.action);
    if (!tensor.detail.empty()) row["detail"] = tensor.detail;
    tensors.push_back(std::move(row));
  }
  json["tensors"] = std::move(tensors);
  return json;
}

InitialWeights::InitialWeights(Config& config, Progress& progress)
    : init_(config.init),
      file_(layers::read_weight_file(*init_.checkpoint, init_.allow_unexpected)),
      source_(source_config(file_)) {
  options_.head = init_.head == "keep"    ? layers::HeadInit::keep
                  : init_.head == "reset" ? layers::HeadInit::reset
                                          : layers::HeadInit::automatic;
  options_.position_resize = init_.position_bias_resize == "timm" ? layers::PositionResize::timm
                                                                  : layers::PositionResize::bicubic;
  options_.allow_missing = init_.allow_missing;
  options_.allow_unexpected = init_.allow_unexpected;
  if (init_.class_index_file) {
    options_.class_rows = read_class_index(*init_.class_index_file);
    options_.class_rows_where = *init_.class_index_file;
  }
  layers::ModelConfig& model = config.model;
  if (model.name != "swin_v2" || file_.model != "swin_v2" || !model.pretrained_window_sizes.empty())
    return;
  const layers::PretrainedWindows windows = layers::pretrained_windows(file_, source_, model);
  model.pretrained_window_sizes = windows.sizes;
  if (!windows.known)
    progress.warning("swin: warning: " + file_.where +
                     ": nothing says with which windows these weights were trained; taken to be "
                     "this model's; else set model.pretrained_window_sizes");
  else if (!windows.sizes.empty())
    progress.message("model.pretrained_window_sizes is " + list_text(windows.sizes) + ", from " +
                     windows.how);
}

void InitialWeights::load(layers::Model& model, const RunDirectory& directory,
                          Progress& progress) const {
  const layers::AdaptReport report =
      layers::adapt_weights(model.parameters(), model.config(), file_, source_, options_);
  std::string counts;
  for (const Action action : kActions)
    if (const int64_t count = report.count(action))
      counts +=
          (counts.empty() ? "" : ", ") + std::to_string(count) + " " + layers::name_of(action);
  progress.message("beginning with " + file_.where + " (" + file_.format + ", " +
                   layers::name_of(file_.dialect) + " names): " + counts);
  // Tables that the sizes give are skipped by the dozen, for one reason.
  std::string reason;
  int64_t alike = 0;
  const auto flush = [&] {
    if (alike > 1) progress.message("  … and " + std::to_string(alike - 1) + " more: " + reason);
    alike = 0;
  };
  for (const layers::AdaptedTensor& tensor : report.tensors) {
    if (tensor.action == Action::loaded) continue;
    const bool again = tensor.action == Action::skipped && alike > 0 && tensor.detail == reason;
    if (!again) flush();
    if (!again)
      progress.message("  " + std::string(layers::name_of(tensor.action)) + " " + tensor.name +
                       (tensor.detail.empty() ? "" : ": " + tensor.detail));
    alike = tensor.action == Action::skipped ? alike + 1 : 0;
    reason = tensor.detail;
  }
  flush();
  for (const std::string& note : file_.notes) progress.message("  " + note);
  directory.write("init.json", base::to_text(to_json(report, file_), 2) + "\n");
}

}  // namespace swin::trainers
