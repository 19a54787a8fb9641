#include "weights/descriptions.h"

#include "weights/class_names.h"

namespace swin::weights {

namespace {

void add_class_names(WeightFile& file, const files::RawWeights& raw,
                     const std::optional<std::string>& in_metadata) {
  std::string where = file.where + ": ", remedy = "take another checkpoint";
  if (raw.class_names_json) {
    file.class_names = parse_class_names(*raw.class_names_json, where += "meta/class_names");
  } else if (in_metadata) {
    file.class_names = parse_class_names(*in_metadata, where += kClassNamesKey);
    remedy = "convert the weights again from their checkpoint";
  } else if (!raw.class_names.empty()) {
    file.class_names = raw.class_names;
    where += "meta.CLASSES";
    remedy = "give their names with --classes FILE";
  }
  if (!file.hub.class_names.empty()) {
    if (!file.class_names.empty() && file.class_names != file.hub.class_names)
      file.notes.push_back(
          "the class names are those of config.json, as other programs read them; " + where +
          " differs");
    file.class_names = file.hub.class_names;
    where = raw.hub_config_where;
    remedy = "correct it, or give the weight file itself and --classes FILE";
  }
  if (file.class_rows())
    require_name_for_each(file.class_names, file.num_classes(), where, remedy);
  else
    file.class_names.clear();  // names of rows that are not here
}

}  // namespace

void add_descriptions(WeightFile& file, const files::RawWeights& raw) {
  const auto metadata = [&](std::string_view key) -> std::optional<std::string> {
    for (const auto& [name, text] : raw.metadata)
      if (name == key) return text;
    return std::nullopt;
  };
  file.config_json = raw.config_json ? raw.config_json : metadata(kConfigKey);
  file.config_where = file.where + ": " + (raw.config_json ? "meta/config" : kConfigKey);
  file.preprocess_json = metadata(kPreprocessKey);
  if (raw.hub_config) file.hub = read_hub_config(*raw.hub_config, raw.hub_config_where);
  // timm keeps the pre-processing in config.json; a preprocessor_config.json beside it is of
  // another library's model.
  if (raw.processor_config && (file.hub.preprocess || file.hub.refusal)) {
    file.notes.push_back("the pre-processing is that of config.json, as timm reads it; " +
                         raw.processor_config_where + " was left out");
  } else if (raw.processor_config) {
    try {
      file.hub.preprocess =
          read_processor_config(*raw.processor_config, raw.processor_config_where);
    } catch (const base::WeightError& error) {
      file.hub.refusal = error;
    }
  }
  for (const std::string& note : file.hub.notes) file.notes.push_back(note);
  add_class_names(file, raw, metadata(kClassNamesKey));
}

}  // namespace swin::weights
