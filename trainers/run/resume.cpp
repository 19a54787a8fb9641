#include "trainers/run/resume.h"

#include <filesystem>

#include "base/errors.h"
#include "trainers/run/classes.h"
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

namespace {

void check_classes(const std::string& where, const std::vector<std::string>& before,
                   const std::vector<std::string>& now) {
  if (same_names(before, now)) return;
  const std::string difference =
      names_missing_in("data.train", now, before) + names_missing_in("the checkpoint", before, now);
  throw base::DataError(
      where,
      "found a run of " + std::to_string(before.size()) + " classes that are not the " +
          std::to_string(now.size()) + " of data.train, expected equal names" +
          (difference.empty() ? " in the same order" : difference),
      "restore the classes, choose another --output, or start from scratch with --resume never");
}

/// Empty if the checkpoint does not have it.
std::optional<std::string> text_of(const base::Json& object, const char* name) {
  const base::Json* value = object.is_object() ? object.find(name) : nullptr;
  return value && value->is_string() ? std::optional(value->as_string()) : std::nullopt;
}

/// The steps of an epoch when the run started; empty if nothing tells it.
std::optional<int64_t> stored_steps_per_epoch(const files::CheckpointFile& file,
                                              const data::FileList* train, bool one_image_per_file,
                                              int64_t batch_size) {
  if (file.find_meta("run")) {
    const base::Json run = stored_json(file, "run");
    const base::Json* steps = run.is_object() ? run.find("steps_per_epoch") : nullptr;
    if (steps && steps->is_integer() && steps->as_int() > 0) return steps->as_int();
  }
  // Checkpoints of earlier versions do not have it.
  if (!train || !one_image_per_file) return std::nullopt;
  const int64_t steps = std::ssize(train->files) / batch_size;
  return steps > 0 ? std::optional(steps) : std::nullopt;
}

}  // namespace

Continuation check_identity(const files::CheckpointFile& file, const RunIdentity& now,
                            const RunData& data, const RunDirectory& directory,
                            int64_t batch_size) {
  const std::string where = file.path().string();
  const base::Json stored = with_defaults(stored_config(file));
  base::Json config = now.config;
  // The number of classes is the data's: their names say more.
  const base::Json* model = stored.is_object() ? stored.find("model") : nullptr;
  if (const base::Json* classes =
          model && model->is_object() ? model->find("num_classes") : nullptr)
    config["model"]["num_classes"] = *classes;
  const std::string differs = difference(config, stored);
  if (!differs.empty())
    throw base::UsageError(where, "found a run of another config: " + differs,
                           "choose another --output (with --init " + where +
                               " it starts with these weights), or start from scratch with "
                               "--resume never");
  check_classes(where, stored_class_names(file), now.class_names);

  Continuation found;
  found.steps_per_epoch = now.steps_per_epoch;
  const base::Json before = stored_json(file, "dataset_fingerprint");
  std::vector<data::FileList> lists;
  const auto list_of = [&](const std::string& set) -> const data::FileList* {
    for (const data::FileList& list : lists)
      if (list.set == set && text_of(before, set.c_str()) == list.fingerprint) return &list;
    return nullptr;
  };
  if (!(before == now.fingerprint)) lists = read_file_lists(directory);
  const auto warn = [&](const std::string& set, const data::Dataset& images,
                        const std::string& consequence) {
    const data::FileList* list = list_of(set);
    const std::vector<data::ListedFile> files = images.files();
    const bool known = list && (!list->files.empty() || !files.empty());
    found.warnings.push_back("swin: warning: data." + set + " changed since step " +
                             std::to_string(file.step()) + ": " +
                             (known ? data::change_of(list->files, files)
                                    : "other images (files.gz has no list of those before)") +
                             "; " + consequence);
  };

  if (text_of(before, "train") != data.train.fingerprint()) {
    const auto steps =
        stored_steps_per_epoch(file, list_of("train"), data.train.holds_files(), batch_size);
    found.steps_per_epoch = steps.value_or(now.steps_per_epoch);
    warn("train", data.train,
         steps ? "an epoch keeps its " + std::to_string(*steps) +
                     " steps, and the one in hand goes on with the new images"
               : "the checkpoint does not say how many steps an epoch had: from here on it has " +
                     std::to_string(now.steps_per_epoch));
  } else if (const auto steps = stored_steps_per_epoch(file, nullptr, false, batch_size)) {
    found.steps_per_epoch = *steps;
  }
  const auto validation = text_of(before, "validation");
  if (data.validation && validation != data.validation->fingerprint()) {
    found.validation_changed = true;
    warn("validation", *data.validation,
         "its metrics change, and the best checkpoint is chosen anew");
  } else if (!data.validation && validation) {
    found.warnings.push_back("swin: warning: data.validation is gone since step " +
                             std::to_string(file.step()) + "; nothing is evaluated from here on");
  }
  const std::string numbers = numerics_difference(now.numerics, stored_json(file, "numerics"));
  if (!numbers.empty())
    found.warnings.push_back("swin: warning: " + where + ": other numerics (" + numbers +
                             "); from here on the bits differ from those of the machine it "
                             "started on");
  return found;
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
