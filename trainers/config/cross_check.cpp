#include "trainers/config/cross_check.h"

#include <algorithm>
#include <filesystem>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/format_table.h"
#include "tasks/task_table.h"
#include "trainers/config/check_value.h"
#include "trainers/config/fields.h"
#include "trainers/config/image_conflicts.h"
#include "trainers/config/optimizer_table.h"
#include "trainers/config/schedule_table.h"

namespace swin::trainers {

using base::Json;
using base::UsageError;

namespace {

class CrossCheck {
 public:
  CrossCheck(const Json& document, Config& config, bool with_data)
      : document_(document), config_(config), with_data_(with_data) {}

  void run() {
    rows();
    if (is_dense()) dense();
    model();
    augment();
    preprocess();
    schedule();
    data();
    init();
    monitor();
    if (config_.trainer.micro_batch_size.value_or(0) > config_.trainer.batch_size)
      refuse("trainer.micro_batch_size", "found " +
                                             std::to_string(*config_.trainer.micro_batch_size) +
                                             ", expected at most trainer.batch_size, " +
                                             std::to_string(config_.trainer.batch_size));
  }

 private:
  [[noreturn]] void refuse(const std::string& path, const std::string& found,
                           const std::string& remedy = "") const {
    throw UsageError(where_of(document_, path), found, remedy);
  }
  bool written(const std::string& path) const { return find_path(document_, path) != nullptr; }

  /// A list with one entry for each stage, or none.
  void one_per_stage(const std::string& path, size_t entries) const {
    const size_t stages = config_.model.depths.size();
    if (entries != 0 && entries != stages)
      refuse(path, "found " + std::to_string(entries) + " entries, expected one for each of the " +
                       std::to_string(stages) + " stages of model.depths");
  }
  /// The defaults of a ViT are those of ViT-B/16, not those of Swin-T.
  void vision_transformer() const {
    layers::ModelConfig& m = config_.model;
    if (!written("model.patch_size")) m.patch_size = 16;
    if (!written("model.embed_dim")) m.embed_dim = 768;
    if (!written("model.depths")) m.depths = {12};
    if (!written("model.num_heads")) m.num_heads = {12};
    if (m.depths.size() != 1)
      refuse("model.depths", "found " + std::to_string(m.depths.size()) +
                                 " stages, expected one: a vit has no stages");
  }

  /// Whether the task answers for pixels or objects.
  bool is_dense() const {
    const data::AnnotationKind kind = tasks::task_row(config_.task.name).annotation;
    return kind == data::AnnotationKind::label_map || kind == data::AnnotationKind::objects;
  }
  void dense() const {
    layers::ModelConfig& m = config_.model;
    if (!written("model.window_shrink"))
      m.window_shrink = layers::WindowShrink::always_shift;
    else if (m.window_shrink != layers::WindowShrink::always_shift)
      refuse("model.window_shrink",
             "found another than \"always_shift\", expected it or none: images of " +
                 config_.task.name + " have any size, so that windows never shrink",
             "remove the field");
    const AugmentConfig& a = config_.augment;
    for (const auto& [path, alpha] :
         {std::pair("augment.mixup", a.mixup), {"augment.cutmix", a.cutmix}})
      if (alpha > 0)
        refuse(path, "found " + base::to_text(Json(alpha)) + ", expected 0 for " +
                         config_.task.name + ": only classes of whole images are mixed");
  }

  void model() const {
    if (config_.model.name == "vit") vision_transformer();
    const layers::ModelConfig& m = config_.model;
    if (with_data_ && m.in_chans != 1 && m.in_chans != 3)
      refuse("model.in_chans", "found " + std::to_string(m.in_chans) +
                                   ", expected 1 (gray) or 3 (RGB): images have no other");
    if (m.depths.size() != m.num_heads.size())
      refuse(written("model.num_heads") ? "model.num_heads" : "model.depths",
             "found " + std::to_string(m.depths.size()) + " stages in model.depths and " +
                 std::to_string(m.num_heads.size()) +
                 " in model.num_heads, expected equal numbers");
    one_per_stage("model.window_sizes", m.window_sizes.size());
    one_per_stage("model.pretrained_window_sizes", m.pretrained_window_sizes.size());
    one_per_stage("model.mlp_ratio", m.mlp_ratios.size());
    for (size_t i = 0; i < m.num_heads.size(); ++i) {
      const int64_t dim = m.embed_dim << i, heads = m.num_heads[i];
      if (dim % heads == 0) continue;
      int64_t less = heads, more = heads;
      while (dim % less != 0) --less;
      while (more < dim && dim % more != 0) ++more;
      refuse("model.num_heads",
             "found " + std::to_string(heads) + " heads in stage " + std::to_string(i) +
                 ", expected a divisor of its " + std::to_string(dim) +
                 " channels (model.embed_dim · 2^" + std::to_string(i) + ")",
             less == more || dim % more != 0
                 ? "use " + std::to_string(less)
                 : "use " + std::to_string(less) + " or " + std::to_string(more));
    }
  }

  void augment() const {
    const AugmentConfig& a = config_.augment;
    if (a.random_resized_crop) {
      for (const auto& [name, range] : {std::pair{"scale", a.random_resized_crop->scale},
                                        {"ratio", a.random_resized_crop->ratio}})
        if (range[0] > range[1])
          refuse(std::string("augment.random_resized_crop.") + name,
                 "found a smallest value above the largest", "swap them");
    }
    if (a.color_jitter.size() == 4 && a.color_jitter[3] > 0.5)
      refuse("augment.color_jitter", "found a hue of " + base::to_text(Json(a.color_jitter[3])) +
                                         ", expected at most 0.5, half of the color circle");
    if (a.auto_augment && *a.auto_augment != "cifar10" && *a.auto_augment != "rand" &&
        a.auto_augment->rfind("rand-", 0) != 0)
      refuse("augment.auto_augment",
             "found \"" + *a.auto_augment + "\", expected rand-…, cifar10 or null",
             "the official recipe is \"rand-m9-mstd0.5-inc1\"");
  }

  void preprocess() const {
    PreprocessConfig& p = config_.preprocess;
    const auto& size = config_.model.image_size;
    const int64_t side = std::min(size[0], size[1]);
    if (!written("preprocess.resize") && p.long_side)
      p.resize = side;
    else if (!written("preprocess.resize") && side > 32 && !is_dense())
      p.resize = static_cast<int64_t>(256.0 / 224.0 * static_cast<double>(side));
    if (p.crop_pct && !p.long_side) {
      // A stored config has both fields, with equal meaning.
      const auto resize = static_cast<int64_t>(static_cast<double>(side) / *p.crop_pct);
      if (written("preprocess.resize") && p.resize != resize)
        refuse("preprocess.crop_pct",
               "found both crop_pct and another resize, expected one of them",
               "remove one, or set crop_pct to null");
      p.resize = resize;
    }
    if (p.resize && !p.long_side && is_dense())
      refuse("preprocess.resize",
             "found " + std::to_string(*p.resize) + " without a long_side, expected null: the " +
                 "center crop would leave pixels without an answer",
             "set preprocess.long_side, which keeps the ratio without a crop, or resize to null");
    if (p.resize && !p.long_side && *p.resize < side)
      refuse("preprocess.resize",
             "found " + std::to_string(*p.resize) +
                 ", expected null or at least the short side of model.image_size, " +
                 std::to_string(side));
    const size_t channels = static_cast<size_t>(config_.model.in_chans);
    if (p.mean.empty())
      p.mean = channels == 3 ? std::vector<double>{0.485, 0.456, 0.406}
                             : std::vector<double>(channels, 0.5);
    if (p.std.empty())
      p.std = channels == 3 ? std::vector<double>{0.229, 0.224, 0.225}
                            : std::vector<double>(channels, 0.5);
    for (const auto& [path, values] :
         {std::pair<const char*, const std::vector<double>&>{"preprocess.mean", p.mean},
          {"preprocess.std", p.std}})
      if (values.size() != channels)
        refuse(path, "found " + std::to_string(values.size()) + " values, expected " +
                         std::to_string(channels) + ", one per channel (model.in_chans)");
    if (const auto conflict = image_conflict(config_))
      refuse(conflict->path, conflict->found, conflict->remedy);
  }

  void schedule() const {
    ScheduleConfig& s = config_.schedule;
    if (!written("schedule.epochs") && s.steps) s.epochs.reset();
    if (s.epochs && s.steps)
      refuse("schedule.steps", "found both epochs and steps, expected one of them",
             "set the other to null");
    if (!s.epochs && !s.steps)
      refuse("schedule.epochs", "found neither epochs nor steps, expected one of them");
    if (s.warmup_epochs && s.warmup_steps)
      refuse("schedule.warmup_steps",
             "found both warmup_epochs and warmup_steps, expected one of them",
             "set the other to null");
    if (s.epochs && s.warmup_epochs && *s.warmup_epochs > static_cast<double>(*s.epochs))
      refuse("schedule.warmup_epochs",
             "found a warm-up of " + base::to_text(Json(*s.warmup_epochs)) +
                 " epochs, expected at most schedule.epochs, " + std::to_string(*s.epochs));
    if (s.steps && s.warmup_steps && *s.warmup_steps > *s.steps)
      refuse("schedule.warmup_steps", "found a warm-up of " + std::to_string(*s.warmup_steps) +
                                          " steps, expected at most schedule.steps, " +
                                          std::to_string(*s.steps));
    const std::vector<double>* min_lr = s.own.find("min_lr");
    if (min_lr && min_lr->front() > config_.optimizer.lr)
      refuse("schedule.min_lr", found_text(Json(min_lr->front())) +
                                    ", expected at most optimizer.lr, " +
                                    base::to_text(Json(config_.optimizer.lr)));
  }

  /// Completes the fields of the chosen rows.
  void rows() const {
    const auto complete = [](base::RowValues& own, const base::ConfigRow& row) {
      own = base::RowValues(row, own);
    };
    complete(config_.task.own, tasks::task_row(config_.task.name));
    complete(config_.optimizer.own,
             base::row_named(optimizer_rows(), config_.optimizer.name, "optimizer.name"));
    complete(config_.schedule.own,
             base::row_named(schedule_rows(), config_.schedule.name, "schedule.name"));
  }

  void monitor() const {
    const tasks::TaskRow& task = tasks::task_row(config_.task.name);
    std::vector<std::string> metrics;
    for (const tasks::MetricRow& metric : tasks::metrics_of(task, config_.task.own))
      metrics.emplace_back(metric.name);
    std::string& name = config_.checkpoint.monitor;
    if (!written("checkpoint.monitor")) name = metrics.front();
    if (std::find(metrics.begin(), metrics.end(), name) == metrics.end())
      refuse("checkpoint.monitor", "found \"" + name + "\", expected a metric of " + task.name +
                                       ": " + base::alternatives(metrics));
  }

  void init() const {
    const InitConfig& i = config_.init;
    for (const auto& [field, value] : {std::pair("init.key", &i.key), {"init.prefix", &i.prefix}})
      if (*value && !i.checkpoint)
        refuse(field, "found a value but no init.checkpoint, expected the weights that it is of",
               "set init.checkpoint or give --init FILE");
    if (!i.class_index_file) return;
    if (!i.checkpoint)
      refuse("init.class_index_file",
             "found a file but no init.checkpoint, expected the weights whose classes it selects",
             "set init.checkpoint or give --init FILE");
    if (i.head == "reset")
      refuse("init.class_index_file",
             "found a file and init.head \"reset\", expected a head that is kept", "remove one");
  }

  void data() const {
    DataConfig& d = config_.data;
    if (!find_path(document_, "data")) {
      if (with_data_)
        refuse("data.train", "missing, expected a data set to train on",
               "add \"data\": {\"train\": {\"format\": …, \"path\": …}}");
      return;
    }
    if (d.train.format.empty())
      refuse("data.train.format", "missing, expected one of " + format_names());
    data_set("data.train", d.train);
    if (d.validation) inherit("data.validation", *d.validation);
    if (d.test) inherit("data.test", *d.test);
    if (d.validation) disjoint(d.train, *d.validation);
  }
  static std::string format_names() {
    const auto format = std::find_if(all_fields().begin(), all_fields().end(),
                                     [](const Field& f) { return f.path == "data.train.format"; });
    return base::listing(format->choices, format->choices.size());
  }
  /// Validation and test take from data.train what they do not name: mostly they are another part
  /// of the same data set.
  void inherit(const std::string& path, DatasetConfig& set) const {
    const DatasetConfig& train = config_.data.train;
    const bool same_format = !written(path + ".format") || set.format == train.format;
    if (!written(path + ".format")) set.format = train.format;
    if (!written(path + ".path") && same_format) set.path = train.path;
    if (!written(path + ".seed")) set.seed = train.seed;
    data_set(path, set);
  }
  /// The split of a data set whose config names none.
  static std::string split_by_default(data::Splits splits, const std::string& path) {
    using data::Splits;
    if (splits == Splits::none || splits == Splits::optional_folders) return "";
    if (path == "data.train") return "train";
    return splits == Splits::folders && path == "data.validation" ? "validation" : "test";
  }
  void data_set(const std::string& path, DatasetConfig& set) const {
    set.field = path;
    set.path_field = written(path + ".path") ? path + ".path" : "data.train.path";
    const data::FormatRow& format = *data::format_row(set.format);
    if (!written(path + ".split")) set.split = split_by_default(format.splits, path);
    split(path, set, format.splits);
    const bool reads_files = format.path != data::PathKind::none;
    if (!reads_files && !set.path.empty())
      refuse(path + ".path",
             "found \"" + set.path + "\", expected none: " + set.format + " reads no file");
    if (reads_files && set.path.empty())
      refuse(path + ".path", "missing, expected the folder of the " + set.format + " data set");
    if (!set.images.empty() && set.format != "coco")
      refuse(path + ".images", "found \"" + set.images + "\", expected null: " + set.format +
                                   " says itself where its images are");
    if (!format.generated && set.samples != 0)
      refuse(path + ".samples",
             "found " + std::to_string(set.samples) +
                 ", expected null: only a generated set has a size to choose",
             "use " + path + ".fraction");
    if (format.generated && set.samples == 0) set.samples = 1000;
  }
  void split(const std::string& path, const DatasetConfig& set, data::Splits splits) const {
    using data::Splits;
    const std::string found = set.split.empty() ? "found null" : "found \"" + set.split + "\"";
    if (splits == Splits::none && !set.split.empty())
      refuse(path + ".split", found + ", expected null: format " + set.format + " has no splits",
             "set " + path + ".path to that of the split, or use " + path + ".fraction");
    if (splits == Splits::train_test && set.split != "train" && set.split != "test")
      refuse(path + ".split", found + ", expected \"train\" or \"test\"");
    if (splits == Splits::folders && set.split.empty())
      refuse(path + ".split", found + ", expected \"train\", \"validation\" or \"test\"");
  }
  void disjoint(const DatasetConfig& train, const DatasetConfig& validation) const {
    const auto normal = [](const std::string& path) {
      std::string text = std::filesystem::path(path).lexically_normal().string();
      if (text.size() > 1 && text.back() == '/') text.pop_back();
      return text;
    };
    if (train.format != validation.format || train.split != validation.split ||
        normal(train.path) != normal(validation.path))
      return;
    if (train.seed != validation.seed) {
      if (data::format_row(train.format)->generated) return;  // other images
      refuse("data.validation.seed",
             "found " + std::to_string(validation.seed) + ", expected " +
                 std::to_string(train.seed) +
                 " as in data.train: fractions are disjoint only with equal seeds");
    }
    const double common = std::min(train.fraction_end, validation.fraction_end) -
                          std::max(train.fraction_begin, validation.fraction_begin);
    if (common > 1e-9)
      refuse(written("data.validation.fraction") ? "data.validation.fraction" : "data.validation",
             "found images of data.train in data.validation, expected disjoint sets",
             "give both a fraction, for example 0.9 and 0.1, or another split or path");
  }

  const Json& document_;
  Config& config_;
  bool with_data_;
};

}  // namespace

void complete_and_cross_check(const Json& document, Config& config, bool with_data) {
  CrossCheck(document, config, with_data).run();
}

}  // namespace swin::trainers
