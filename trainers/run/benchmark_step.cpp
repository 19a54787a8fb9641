#include "trainers/run/benchmark_step.h"

#include "base/random.h"
#include "tasks/task_table.h"
#include "trainers/run/plan.h"

namespace swin::trainers {
namespace {

constexpr const char* kScoreField = "test.score";

// The classes of pixels go in stripes.
data::LabelMap stripes(const layers::ModelConfig& model) {
  data::LabelMap map{model.image_size[0], model.image_size[1], {}};
  for (int64_t i = 0; i < map.height * map.width && model.num_classes > 0; ++i)
    map.classes.push_back(static_cast<uint16_t>(i / map.width % model.num_classes));
  return map;
}

// Eight rectangles, of an eighth to a half of the image.
data::Objects rectangles(const layers::ModelConfig& model) {
  data::Objects all{model.image_size[0], model.image_size[1], {}};
  const auto height = static_cast<double>(all.height), width = static_cast<double>(all.width);
  for (int64_t k = 0; k < 8 && model.num_classes > 0; ++k) {
    const double size = 0.125 * static_cast<double>(1 + k % 4),
                 place = (1 - size) * static_cast<double>(k) / 7;
    data::Object object;
    object.class_index = k % model.num_classes;
    object.box = {place * width, place * height, (place + size) * width, (place + size) * height};
    const auto& [x1, y1, x2, y2] = object.box;
    object.mask = std::vector<data::Polygon>{{{x1, y1}, {x2, y1}, {x2, y2}, {x1, y2}}};
    object.area = object.box.area();
    all.objects.push_back(object);
  }
  return all;
}

// Images of uniform noise, image i of class i.
data::Batch synthetic_batch(const layers::ModelConfig& model, data::AnnotationKind kind,
                            int64_t size) {
  data::Batch batch;
  batch.size = size;
  batch.padded_size = model.image_size;
  batch.images.resize(
      static_cast<size_t>(size * model.image_size[0] * model.image_size[1] * model.in_chans));
  const base::Random random(0, "benchmark/images");
  for (size_t i = 0; i < batch.images.size(); ++i) batch.images[i] = random.uniform(i) * 2 - 1;
  batch.target_rows.resize(static_cast<size_t>(size * model.num_classes));
  for (int64_t i = 0; i < size && model.num_classes > 0; ++i)
    batch.target_rows[static_cast<size_t>(i * model.num_classes + i % model.num_classes)] = 1;
  if (kind == data::AnnotationKind::objects)
    batch.annotations.assign(static_cast<size_t>(size), rectangles(model));
  else
    batch.annotations.assign(static_cast<size_t>(size), stripes(model));
  return batch;
}

}  // namespace

BenchmarkStep::BenchmarkStep(const Config& config, BenchmarkMode mode, int64_t batch_size)
    : batch_size_(batch_size > 0
                      ? batch_size
                      : config.trainer.micro_batch_size.value_or(config.trainer.batch_size)) {
  const layers::ModelConfig& model = config.model;
  const bool training = mode == BenchmarkMode::train;
  flops_per_image_ =
      (training ? 6.0 : 2.0) * static_cast<double>(plan_forward(config.task, model).total.macs);
  tasks::TaskConfig task = config.task;
  // Weights that were not trained find nothing: all scores count, so that a detector finds as many
  // objects in an image as it may.
  if (!training && task.own.find(kScoreField)) task.own.set(kScoreField, {0});
  task_ = tasks::make_task(task, model, 0, training);
  batch_ = synthetic_batch(model, tasks::task_row(task.name).annotation, batch_size_);
  if (training) {
    TrainerConfig trainer = config.trainer;
    trainer.micro_batch_size.reset();  // the batch is one slice
    optimizer_ = make_optimizer(task_->parameters(), config.optimizer);
    training_step_.emplace(*task_, *optimizer_, trainer);
  } else {
    inference_.emplace(*task_);
    images_ = tasks::images_of({batch_, 0, batch_.size}, batch_.size, model.in_chans);
    batch_ = {};
  }
}

void BenchmarkStep::operator()(autograd::Observer* observer) {
  if (!observer || steps_ == 0) ++steps_;
  if (training_step_)
    (*training_step_)(batch_, steps_, 1e-4, observer);
  else
    (*inference_)(images_, tasks::Detail::answers);
}

}  // namespace swin::trainers
