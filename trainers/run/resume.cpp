#include "trainers/run/resume.h"

#include <filesystem>

#include "base/errors.h"
#include "trainers/run/numerics.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {

std::optional<files::CheckpointFile> checkpoint_to_resume(const std::string& resume,
                                                          const RunDirectory& directory,
                                                          RunListener& listener) {
  if (resume == "never") return std::nullopt;
  if (resume != "auto") return files::CheckpointFile(resume);
  for (const RunDirectory::StepFile& file : directory.checkpoints()) {
    try {
      return files::CheckpointFile(file.path);
    } catch (const base::WeightError& e) {
      listener.warning("swin: warning: " + std::string(e.what()) + " (skipped)");
    }
  }
  return std::nullopt;
}

void keep_pretrained_windows(const files::CheckpointFile& file, Config& config) {
  layers::ModelConfig& model = config.model;
  if (model.name != "swin_v2" || !config.init.checkpoint || !model.pretrained_window_sizes.empty())
    return;
  const base::Json stored = stored_config(file);
  const base::Json* section = stored.find("model");
  const base::Json* sizes = section ? section->find("pretrained_window_sizes") : nullptr;
  if (!sizes || !sizes->is_array()) return;
  for (const base::Json& size : sizes->items())
    if (size.is_integer()) model.pretrained_window_sizes.push_back(size.as_int());
}

void check_identity(const files::CheckpointFile& file, const RunIdentity& now,
                    RunListener& listener) {
  const std::string where = file.path().string();
  const std::string differs = difference(now.config, with_defaults(stored_config(file)));
  if (!differs.empty())
    throw base::UsageError(where, "found a run of another config: " + differs,
                           "choose another --output, or start from scratch with --resume never");
  const base::Json fingerprint = stored_json(file, "dataset_fingerprint");
  if (!(fingerprint == now.fingerprint) || stored_class_names(file) != now.class_names)
    throw base::DataError(where,
                          "found a run on other images than those of the data section, expected "
                          "the same files",
                          "restore them, or start from scratch with --resume never");
  const std::string numbers = numerics_difference(now.numerics, stored_json(file, "numerics"));
  if (!numbers.empty())
    listener.warning("swin: warning: " + where + ": other numerics (" + numbers +
                     "); from here on the bits differ from those of the machine it started on");
}

void restore_best(const RunDirectory& directory, const CheckpointConfig& checkpoint,
                  TrainState& state) {
  // The values of another monitor cannot be compared with the stored best.
  if (state.best && state.best->monitor != checkpoint.monitor) state.best.reset();
  // best.h5 may be outdated: after a resume from an older checkpoint it can belong to the abandoned
  // branch, and a process that died while saving may not have moved it.
  const auto linked = directory.linked_step(kBest);
  const bool kept = state.best && checkpoint.keep_best &&
                    std::filesystem::exists(directory.checkpoint_path(state.best->step));
  if (kept && linked != state.best->step)
    directory.link(kBest, state.best->step);
  else if (!kept && linked)
    directory.unlink(kBest);
}

}  // namespace swin::trainers
