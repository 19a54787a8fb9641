#include "trainers/run/model_file.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/errors.h"

namespace swin::trainers {
namespace {

std::vector<int64_t> sides_of(const autograd::Shape& shape) {
  std::vector<int64_t> sides;
  for (int i = 0; i < shape.rank(); ++i) sides.push_back(shape[i]);
  return sides;
}

/// "a, b, c and 4 more".
std::string listing(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

data::Interpolation interpolation_named(const std::string& name) {
  if (name == "bilinear") return data::Interpolation::bilinear;
  if (name == "bicubic") return data::Interpolation::bicubic;
  if (name == "lanczos") return data::Interpolation::lanczos;
  throw base::UsageError("preprocess.interpolation",
                         "found \"" + name + "\", expected bilinear, bicubic or lanczos");
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
                            "found something else, expected a list of names",
                            "take another checkpoint");
  return names;
}

void read_slab(const files::CheckpointFile& file, const std::string& group,
               const layers::Parameters& parameters, float* slab) {
  const std::string prefix = group + "/";
  std::vector<std::string> missing, other_shape, left_over;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const layers::ParameterEntry& entry = parameters[i];
    const std::string name = prefix + entry.name;
    if (!file.contains(name)) {
      missing.push_back(entry.name);
    } else if (const auto expected = sides_of(entry.shape); file.shape_of(name) != expected) {
      other_shape.push_back(entry.name + " of " + files::to_text(file.shape_of(name)) + " for " +
                            files::to_text(expected));
    }
  }
  for (const auto& entry : file.entries())
    if (entry.name.starts_with(prefix) && !parameters.find(entry.name.substr(prefix.size())))
      left_over.push_back(entry.name.substr(prefix.size()));
  const std::string where = file.path().string() + ": " + group;
  const std::string remedy = "the file belongs to a model of another config";
  if (!missing.empty())
    throw base::WeightError(
        where, "found no " + listing(missing) + ", expected the parameters of the config's model",
        remedy);
  if (!other_shape.empty())
    throw base::WeightError(where, "found " + listing(other_shape) + ", expected equal shapes",
                            remedy);
  if (!left_over.empty())
    throw base::WeightError(
        where, "found " + listing(left_over) + ", expected only parameters of the config's model",
        remedy);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const layers::ParameterEntry& entry = parameters[i];
    file.read_float32(prefix + entry.name,
                      {slab + entry.offset, static_cast<size_t>(entry.numel())});
  }
}

LoadedModel load_model(const std::string& checkpoint, const std::vector<std::string>& sets) {
  const files::CheckpointFile file(checkpoint);
  LoadedModel loaded;
  loaded.path = checkpoint;
  loaded.step = file.step();
  loaded.epoch = file.epoch();
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
  loaded.fingerprint = file.find_meta("dataset_fingerprint").value_or("{}");
  const int64_t num_classes = loaded.config.model.num_classes;
  if (file.find_meta("class_names")) {
    loaded.class_names = stored_class_names(file);
    if (static_cast<int64_t>(loaded.class_names.size()) != num_classes)
      throw base::WeightError(checkpoint,
                              "found " + std::to_string(loaded.class_names.size()) +
                                  " class names for " + std::to_string(num_classes) +
                                  " classes, expected as many",
                              "take another checkpoint");
  } else {
    // Converted weights have a config but no data set: classes are called by their numbers.
    for (int64_t i = 0; i < num_classes; ++i) loaded.class_names.push_back(std::to_string(i));
  }
  loaded.model = std::make_unique<layers::Model>(loaded.config.model, 0, false);
  read_slab(file, "model", loaded.model->parameters(), loaded.model->parameters().slab());
  return loaded;
}

data::Preprocess preprocess_of(const Config& config) {
  const auto floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  data::Preprocess preprocess;
  preprocess.height = config.model.image_size[0];
  preprocess.width = config.model.image_size[1];
  preprocess.channels = config.model.in_chans;
  preprocess.resize = config.preprocess.resize;
  preprocess.interpolation = interpolation_named(config.preprocess.interpolation);
  preprocess.mean = floats(config.preprocess.mean);
  preprocess.std = floats(config.preprocess.std);
  return preprocess;
}

data::Augment augment_of(const Config& config) {
  const AugmentConfig& from = config.augment;
  data::Augment augment;
  if (from.random_resized_crop)
    augment.random_resized_crop = {from.random_resized_crop->scale,
                                   from.random_resized_crop->ratio};
  augment.random_crop = from.random_crop;
  augment.horizontal_flip = from.horizontal_flip;
  if (from.auto_augment) augment.auto_augment.emplace(*from.auto_augment);
  const std::vector<double>& jitter = from.color_jitter;
  if (jitter.size() == 1)
    augment.color_jitter = {jitter[0], jitter[0], jitter[0], 0};
  else
    augment.color_jitter = {jitter[0], jitter[1], jitter[2], jitter.size() > 3 ? jitter[3] : 0};
  augment.random_erasing = from.random_erasing;
  augment.repeats = from.repeats;
  return augment;
}

data::Mixing mixing_of(const Config& config) {
  const AugmentConfig& from = config.augment;
  return {from.mixup, from.cutmix, from.mixup_prob, from.mixup_switch_prob};
}

data::DecodeOptions decode_of(const Config& config, bool training) {
  data::DecodeOptions decode;
  decode.exif_orientation = config.preprocess.exif_orientation;
  if (!training || !config.augment.scaled_decode) return decode;
  const data::Preprocess preprocess = preprocess_of(config);
  const auto height = static_cast<double>(preprocess.height);
  const auto width = static_cast<double>(preprocess.width);
  decode.min_short_side = std::max(preprocess.height, preprocess.width);
  if (config.augment.random_resized_crop) {
    // A crop of the share s of an area A and of the ratio r is √(sAr) wide and √(sA/r) high.
    const auto [scale, ratio] = *config.augment.random_resized_crop;
    const double least =
        std::max(width * width / (scale[0] * ratio[0]), height * height * ratio[1] / scale[0]);
    decode.min_pixels = least < 1e15 ? static_cast<int64_t>(std::ceil(least)) : int64_t{1} << 50;
  } else if (preprocess.resize) {
    decode.min_short_side = *preprocess.resize;
  }
  return decode;
}

std::unique_ptr<data::Dataset> open_dataset_of(const DatasetConfig& dataset, const Config& config,
                                               bool training) {
  data::DatasetOptions options;
  options.format = dataset.format;
  options.path = dataset.path;
  options.split = dataset.split == "test" ? data::Split::test : data::Split::train;
  options.fraction_begin = dataset.fraction_begin;
  options.fraction_end = dataset.fraction_end;
  options.channels = config.model.in_chans;
  options.decode = decode_of(config, training);
  options.num_classes = config.model.num_classes;
  options.seed = static_cast<uint64_t>(dataset.seed);
  options.synthetic_size = config.model.image_size;
  options.synthetic_samples = dataset.samples;
  auto opened = data::open_dataset(options);
  if (opened->multi_label() && !config.task.many_labels())
    throw base::UsageError("task.name",
                           "found \"" + config.task.name + "\" and, in " + dataset.path +
                               ", images of several classes, expected one class an image",
                           "set it to \"multi_label_classification\"");
  return opened;
}

}  // namespace swin::trainers
