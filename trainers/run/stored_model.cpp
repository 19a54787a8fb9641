#include "trainers/run/stored_model.h"

#include "base/errors.h"
#include "weights/load_weights.h"

namespace swin::trainers {

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
  const base::Json json = stored_json(file, "class_names");
  std::vector<std::string> names;
  bool strings = json.is_array();
  if (strings)
    for (const base::Json& name : json.items()) {
      strings &= name.is_string();
      if (strings) names.push_back(name.as_string());
    }
  if (!strings)
    throw base::WeightError(file.path().string() + ": meta/class_names",
                            "found no list of strings, expected the class names",
                            "take another checkpoint");
  return names;
}

LoadedModel load_model(const std::string& checkpoint, const std::vector<std::string>& sets) {
  const files::CheckpointFile file(checkpoint);
  LoadedModel loaded;
  base::Json document = stored_config(file);
  try {
    loaded.config = parse_config_without_data(document);
  } catch (const base::UsageError& e) {
    throw base::WeightError(checkpoint + ": meta/config", e.what(), "take another checkpoint");
  }
  if (!sets.empty()) {
    apply_sets(document, sets);
    loaded.config = parse_config_without_data(document);
  }
  const int64_t num_classes = loaded.config.model.num_classes;
  if (file.find_meta("class_names")) {
    loaded.class_names = stored_class_names(file);
    if (static_cast<int64_t>(loaded.class_names.size()) != num_classes)
      throw base::WeightError(checkpoint,
                              "found " + std::to_string(loaded.class_names.size()) +
                                  " class names for " + std::to_string(num_classes) +
                                  " classes, expected equal numbers",
                              "take another checkpoint");
  } else {
    // Converted weights have a config but no data set: classes are named by their indices.
    for (int64_t i = 0; i < num_classes; ++i) loaded.class_names.push_back(std::to_string(i));
  }
  loaded.task = tasks::make_task(loaded.config.task, loaded.config.model, 0, false);
  weights::load_weights(loaded.task->parameters(), file);
  return loaded;
}

Config stored_config_of(const weights::WeightFile& file) {
  const std::string where = file.where + ": meta/config";
  try {
    return parse_config_without_data(base::parse_json(*file.config_json, where));
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where, error.what, "use another checkpoint");
  } catch (const base::UsageError& error) {
    throw base::WeightError(where, error.what(), "use another checkpoint");
  }
}

}  // namespace swin::trainers
