#include "trainers/run/data_options.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
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

}  // namespace swin::trainers
