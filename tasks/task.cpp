#include "tasks/task.h"

#include <algorithm>

#include "base/errors.h"
#include "tasks/classification.h"
#include "tasks/detection.h"
#include "tasks/multi_label.h"
#include "tasks/segmentation.h"
#include "tasks/simmim.h"
#include "tasks/task_table.h"

namespace swin::tasks {

namespace {

template <class T>
std::unique_ptr<Task> make(const TaskConfig& config, const layers::ModelConfig& model,
                           uint64_t seed, bool with_gradients) {
  return std::make_unique<T>(config, model, seed, with_gradients);
}

struct Factory {
  const char* name;
  std::unique_ptr<Task> (*make)(const TaskConfig&, const layers::ModelConfig&, uint64_t, bool);
};
constexpr Factory kFactories[] = {
    {"classification", make<Classification>},
    {"multi_label_classification", make<MultiLabelClassification>},
    {"simmim", make<SimMim>},
    {"semantic_segmentation", make<Segmentation>},
    {"detection", make<Detection>},
};

}  // namespace

const Tensor& output(const Outputs& outputs, const std::string& name) {
  for (const NamedTensor& output : outputs)
    if (output.name == name) return output.value;
  throw base::InternalError(name, "found no such output, expected one");
}

std::unique_ptr<Task> make_task(const TaskConfig& config, const layers::ModelConfig& model,
                                uint64_t seed, bool with_gradients) {
  const TaskConfig complete = {config.name, {task_row(config.name), config.own}};
  for (const Factory& factory : kFactories)
    if (config.name == factory.name) return factory.make(complete, model, seed, with_gradients);
  throw base::InternalError(config.name,
                            "found a task without a factory, expected one in tasks/task.cpp");
}

Outputs Task::mean_of(const Outputs&, const Outputs&) const {
  throw base::InternalError("mean of outputs",
                            "found a task without classes of whole images, expected one with them");
}

ImageInfo info_of(const data::Batch& batch) {
  return {batch.indices, batch.real_sizes, batch.original_sizes};
}

Tensor images_of(const Slice& slice, int64_t rows, int64_t channels) {
  const auto [height, width] = slice.batch.padded_size;
  Tensor images({rows, height, width, channels});
  if (base::DryRun::active()) return images;
  const int64_t image = images.numel() / rows;
  real* data = images.mutable_data();
  std::copy_n(slice.batch.images.begin() + slice.begin * image, slice.size * image, data);
  std::fill_n(data + slice.size * image, (rows - slice.size) * image, real{0});
  return images;
}

}  // namespace swin::tasks
