#include "trainers/run/open_data.h"

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/formats.h"
#include "tasks/task_table.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

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
  if (opened->annotation_kind() == data::AnnotationKind::classes &&
      tasks::task_row(config.task.name).annotation == data::AnnotationKind::one_class) {
    std::vector<std::string> fitting;
    for (const tasks::TaskRow& row : tasks::task_rows())
      if (row.annotation == data::AnnotationKind::classes)
        fitting.push_back('"' + std::string(row.name) + '"');
    throw base::UsageError("task.name",
                           "found \"" + config.task.name + "\" and images of several classes in " +
                               dataset.path + ", expected one class per image",
                           "set it to " + base::alternatives(fitting));
  }
  return opened;
}

}  // namespace swin::trainers
