#include "trainers/run/stored_model.h"

#include <filesystem>

#include "base/errors.h"
#include "weights/class_names.h"
#include "weights/load_weights.h"

namespace swin::trainers {
namespace {

bool has_masks(const Config& config) {
  const std::vector<double>* mask = config.task.own.find("mask");
  return mask && mask->at(0) != 0;
}

/// The monitor chooses checkpoints in training. The stored one may be a metric that the model no
/// longer has, as segm_AP with task.mask=false.
void remove_monitor(base::Json& document) {
  if (base::Json* section = document.find("checkpoint"); section && section->is_object())
    std::erase_if(section->members(),
                  [](const base::Json::Member& member) { return member.first == "monitor"; });
}

}  // namespace

base::Json stored_json(const files::CheckpointFile& file, const char* name) {
  const std::string where = file.path().string() + ": meta/" + name;
  try {
    return base::parse_json(file.meta(name), where);
  } catch (const base::JsonSyntaxError& e) {
    throw base::WeightError(where, e.what, "take another checkpoint");
  }
}

base::Json stored_config(const files::CheckpointFile& file) { return stored_json(file, "config"); }

std::vector<std::string> stored_class_names(const files::CheckpointFile& file) {
  const std::optional<std::string> text = file.find_meta("class_names");
  if (!text) return {};
  return weights::parse_class_names(*text, file.path().string() + ": meta/class_names");
}

LoadedModel load_model(const std::string& checkpoint, const std::vector<std::string>& sets) {
  return load_model(checkpoint, [&](const Config&) { return sets; });
}

LoadedModel load_model(
    const std::string& checkpoint,
    const std::function<std::vector<std::string>(const Config& stored)>& sets_for) {
  std::error_code error;
  if (const auto last = std::filesystem::path(checkpoint) / "last.h5";
      std::filesystem::exists(last, error))
    throw base::WeightError(checkpoint, "found the folder of a run, expected a checkpoint",
                            "name one, such as " + last.string());
  const files::CheckpointFile file(checkpoint);
  LoadedModel loaded;
  base::Json document = stored_config(file);
  try {
    loaded.config = parse_config_without_data(document);
  } catch (const base::UsageError& e) {
    throw base::WeightError(checkpoint + ": meta/config", e.what(), "take another checkpoint");
  }
  const bool stored_masks = has_masks(loaded.config);
  if (const std::vector<std::string> sets = sets_for(loaded.config); !sets.empty()) {
    remove_monitor(document);
    apply_sets(document, sets);
    loaded.config = parse_config_without_data(document);
  }
  loaded.class_names = stored_class_names(file);
  weights::require_name_for_each(loaded.class_names, loaded.config.model.num_classes, checkpoint,
                                 "take another checkpoint");
  loaded.task = tasks::make_task(loaded.config.task, loaded.config.model, 0, false);
  const bool boxes_alone = stored_masks && !has_masks(loaded.config);
  weights::load_weights(loaded.task->parameters(), file, [boxes_alone](const std::string& name) {
    return boxes_alone && name.find("mask_head.") != std::string::npos;
  });
  loaded.step = file.step();
  loaded.epoch = file.epoch();
  return loaded;
}

Config stored_config_of(const weights::WeightFile& file) {
  const std::string& where = file.config_where;
  try {
    return parse_config_without_data(base::parse_json(*file.config_json, where));
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where, error.what, "use another checkpoint");
  } catch (const base::UsageError& error) {
    throw base::WeightError(where, error.what(), "use another checkpoint");
  }
}

}  // namespace swin::trainers
