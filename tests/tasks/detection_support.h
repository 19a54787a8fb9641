// A detector small enough to learn two images in seconds, and such images.
#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tape/tape.h"
#include "data/run_lengths.h"
#include "tasks/detection.h"
#include "tasks/task_table.h"

namespace swin::tasks::testing {

constexpr int64_t kSide = 64;  // of an image

inline layers::ModelConfig tiny_backbone(int64_t classes = 2) {
  layers::ModelConfig model;
  model.image_size = {kSide, kSide};
  model.patch_size = 4;
  model.embed_dim = 16;
  model.depths = {1, 1};
  model.num_heads = {1, 2};
  model.window_size = {4, 4};
  model.num_classes = classes;
  model.drop_path_rate = 0;
  return model;
}

using Sets = std::vector<std::pair<std::string, std::vector<double>>>;

inline TaskConfig detection_config(const Sets& sets = {}) {
  TaskConfig config{.name = "detection"};
  const Sets small = {{"anchors.sizes", {12, 20, 36}},
                      {"neck.channels", {16}},
                      {"rpn.pre_top_train", {100}},
                      {"rpn.post_top_train", {50}},
                      {"rpn.pre_top_test", {100}},
                      {"rpn.post_top_test", {50}},
                      {"rpn.batch", {64}},
                      {"box_head.channels", {32}},
                      {"box_head.batch", {32}},
                      {"mask_head.channels", {16}},
                      {"mask_head.convs", {1}}};
  for (const Sets* values : {&small, &sets})
    for (const auto& [name, value] : *values) config.own.set(name, value);
  return {config.name, {task_row(config.name), config.own}};
}

/// An object of this class as an ellipse that fills its box.
inline data::Object ellipse(int64_t class_index, const data::BoundingBox& box) {
  std::vector<uint8_t> pixels(kSide * kSide);
  const double cx = (box.x1 + box.x2) / 2, cy = (box.y1 + box.y2) / 2;
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    const double x = (static_cast<double>(i % kSide) + 0.5 - cx) * 2 / (box.x2 - box.x1),
                 y = (static_cast<double>(i / kSide) + 0.5 - cy) * 2 / (box.y2 - box.y1);
    pixels[static_cast<size_t>(i)] = x * x + y * y < 1;
  }
  return *data::object_of_pixels(pixels, kSide, kSide, class_index);
}

/// Gray noise with each object in the color of its class.
inline data::Batch batch_of(const std::vector<std::vector<data::Object>>& images) {
  data::Batch batch;
  batch.size = std::ssize(images);
  batch.padded_size = {kSide, kSide};
  batch.images.resize(images.size() * kSide * kSide * 3);
  for (size_t i = 0; i < batch.images.size(); ++i)
    batch.images[i] = 0.3f * std::sin(static_cast<float>(i * i % 97));
  for (size_t b = 0; b < images.size(); ++b) {
    for (const data::Object& object : images[b]) {
      const std::vector<uint8_t> pixels = data::to_pixels(std::get<data::RunLengths>(object.mask));
      for (size_t i = 0; i < pixels.size(); ++i)
        if (pixels[i])
          batch.images[(b * kSide * kSide + i) * 3 + static_cast<size_t>(object.class_index)] += 2;
    }
    batch.annotations.emplace_back(data::Objects{kSide, kSide, images[b]});
    batch.real_sizes.push_back({kSide, kSide});
    batch.original_sizes.push_back({kSide, kSide});
    batch.indices.push_back(static_cast<int64_t>(b));
  }
  return batch;
}

/// Two images: three objects of two classes, and one that another covers in part.
inline data::Batch two_images() {
  return batch_of(
      {{ellipse(0, {4, 6, 24, 22}), ellipse(1, {30, 30, 60, 58}), ellipse(0, {40, 4, 52, 20})},
       {ellipse(1, {8, 20, 30, 50}), ellipse(0, {34, 8, 58, 30})}});
}

using Values = std::map<std::string, double>;

/// The sums over slices, and the gradients in the parameters' slab.
/// @param updates null, or gets the new statistics of buffers
inline Values losses_of(Detection& task, const data::Batch& batch, int64_t slice_size,
                        uint64_t step = 1, std::vector<layers::BufferUpdate>* updates = nullptr) {
  Values sums;
  layers::Pass pass;
  pass.training = true;
  pass.step = step;
  pass.buffer_updates = updates;
  task.parameters().begin_step();
  const Count count = task.count(batch);
  for (int64_t begin = 0; begin < batch.size; begin += slice_size) {
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    pass.first_sample = static_cast<uint64_t>(begin);
    const Losses losses =
        task.loss({batch, begin, std::min(slice_size, batch.size - begin)}, pass, count);
    for (const NamedTensor& loss : losses)
      sums[loss.name] += static_cast<double>(loss.value.data()[0]);
    tape.backward(losses[0].value);
  }
  return sums;
}

inline std::vector<real> gradients_of(const layers::Parameters& parameters) {
  return {parameters.gradient_slab(), parameters.gradient_slab() + parameters.slab_numel()};
}

/// AdamW's update without decay, for so few weights that one loop is enough.
class Learner {
 public:
  explicit Learner(Detection& task)
      : task_(task), mean_(static_cast<size_t>(task.parameters().slab_numel())), square_(mean_) {}
  Values step(const data::Batch& batch, double lr) {
    ++steps_;
    std::vector<layers::BufferUpdate> updates;
    const Values losses =
        losses_of(task_, batch, batch.size, static_cast<uint64_t>(steps_), &updates);
    task_.parameters().commit(updates);
    const int64_t n = task_.parameters().slab_numel();
    const real* gradient = task_.parameters().gradient_slab();
    real* weights = task_.parameters().write(0, n);
    for (int64_t k = 0; k < n; ++k) {
      double &m = mean_[static_cast<size_t>(k)], &v = square_[static_cast<size_t>(k)];
      const auto g = static_cast<double>(gradient[k]);
      m += 0.1 * (g - m);
      v += 0.01 * (g * g - v);
      const double size = std::sqrt(v / (1 - std::pow(0.99, steps_))) + 1e-8;
      weights[k] -= static_cast<real>(lr * m / (1 - std::pow(0.9, steps_)) / size);
    }
    return losses;
  }

 private:
  Detection& task_;
  std::vector<double> mean_, square_;
  int steps_ = 0;
};

inline Values metrics_of(const Detection& task, const data::Batch& batch) {
  const auto meter = task.meter();
  meter->add(task.outputs(images_of({batch, 0, batch.size}, batch.size, 3), Detail::answers,
                          info_of(batch)),
             batch);
  const Metrics metrics = meter->metrics();
  return {metrics.begin(), metrics.end()};
}

}  // namespace swin::tasks::testing
