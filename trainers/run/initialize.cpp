#include "trainers/run/initialize.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/errors.h"
#include "trainers/run/classes.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {

namespace {

using Action = weights::AdaptedTensor::Action;
constexpr Action kActions[] = {Action::loaded,        Action::resized, Action::adapted,
                               Action::reinitialized, Action::missing, Action::skipped};

weights::ReadOptions read_options(const InitConfig& init) {
  weights::ReadOptions options;
  options.allow = init.allow_unexpected;
  options.from.key = init.key.value_or("");
  options.prefix = init.prefix;
  options.any_head = init.head == "reset";
  return options;
}

}  // namespace

std::vector<int64_t> read_class_index(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    throw base::UsageError(path, "found no such file, expected one class index per line",
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
          "found \"" + line.substr(0, 40) + "\", expected an integer of at least 0",
          "line k is the file's class of class k");
    rows.push_back(row);
  }
  if (rows.empty())
    throw base::UsageError(path, "found an empty file, expected one class index per line",
                           "correct init.class_index_file");
  return rows;
}

base::Json to_json(const weights::AdaptReport& report, const weights::WeightFile& file) {
  base::Json json = base::Json::object();
  json["file"] = file.where;
  json["format"] = file.format;
  json["dialect"] = weights::name_of(file.dialect);
  base::Json counts = base::Json::object();
  for (const Action action : kActions) counts[weights::name_of(action)] = report.count(action);
  json["counts"] = std::move(counts);
  json["notes"] = base::Json::array_of(file.notes);
  base::Json tensors = base::Json::array();
  for (const weights::AdaptedTensor& tensor : report.tensors) {
    base::Json row = base::Json::object();
    row["name"] = tensor.name;
    row["action"] = weights::name_of(tensor.action);
    if (!tensor.detail.empty()) row["detail"] = tensor.detail;
    tensors.push_back(std::move(row));
  }
  json["tensors"] = std::move(tensors);
  return json;
}

InitialWeights::InitialWeights(Config& config, const std::vector<std::string>& class_names,
                               RunListener& listener)
    : init_(config.init), file_(weights::read_weight_file(*init_.checkpoint, read_options(init_))) {
  const auto stored = file_.config_json ? std::optional(stored_config_of(file_)) : std::nullopt;
  if (stored) source_ = stored->model;
  // As match_classes reads them: numbers of one side are names where each class of the data is one
  // of the file's.
  const auto theirs =
      real_class_names(file_.class_names, stored ? stored->data.train.format : std::string());
  const auto ours = real_class_names(class_names, config.data.train.format);
  const bool all_known = std::ranges::all_of(class_names, [&](const std::string& name) {
    return std::ranges::find(file_.class_names, name) != file_.class_names.end();
  });
  options_.class_names = class_names;
  if ((theirs.empty() && ours.empty()) || ((theirs.empty() || ours.empty()) && !all_known)) {
    file_.class_names = theirs;
    options_.class_names = ours;
  }
  options_.head = init_.head == "keep"    ? weights::HeadInit::keep
                  : init_.head == "reset" ? weights::HeadInit::reset
                                          : weights::HeadInit::automatic;
  options_.position_resize = init_.position_bias_resize == "timm"
                                 ? weights::PositionResize::timm
                                 : weights::PositionResize::bicubic;
  options_.allow_missing = init_.allow_missing;
  options_.allow_unexpected = init_.allow_unexpected;
  if (init_.class_index_file) {
    options_.class_rows = read_class_index(*init_.class_index_file);
    options_.class_rows_where = *init_.class_index_file;
  }
  layers::ModelConfig& model = config.model;
  if (model.name != "swin_v2" || file_.model != "swin_v2" || !model.pretrained_window_sizes.empty())
    return;
  const weights::PretrainedWindows windows = weights::pretrained_windows(file_, source_, model);
  model.pretrained_window_sizes = windows.sizes;
  if (!windows.known)
    listener.warning("swin: warning: " + file_.where +
                     ": found no record of the windows these weights were trained with; using this "
                     "model's windows; if they differ, set model.pretrained_window_sizes");
  else if (!windows.sizes.empty())
    listener.note("model.pretrained_window_sizes is " +
                  base::to_text(base::Json::array_of(windows.sizes)) + ", from " + windows.how);
}

weights::AdaptReport InitialWeights::adapt(tasks::Task& task, RunListener& listener) const {
  weights::AdaptReport report =
      weights::adapt_weights(task.parameters(), task.model_config(), file_, source_, options_);
  std::string counts;
  for (const Action action : kActions)
    if (const int64_t count = report.count(action))
      counts +=
          (counts.empty() ? "" : ", ") + std::to_string(count) + " " + weights::name_of(action);
  listener.note("starting with " + file_.where + " (" + file_.format + ", " +
                weights::name_of(file_.dialect) + " names): " + counts);
  // Tables that follow from sizes are skipped by the dozen; one line says so for all.
  std::string reason;
  int64_t skipped = 0;
  const auto flush = [&] {
    if (skipped > 1) listener.note("  … and " + std::to_string(skipped - 1) + " more: " + reason);
    skipped = 0;
  };
  for (const weights::AdaptedTensor& tensor : report.tensors) {
    if (tensor.action == Action::loaded && tensor.detail.empty()) continue;
    const bool again = tensor.action == Action::skipped && skipped > 0 && tensor.detail == reason;
    if (!again) flush();
    if (!again)
      listener.note("  " + std::string(weights::name_of(tensor.action)) + " " + tensor.name +
                    (tensor.detail.empty() ? "" : ": " + tensor.detail));
    skipped = tensor.action == Action::skipped ? skipped + 1 : 0;
    reason = tensor.detail;
  }
  flush();
  for (const std::string& note : file_.notes) listener.note("  " + note);
  return report;
}

void InitialWeights::load(tasks::Task& task, const RunDirectory& directory,
                          RunListener& listener) const {
  const weights::AdaptReport report = adapt(task, listener);
  directory.write("init.json", base::to_text(to_json(report, file_), 2) + "\n");
}

}  // namespace swin::trainers
