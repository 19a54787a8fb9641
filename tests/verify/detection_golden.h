// A golden of tests/goldens/detection: images with objects, and what a detector makes of them
// (scripts/reference/make_detection_goldens.py).
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "data/batch.h"
#include "tasks/detection.h"
#include "tasks/detection_proposals.h"
#include "tests/support/golden_files.h"
#include "verify/golden.h"
#include "weights/generated_weights.h"

namespace swin::verify {

/// The goldens are float64 results stored as float32: in the double build only that rounding is
/// left, of inputs, too.
inline constexpr bool kDouble = sizeof(real) == 8;
inline constexpr double kForward = kDouble ? 2e-6 : kForwardTolerance;
inline constexpr double kGradient = kDouble ? 5e-6 : kGradientTolerance;

class DetectionGolden {
 public:
  explicit DetectionGolden(const std::string& name)
      : file_(test::kGoldens + "detection/" + name + ".safetensors"),
        config_(test::whole_config_of("detection/" + name)) {}

  bool has(const std::string& name) const { return file_.file().find(name) != nullptr; }
  std::vector<double> numbers(const std::string& name) const {
    const files::NamedArray& array = file_.file().at(name);
    std::vector<double> values(static_cast<size_t>(array.num_elements()));
    files::read_float64(array, file_.where(), values);
    return values;
  }
  std::vector<int64_t> integers(const std::string& name) const {
    const files::NamedArray& array = file_.file().at(name);
    std::vector<int64_t> values(static_cast<size_t>(array.num_elements()));
    files::read_int64(array, file_.where(), values);
    return values;
  }
  tasks::Boxes boxes(const std::string& name) const {
    const std::vector<double> values = numbers(name);
    tasks::Boxes boxes;
    for (size_t i = 0; i < values.size(); i += 4)
      boxes.push_back({values[i], values[i + 1], values[i + 2], values[i + 3]});
    return boxes;
  }
  /// As it is in the file; maps and regions are (B, C, H, W) there.
  autograd::Tensor tensor(const std::string& name) const {
    const std::vector<double> values = numbers(name);
    autograd::Shape shape;
    for (const int64_t dim : file_.file().at(name).shape) shape.push_back(dim);
    return autograd::Tensor::from(shape, std::vector<real>(values.begin(), values.end()));
  }
  std::vector<base::Size2> sizes(const std::string& name) const {
    const std::vector<int64_t> values = integers("input." + name);
    std::vector<base::Size2> sizes;
    for (size_t i = 0; i < values.size(); i += 2) sizes.push_back({values[i], values[i + 1]});
    return sizes;
  }
  /// Masks of `size`: of each the number of its runs, then these.
  std::vector<data::RunLengths> masks(const std::string& name, const base::Size2& size) const {
    const std::vector<int64_t> values = integers(name);
    std::vector<data::RunLengths> masks;
    for (size_t i = 0; i < values.size();) {
      data::RunLengths mask{size[0], size[1], {}};
      const auto count = static_cast<size_t>(values[i++]);
      for (const size_t end = i + count; i < end; ++i)
        mask.counts.push_back(static_cast<uint32_t>(values[i]));
      masks.push_back(std::move(mask));
    }
    return masks;
  }

  /// Fails the test unless `found` is the golden's tensor of this name.
  void expect(const std::string& name, const autograd::Tensor& found, double tolerance) const {
    const GoldenTensor* golden = file_.find(name);
    ASSERT_NE(golden, nullptr) << name;
    const TensorError error = file_.compare(*golden, found.shape(), found.data(), tolerance);
    EXPECT_TRUE(error.passed) << name << ": " << error.max_rel_error;
  }
  void expect(const std::string& name, const tasks::Boxes& found, double tolerance) const {
    std::vector<real> values;
    for (const data::BoundingBox& box : found)
      for (const double x : {box.x1, box.y1, box.x2, box.y2})
        values.push_back(static_cast<real>(x));
    expect(name, autograd::Tensor::from({std::ssize(found), 4}, values), tolerance);
  }
  void expect(const std::string& name, const std::vector<int64_t>& found) const {
    EXPECT_EQ(found, integers(name)) << name;
  }
  void expect(const std::string& name, const std::vector<int32_t>& found) const {
    expect(name, std::vector<int64_t>(found.begin(), found.end()));
  }

  /// With the golden's weights.
  std::unique_ptr<tasks::Detection> task() const {
    auto task = std::make_unique<tasks::Detection>(config_.task, config_.model, 0, true);
    weights::fill_generated(task->parameters(), *file_.seed());
    layers::Parameters& parameters = task->parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      const layers::ParameterEntry& entry = parameters[i];
      if (!has("weight." + entry.name)) continue;
      const std::vector<double> values = numbers("weight." + entry.name);
      std::copy(values.begin(), values.end(),
                parameters.write(entry.offset, entry.offset + entry.numel()));
    }
    parameters.begin_step();
    return task;
  }

  /// Images are zero outside of their own size. Objects are on the canvas of the batch.
  data::Batch batch() const {
    data::Batch batch;
    autograd::Tensor images = file_.images();
    batch.size = images.dim(0);
    batch.padded_size = {images.dim(1), images.dim(2)};
    batch.real_sizes = sizes("sizes");
    batch.original_sizes = sizes("originals");
    batch.images.assign(images.data(), images.data() + images.numel());
    const int64_t channels = images.dim(3);
    for (int64_t i = 0; i < std::ssize(batch.images); ++i) {
      const int64_t pixel = i / channels, x = pixel % batch.padded_size[1],
                    y = pixel / batch.padded_size[1] % batch.padded_size[0];
      const base::Size2& size =
          batch
              .real_sizes[static_cast<size_t>(pixel / batch.padded_size[1] / batch.padded_size[0])];
      if (y >= size[0] || x >= size[1]) batch.images[static_cast<size_t>(i)] = 0;
    }
    for (int64_t i = 0; i < batch.size; ++i) batch.annotations.emplace_back(objects(i, batch));
    return batch;
  }
  const trainers::Config& config() const { return config_; }
  const GoldenFile& file() const { return file_; }

 private:
  data::Objects objects(int64_t i, const data::Batch& batch) const {
    const std::string at = "." + std::to_string(i);
    const base::Size2 &size = batch.real_sizes[static_cast<size_t>(i)], &canvas = batch.padded_size;
    const tasks::Boxes boxes = this->boxes("target.boxes" + at);
    const std::vector<int64_t> classes = integers("target.classes" + at),
                               crowd = integers("target.crowd" + at);
    const std::vector<data::RunLengths> masks = this->masks("target.runs" + at, size);
    data::Objects all{canvas[0], canvas[1], {}};
    for (size_t k = 0; k < boxes.size(); ++k) {
      const std::vector<uint8_t> own = data::to_pixels(masks[k]);
      std::vector<uint8_t> pixels(static_cast<size_t>(canvas[0] * canvas[1]));
      for (int64_t y = 0; y < size[0]; ++y)
        std::copy_n(own.begin() + y * size[1], size[1], pixels.begin() + y * canvas[1]);
      all.objects.push_back({boxes[k], classes[k],
                             data::to_run_lengths(pixels, canvas[0], canvas[1]), crowd[k] != 0,
                             boxes[k].area()});
    }
    return all;
  }

  GoldenFile file_;
  trainers::Config config_;
};

}  // namespace swin::verify
