#include "trainers/run/evaluation.h"

#include <algorithm>
#include <string>

#include "base/errors.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

namespace {

constexpr int64_t kNamedBadImages = 20;

/// Maps the data set's classes to the model's: single labels, or the columns of label rows.
void apply(std::span<const int64_t> label_map, data::Batch& batch) {
  if (label_map.size() <= 1) return;  // nothing to reorder
  if (batch.labels.size() == static_cast<size_t>(batch.size)) {
    for (int64_t& label : batch.labels) label = label_map[static_cast<size_t>(label)];
    return;
  }
  const std::vector<int64_t> from = batch.labels;
  const size_t columns = label_map.size();
  for (size_t i = 0; i < from.size(); ++i)
    batch.labels[i / columns * columns + static_cast<size_t>(label_map[i % columns])] = from[i];
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

std::optional<tasks::Metrics> measure(const tasks::Task& task, data::Loader& loader,
                                      int64_t batch_size, std::span<const int64_t> label_map,
                                      const std::function<bool(int64_t images)>& go_on) {
  const std::unique_ptr<tasks::Meter> meter = task.meter();
  loader.start(0);
  data::Batch batch;
  int64_t images = 0, bad = 0;
  std::string first_bad;
  while (loader.next(batch)) {
    images += batch.size;
    for (const data::BadImage& image : batch.bad)
      if (bad++ < kNamedBadImages) first_bad += (bad == 1 ? "" : "; ") + image.error;
    if (go_on && !go_on(images)) return std::nullopt;
    if (bad > 0)
      continue;  // there will be no metrics; the other images are only read, to name all bad ones
    const tasks::Outputs outputs = task.outputs(
        tasks::images_of({batch, 0, batch.size}, batch_size, task.model_config().in_chans),
        tasks::Detail::answers, batch.indices);
    apply(label_map, batch);
    meter->add(outputs, batch);
  }
  if (bad > 0) {
    if (bad > kNamedBadImages)
      first_bad += "; and " + std::to_string(bad - kNamedBadImages) + " more";
    throw base::DataError(
        "evaluation",
        "found " + std::to_string(bad) + " of " + std::to_string(images) +
            " images unreadable, expected none (evaluation replaces no image): " + first_bad,
        "repair or remove them");
  }
  return meter->metrics();
}

}  // namespace swin::trainers
