#include "trainers/run/evaluation.h"

#include <algorithm>
#include <numeric>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "data/coco_file.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

namespace {

/// Maps the data set's classes to the model's: single labels, the columns of label rows, or the
/// pixels of label maps, where a class that the model lacks is ignored, or objects, where such are
/// left out.
void apply(const LabelMap& map, int64_t num_classes, data::Batch& batch) {
  if (map.classes.empty()) return;
  const auto of = [&](size_t label) { return static_cast<size_t>(map.classes[label]); };
  for (data::Annotation& annotation : batch.annotations) {
    if (auto* all = std::get_if<data::Objects>(&annotation)) {
      for (data::Object& object : all->objects)
        object.class_index = map.classes[static_cast<size_t>(object.class_index)];
      std::erase_if(all->objects,
                    [](const data::Object& object) { return object.class_index < 0; });
    }
    auto* labels = std::get_if<data::LabelMap>(&annotation);
    if (!labels) continue;
    for (uint16_t& label : labels->classes)
      if (label != data::LabelMap::kIgnored)
        label = label < map.classes.size() && map.classes[label] >= 0
                    ? static_cast<uint16_t>(map.classes[label])
                    : data::LabelMap::kIgnored;
  }
  if (!map.rows) {
    for (int64_t& label : batch.labels)
      label = static_cast<int64_t>(of(static_cast<size_t>(label)));
    return;
  }
  const std::vector<int64_t> from = std::move(batch.labels);
  const size_t columns = map.classes.size(), classes = static_cast<size_t>(num_classes);
  batch.labels.assign(from.size() / columns * classes, 0);
  for (size_t i = 0; i < from.size(); ++i)  // a class that the model lacks has no image
    if (from[i] != 0) batch.labels[i / columns * classes + of(i % columns)] = from[i];
}

/// Gives the images of a batch more padding, right and below.
void enlarge(const base::Size2& size, int64_t channels, data::Batch& batch) {
  if (size == batch.padded_size) return;
  const auto [height, width] = batch.padded_size;
  std::vector<float> images(static_cast<size_t>(batch.size * size[0] * size[1] * channels));
  for (int64_t row = 0; row < batch.size * height; ++row)
    std::copy_n(batch.images.begin() + row * width * channels, width * channels,
                images.begin() + (row / height * size[0] + row % height) * size[1] * channels);
  batch.images = std::move(images);
  batch.padded_size = size;
}

/// Puts sample i of a batch at the end of another one, of the same kind.
void append(data::Batch& from, int64_t i, data::Batch& to) {
  if (to.size == 0) to.padded_size = from.padded_size;
  const base::Size2 size = {std::max(from.padded_size[0], to.padded_size[0]),
                            std::max(from.padded_size[1], to.padded_size[1])};
  const int64_t channels =
      std::ssize(from.images) / (from.size * from.padded_size[0] * from.padded_size[1]);
  enlarge(size, channels, from);
  enlarge(size, channels, to);
  const auto part = [&](auto& target, const auto& source) {
    const auto width = std::ssize(source) / from.size;
    target.insert(target.end(), source.begin() + i * width, source.begin() + (i + 1) * width);
  };
  part(to.images, from.images);
  part(to.real_sizes, from.real_sizes);
  part(to.original_sizes, from.original_sizes);
  part(to.annotations, from.annotations);
  part(to.labels, from.labels);
  part(to.indices, from.indices);
  ++to.size;
}

void clear(data::Batch& batch) {
  batch.size = 0;
  batch.images.clear();
  batch.real_sizes.clear();
  batch.original_sizes.clear();
  batch.annotations.clear();
  batch.labels.clear();
  batch.indices.clear();
}

/// Of each image of a set with objects, its rank by id; else empty.
std::vector<int64_t> ranks_by_id(const data::Dataset& dataset) {
  if (dataset.annotation_kind() != data::AnnotationKind::objects) return {};
  std::vector<std::pair<data::CocoId, int64_t>> images;
  for (int64_t i = 0; i < dataset.size(); ++i) images.emplace_back(dataset.image_id(i), i);
  std::sort(images.begin(), images.end());
  std::vector<int64_t> ranks(images.size());
  for (size_t rank = 0; rank < images.size(); ++rank)
    ranks[static_cast<size_t>(images[rank].second)] = static_cast<int64_t>(rank);
  return ranks;
}

/// The images mirrored left to right, without their padding.   @param images (rows, H, W, channels)
autograd::Tensor mirrored(const autograd::Tensor& images, const data::Batch& batch) {
  const int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  autograd::Tensor flipped = autograd::Tensor::from(images.shape(), images.values());
  for (int64_t i = 0; i < batch.size; ++i) {
    const int64_t columns =
        batch.real_sizes.empty() ? width : batch.real_sizes[static_cast<size_t>(i)][1];
    for (int64_t y = 0; y < height; ++y) {
      const int64_t row = (i * height + y) * width * channels;
      for (int64_t x = 0; x < columns; ++x)
        std::copy_n(images.data() + row + x * channels, channels,
                    flipped.mutable_data() + row + (columns - 1 - x) * channels);
    }
  }
  return flipped;
}

}  // namespace

data::LoaderOptions evaluation_loader(const Config& config, const data::Dataset& dataset) {
  data::LoaderOptions options;
  const int64_t wanted = config.trainer.micro_batch_size.value_or(config.trainer.batch_size);
  options.batch_size =
      std::max<int64_t>(1, std::min({wanted, config.trainer.batch_size, dataset.size()}));
  options.workers = static_cast<int>(config.runtime.workers);
  options.on_bad = data::OnBad::skip;  // measure() counts them
  options.label_rows = has_label_rows(config);
  options.preprocess = preprocess_of(config);
  return options;
}

std::optional<Measured> measure(const tasks::Task& task, data::Loader& loader, int64_t batch_size,
                                const LabelMap& label_map,
                                const std::function<bool(int64_t images)>& go_on,
                                const MeasureMore& more) {
  const std::vector<int64_t> ranks = ranks_by_id(loader.dataset());
  const std::unique_ptr<tasks::Meter> meter = task.meter();
  if (more.errors) meter->watch_errors();
  std::optional<EvaluationPictures> pictures;
  if (more.pictures) pictures.emplace(task, loader.dataset(), *more.pictures);
  Measured measured;
  const auto add = [&](data::Batch& batch, int64_t rows) {
    const std::vector<int64_t> of_set = std::move(batch.indices);
    batch.indices.resize(static_cast<size_t>(batch.size));
    std::iota(batch.indices.begin(), batch.indices.end(), measured.images);
    const autograd::Tensor images =
        tasks::images_of({batch, 0, batch.size}, rows, task.model_config().in_chans);
    const auto outputs_of = [&](const autograd::Tensor& of) {
      const tasks::ImageInfo info = tasks::info_of(batch);
      return more.inference ? (*more.inference)(of, tasks::Detail::answers, info)
                            : task.outputs(of, tasks::Detail::answers, info);
    };
    tasks::Outputs outputs = outputs_of(images);
    if (more.flip) outputs = task.mean_of(outputs, outputs_of(mirrored(images, batch)));
    apply(label_map, task.model_config().num_classes, batch);
    if (!ranks.empty())
      for (size_t k = 0; k < of_set.size(); ++k)
        batch.indices[k] = ranks[static_cast<size_t>(of_set[k])];
    meter->add(outputs, batch);
    if (pictures) pictures->add(outputs, batch, of_set, meter->latest());
    if (more.batch_done) more.batch_done({outputs, batch, of_set, meter->latest()});
    measured.images += batch.size;
  };
  // The forwards are those of the set without its bad images: batches of `batch_size`, and indices
  // that count the images before.
  data::Batch batch, rest;
  int64_t seen = 0;
  loader.start(0);
  while (loader.next(batch)) {
    seen += batch.size;
    for (const data::BadImage& image : batch.bad)
      measured.bad.push_back({loader.dataset().name(image.index), image.error});
    if (go_on && !go_on(seen)) return std::nullopt;
    if (rest.size == 0 && batch.bad.empty() && batch.size == batch_size) {
      add(batch, batch_size);
      continue;
    }
    auto bad = batch.bad.begin();
    for (int64_t i = 0; i < batch.size; ++i) {
      if (bad != batch.bad.end() && bad->position == i) {
        ++bad;
        continue;
      }
      append(batch, i, rest);
      if (rest.size < batch_size) continue;
      add(rest, batch_size);
      clear(rest);
    }
  }
  // A set of less than a batch is one forward of its own size (evaluation_loader).
  if (rest.size > 0) add(rest, measured.images > 0 ? batch_size : rest.size);
  measured.metrics = meter->metrics();
  measured.per_class = meter->per_class();
  measured.errors = meter->errors();
  measured.confusion = meter->confusion();
  measured.calibration = meter->calibration();
  if (pictures) {
    measured.worst = pictures->worst();
    measured.answers = pictures->answers();
  }
  return measured;
}

std::vector<std::string> row_names(const std::vector<std::string>& names, int64_t num_classes) {
  std::vector<std::string> rows;
  for (int64_t k = 0; k < num_classes; ++k)
    rows.push_back(k < std::ssize(names) ? names[static_cast<size_t>(k)] : std::to_string(k));
  return rows;
}

EvaluationReport report_of(Measured& measured, const std::string& set,
                           const std::vector<std::string>& class_names) {
  EvaluationReport report;
  report.set = set;
  report.images = measured.images;
  report.bad_images = std::ssize(measured.bad);
  report.metrics = measured.metrics;
  report.class_names = class_names;
  report.per_class = measured.per_class;
  report.confusion = measured.confusion;
  report.calibration = measured.calibration;
  report.worst = std::move(measured.worst);
  report.answers = std::move(measured.answers);
  return report;
}

std::string unreadable_text(const Measured& measured, const std::string& expected) {
  std::vector<std::string> names;
  for (const Measured::Bad& bad : measured.bad)
    names.push_back(base::without_controls(bad.name, '?'));
  return "found " + base::grouped(std::ssize(measured.bad)) + " of " +
         base::grouped(measured.all()) + " images unreadable, expected " + expected + ": " +
         base::listing(names, 2);
}

}  // namespace swin::trainers
