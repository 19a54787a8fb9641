#include "trainers/run/data_options.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/formats.h"
#include "tasks/task_table.h"

namespace swin::trainers {
namespace {

data::Interpolation interpolation_named(const std::string& name) {
  if (name == "bilinear") return data::Interpolation::bilinear;
  if (name == "bicubic") return data::Interpolation::bicubic;
  if (name == "lanczos") return data::Interpolation::lanczos;
  throw base::UsageError("preprocess.interpolation",
                         "found \"" + name + "\", expected bilinear, bicubic or lanczos");
}

data::Split split_named(const std::string& name) {
  for (const data::Split split : {data::Split::train, data::Split::validation, data::Split::test})
    if (name == data::split_name(split)) return split;
  return data::Split::none;
}

// A task of one class per image cannot use images of several classes or none.
void check_one_class_each(const data::Dataset& dataset, const std::string& path,
                          const std::string& task, bool training) {
  if (dataset.annotation_kind() != data::AnnotationKind::classes) return;
  std::string several, none;
  for (int64_t i = 0; i < dataset.size() && several.empty(); ++i) {
    const size_t classes = data::classes_of(dataset.annotation(i)).size();
    if (classes > 1)
      several = ", as " + base::printable(dataset.name(i)) + " of " + std::to_string(classes);
    if (classes == 0 && none.empty()) none = base::printable(dataset.name(i));
  }
  if (several.empty() && !none.empty())
    throw base::DataError(none, "found no class, expected one class per image for " + task,
                          "give it a class, or leave it out of " + path);
  if (!training)  // the model is of one class per image
    throw base::DataError(
        path,
        "found images of several classes" + several + ", expected one class per image for " + task,
        "give each image one class, or leave it out");
  std::vector<std::string> fitting;
  for (const tasks::TaskRow& row : tasks::task_rows())
    if (row.annotation == data::AnnotationKind::classes)
      fitting.push_back('"' + std::string(row.name) + '"');
  throw base::UsageError("task.name",
                         "found \"" + task + "\" and images of several classes in " + path +
                             several + ", expected one class per image",
                         "set it to " + base::alternatives(fitting));
}

}  // namespace

data::Preprocess preprocess_of(const Config& config) {
  const auto floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  data::Preprocess preprocess;
  preprocess.height = config.model.image_size[0];
  preprocess.width = config.model.image_size[1];
  preprocess.channels = config.model.in_chans;
  preprocess.resize = config.preprocess.resize;
  preprocess.long_side = config.preprocess.long_side;
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
  augment.resize_ratio = from.resize_ratio;
  augment.max_class_ratio = from.max_class_ratio.value_or(1);
  augment.photometric_distortion = from.photometric_distortion;
  augment.short_sides = from.short_sides;
  if (!from.detection_crop.empty())
    augment.detection_crop = {from.detection_crop[0], from.detection_crop[1]};
  augment.large_scale_jitter = from.large_scale_jitter;
  return augment;
}

data::Mixing mixing_of(const Config& config) {
  const AugmentConfig& from = config.augment;
  return {from.mixup, from.cutmix, from.mixup_prob, from.mixup_switch_prob};
}

bool has_label_rows(const Config& config) {
  return tasks::task_row(config.task.name).annotation == data::AnnotationKind::classes;
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
    // A crop with the part s of the area A and the ratio r is √(sAr) wide and √(sA/r) high.
    const auto [scale, ratio] = *config.augment.random_resized_crop;
    const double least =
        std::max(width * width / (scale[0] * ratio[0]), height * height * ratio[1] / scale[0]);
    decode.min_pixels = least < 1e15 ? static_cast<int64_t>(std::ceil(least)) : int64_t{1} << 50;
  } else if (preprocess.resize) {
    decode.min_short_side = *preprocess.resize;
  }
  return decode;
}

data::DatasetOptions dataset_options_of(const DatasetConfig& dataset, const Config& config,
                                        bool training,
                                        const std::vector<std::string>& known_names) {
  data::DatasetOptions options;
  options.format = dataset.format;
  options.path = dataset.path;
  options.field = dataset.field;
  if (!dataset.path_field.empty()) options.path_field = dataset.path_field;
  options.split = split_named(dataset.split);
  options.fraction_begin = dataset.fraction_begin;
  options.fraction_end = dataset.fraction_end;
  options.channels = config.model.in_chans;
  options.decode = decode_of(config, training);
  options.follow_links = config.data.follow_links;
  options.empty_classes = !training;
  options.num_classes = config.model.num_classes;
  options.known_names = known_names;
  options.label_rows = has_label_rows(config);
  options.annotation = tasks::task_row(config.task.name).annotation;
  options.ignore_index = config.data.ignore_index;
  options.reduce_zero_label = config.data.reduce_zero_label;
  options.colors = config.data.colors;
  options.keep_empty = config.data.keep_empty;
  options.keep_difficult = config.data.difficult == "keep";
  const std::vector<double>* mask = config.task.own.find("mask");
  options.masks = mask && *mask == std::vector<double>{1};
  options.images = dataset.images;
  options.seed = static_cast<uint64_t>(dataset.seed);
  options.synthetic_size = config.model.image_size;
  options.synthetic_samples = dataset.samples;
  return options;
}

std::unique_ptr<data::Dataset> open_dataset_of(const DatasetConfig& dataset, const Config& config,
                                               bool training,
                                               const std::vector<std::string>& known_names) {
  auto opened = data::open_dataset(dataset_options_of(dataset, config, training, known_names));
  if (tasks::task_row(config.task.name).annotation == data::AnnotationKind::one_class)
    check_one_class_each(*opened, dataset.path, config.task.name, training);
  return opened;
}

}  // namespace swin::trainers
