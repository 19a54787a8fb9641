// A whole config as plain values. Every field has an effect; configs/README.md lists them with
// type, default, meaning and official name. Parsing, the resolved config, the schema and that list
// all come from one table, trainers/config/fields.cpp.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config_row.h"
#include "base/json.h"
#include "layers/model_config.h"
#include "tasks/task_config.h"

namespace swin::trainers {

/// One set of images. A fraction is a range of a stratified shuffle of (path, split) that depends
/// on `seed` alone: two sets of one path with the same seed and disjoint ranges share no image.
struct DatasetConfig {
  std::string format;  ///< a name of data/formats; empty: no data section
  std::string path;    ///< a leading "~" is already the home folder; empty for synthetic
  std::string images;  ///< of a coco set: the folder of its images; empty: that of its file
  /// train | validation | test; empty for the formats whose path holds a single set.
  std::string split;
  double fraction_begin = 0, fraction_end = 1;  ///< of the shuffle: begin ≤ index/count < end
  int64_t samples = 0;     ///< images of a generated set; 0 for the other formats
  int64_t seed = 0;        ///< of the shuffle, and of synthetic images
  std::string field;       ///< for errors: the section, as "data.validation", or the flag --data
  std::string path_field;  ///< what says the path: that of data.train where it is inherited
  bool whole() const { return fraction_begin == 0 && fraction_end == 1; }
};

struct DataConfig {
  DatasetConfig train;
  std::optional<DatasetConfig> validation;  ///< measured while training; chooses best.h5
  std::optional<DatasetConfig> test;        ///< what `swin evaluate` reads; absent: validation
  bool follow_links = true;                 ///< in an image folder, wherever they lead
  std::string on_bad = "replace";           ///< replace | error: for an unreadable image
  double max_bad_fraction = 0.1;            ///< of an epoch's images; above it the run stops
  bool ignore_unknown_classes = false;      ///< of validation and test: their images are left out
  bool group_by_aspect_ratio = false;       ///< batches of images wider than high, or of the others
  int64_t ignore_index = 255;      ///< the value in files of label maps that counts nowhere
  bool reduce_zero_label = false;  ///< in such files 0 counts nowhere, and v is class v − 1
  std::vector<std::array<uint8_t, 3>> colors;  ///< of the values, where they are stored as RGB
  bool keep_empty = true;                      ///< images without objects
  std::string difficult = "ignore";            ///< ignore | keep: such objects of a voc set
};

struct ResizedCropConfig {
  std::array<double, 2> scale = {0.08, 1};                      ///< of the image's area
  std::array<double, 2> ratio = {3.0 / 4, 1.3333333333333333};  ///< width / height
};

/// What is done to images in training alone.
struct AugmentConfig {
  bool scaled_decode = false;  ///< JPEGs at 1/2, 1/4 or 1/8 of their size where that is enough
  std::optional<ResizedCropConfig> random_resized_crop;  ///< replaces preprocess.resize
  int64_t random_crop = 0;  ///< zero padding on each side, in pixels, before a random crop; 0: none
  double horizontal_flip = 0;               ///< probability
  std::optional<std::string> auto_augment;  ///< timm's "rand-…", or "cifar10"
  /// Largest change of brightness, contrast, saturation and hue; one value is the first three.
  std::vector<double> color_jitter = {0};
  double random_erasing = 0;                          ///< probability
  double mixup = 0, cutmix = 0;                       ///< α of Beta(α, α); 0: off
  double mixup_prob = 1;                              ///< of mixing a batch
  double mixup_switch_prob = 0.5;                     ///< of cutmix where both are on
  int64_t repeats = 1;                                ///< of each image in a row
  std::optional<std::array<double, 2>> resize_ratio;  ///< of preprocess.resize and long_side
  std::optional<double> max_class_ratio;              ///< of a crop's labeled pixels
  bool photometric_distortion = false;
  std::vector<int64_t> short_sides;     ///< instead of preprocess.resize; empty: off
  std::vector<int64_t> detection_crop;  ///< smallest and largest side, in pixels; empty: off
  std::optional<std::array<double, 2>> large_scale_jitter;  ///< of the size that fits image_size
};

/// Applied to every image: in training after the augmentation, in evaluate and in predict.
struct PreprocessConfig {
  std::optional<int64_t> resize;          ///< short side before the center crop; null: none
  std::optional<double> crop_pct;         ///< instead of resize: resize = int(side / crop_pct)
  std::string interpolation = "bicubic";  ///< bilinear | bicubic | lanczos
  std::vector<double> mean, std;          ///< one per channel, of pixels in 0…1
  bool exif_orientation = false;          ///< rotate images as their EXIF data say
  /// With it images keep their ratio and are not cropped: their short side becomes `resize`, or
  /// less where the long side would be more than this.
  std::optional<int64_t> long_side;
};

struct OptimizerConfig {
  std::string name = "adamw";
  double lr = 5e-4;
  /// If set, lr, warmup_lr and min_lr are each multiplied by batch_size / lr_reference_batch.
  std::optional<int64_t> lr_reference_batch;
  base::RowValues own = {};  ///< the fields of the optimizer's row
  double weight_decay = 0.05;
  double layer_decay = 1;  ///< factor of lr from a layer to the one below it; 1: one rate for all
  std::string no_decay = "official";  ///< which parameters do not decay: official | official_dense

  double lr_scale(int64_t batch_size) const {
    return lr_reference_batch
               ? static_cast<double>(batch_size) / static_cast<double>(*lr_reference_batch)
               : 1.0;
  }
};

/// Exactly one of epochs and steps is set, and at most one of warmup_epochs and warmup_steps.
struct ScheduleConfig {
  std::string name = "cosine";
  std::optional<int64_t> epochs = 300, steps;
  std::optional<double> warmup_epochs;  ///< may be fractional
  std::optional<int64_t> warmup_steps;
  double warmup_lr = 5e-7;
  base::RowValues own = {};  ///< the fields of the schedule's row

  int64_t total_steps(int64_t steps_per_epoch) const {
    return steps ? *steps : *epochs * steps_per_epoch;
  }
  /// At most the whole run: a run cut short by `steps` may end within its warm-up.
  int64_t total_warmup_steps(int64_t steps_per_epoch) const {
    const int64_t wanted =
        warmup_steps ? *warmup_steps
                     : static_cast<int64_t>(std::llround(warmup_epochs.value_or(0) *
                                                         static_cast<double>(steps_per_epoch)));
    return std::min(wanted, total_steps(steps_per_epoch));
  }
};

struct TrainerConfig {
  int64_t batch_size = 128;                 ///< images of one step
  std::optional<int64_t> micro_batch_size;  ///< images of one slice; null: the whole batch
  int64_t seed = 0;
  std::optional<double> clip_grad = 5.0;  ///< largest global L2 norm; null: no clipping
  std::string precision = "fp32";
  std::vector<std::string> freeze;  ///< patterns (weights::glob) of parameters that do not learn
  int64_t log_every_steps = 10;
  int64_t evaluate_every_epochs = 1;  ///< the last epoch is always evaluated
  bool tensorboard = false;           ///< write RUN/tensorboard
};

struct CheckpointConfig {
  std::optional<int64_t> every_epochs = 1, every_steps;
  std::optional<double> every_minutes;
  int64_t keep_last = 2;  ///< newest checkpoints kept, in addition to best.h5
  bool keep_best = true;  ///< keep best.h5, chosen on data.validation
  /// A metric of the task (tasks/task_table.h).
  std::string monitor = "top1";
};

/// The weights a new run starts with; a resumed run has its own.
struct InitConfig {
  std::optional<std::string> checkpoint;         ///< any weight file; null: the seed's weights
  std::optional<std::string> key, prefix;        ///< of weights::ReadOptions
  std::string head = "auto";                     ///< auto | keep | reset
  std::optional<std::string> class_index_file;   ///< line k: the file's class index for class k
  std::string position_bias_resize = "bicubic";  ///< bicubic | timm
  std::vector<std::string> allow_missing, allow_unexpected;  ///< patterns of names
};

/// Never part of a run's identity.
struct RuntimeConfig {
  std::optional<int64_t> threads;  ///< null: OMP_NUM_THREADS, else base::limits().threads()
  int64_t workers = 1;             ///< loader threads; 0: images are loaded by the training thread
  std::optional<std::string> output;  ///< run directory; null: runs/<name of the config file>
};

struct Config {
  layers::ModelConfig model;
  tasks::TaskConfig task;
  DataConfig data;
  AugmentConfig augment;
  PreprocessConfig preprocess;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainerConfig trainer;
  CheckpointConfig checkpoint;
  InitConfig init;
  RuntimeConfig runtime;
};

/// Reads a config file (comments allowed), resolves `extends`, then applies each
/// `path.to.field=value` of `sets` (the value is JSON, else a string). Objects merge, all else
/// replaces. Of epochs and steps the later one wins, and likewise of warmup_epochs and
/// warmup_steps. Every value keeps its file and line.
/// @throws UsageError on a missing file, bad JSON, a cycle, a bad --set.
base::Json load_config_json(const std::string& file, const std::vector<std::string>& sets = {});
/// Applies `--set` texts to a config that is already in memory (evaluate --set …).
void apply_sets(base::Json& document, const std::vector<std::string>& sets);

/// Checks a loaded (or stored, resolved) document strictly. @throws UsageError naming file, line,
/// path.
Config parse_config(const base::Json& document);
/// The same for verbs that need no data: `data` may be absent (then data.train.format is empty), so
/// a document with the `model` section alone is valid. For plan, benchmark, verify, convert,
/// inspect.
Config parse_config_without_data(const base::Json& document);

/// load_config_json and parse_config in one.
Config load_config(const std::string& file, const std::vector<std::string>& sets = {});

enum class WithRuntime { no, yes };
/// The resolved config: every field written out in the order of the table. Without runtime it is
/// what checkpoints store. parse_config(to_json(c)) gives c again.
base::Json to_json(const Config& config, WithRuntime runtime = WithRuntime::yes);
/// {"model": …} alone, as `convert` stores it.
base::Json to_json(const layers::ModelConfig& model);

struct Origin {
  std::string path;    ///< "trainer.batch_size"
  base::Json value;    ///< resolved
  std::string origin;  ///< "configs/x.json:12", "--set" or "default"
};
/// Every resolved value and where it came from; `document` is what load_config_json returned.
std::vector<Origin> origins(const base::Json& document, const Config& config);

/// A stored config, completed by the defaults of fields that did not exist yet when it was stored.
/// A document that cannot be parsed is returned unchanged.
base::Json with_defaults(const base::Json& stored);

/// The fields of a run's identity (Field::identity) in which two resolved configs differ, as
/// "optimizer.lr is 0.002, was 0.001"; empty if none. At most three are named.
std::string difference(const base::Json& now, const base::Json& before);

/// JSON Schema (draft-07) of a config file.
base::Json config_schema();

/// One row of configs/README.md.
struct FieldDescription {
  std::string path, type, default_text, meaning, official;
};
std::vector<FieldDescription> describe_fields();

}  // namespace swin::trainers
