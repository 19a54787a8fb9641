// A detector small enough to learn two images in seconds, and such images.
#pragma once
#include <cmath>
#include <string>
#include <utility>
#include <vector>

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

}  // namespace swin::tasks::testing
