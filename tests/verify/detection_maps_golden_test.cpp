// The feature pyramid on maps with odd sides and the features of regions are torchvision's, and
// those of a twin by mmdetection's rules (scripts/reference/make_detection_map_goldens.py).
#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "layers/dense/fpn.h"
#include "tasks/detection/boxes.h"
#include "tests/support/engine_test.h"
#include "tests/support/golden_files.h"
#include "verify/golden.h"
#include "weights/generated_weights.h"

namespace swin::verify {
namespace {

using autograd::permute;
using autograd::Shape;
using autograd::Tensor;

class DetectionMaps : public oracle::EngineTest {
 protected:
  /// Generated values of this stream: (B, C, H, W) there, (B, H, W, C) here.
  Tensor map(const std::string& stream, const Shape& channels_first) const {
    return permute(generated(stream, channels_first), {0, 2, 3, 1});
  }
  /// Σ x · generated values, in the golden's order of axes.
  Tensor loss(const std::string& name, const Tensor& channels_first) const {
    const int64_t numel = channels_first.numel();
    return autograd::linear(autograd::reshape(channels_first, {1, numel}),
                            generated("cotangent." + name, {1, numel}), Tensor());
  }
  void expect(const std::string& name, const Tensor& found, double tolerance) const {
    const GoldenTensor* golden = golden_.find(name);
    ASSERT_NE(golden, nullptr) << name;
    const TensorError error = golden_.compare(*golden, found.shape(), found.data(), tolerance);
    EXPECT_TRUE(error.passed) << name << ": " << error.max_rel_error;
    if (sizeof(real) == 8) {
      EXPECT_LT(error.max_rel_error, 2e-7) << name;
    }
  }
  void expect_gradient(const std::string& name, const Shape& shape, const real* gradient) const {
    expect("grad." + name,
           Tensor::from(shape, std::span(gradient, static_cast<size_t>(shape.numel()))),
           kGradientTolerance);
  }

  GoldenFile golden_{test::kGoldens + "detection/maps.safetensors"};

 private:
  Tensor generated(const std::string& stream, const Shape& shape) const {
    const std::vector<float> values =
        weights::generated_images(*golden_.seed(), stream, shape.numel());
    return Tensor::from(shape, std::vector<real>(values.begin(), values.end()));
  }
};

TEST_F(DetectionMaps, PyramidOfOddMaps) {
  layers::Parameters parameters;
  const layers::Fpn fpn(layers::Scope(parameters) / "neck",
                        {.in_channels = {8, 16, 32, 64}, .channels = 8});
  parameters.allocate(true);
  weights::fill_generated(parameters, *golden_.seed());
  parameters.begin_step();
  const std::vector<Shape> shapes = {{2, 8, 25, 19}, {2, 16, 13, 10}, {2, 32, 7, 5}, {2, 64, 4, 3}};
  std::vector<Tensor> maps;
  for (size_t i = 0; i < shapes.size(); ++i)
    maps.push_back(map("fpn_input." + std::to_string(i), shapes[i]));

  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  Tensor total;
  const std::vector<Tensor> found = fpn(maps);
  ASSERT_EQ(found.size(), 5u);
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string name = "fpn." + std::to_string(i);
    const Tensor channels_first = permute(found[i], {0, 3, 1, 2});
    expect(name, channels_first, kForwardTolerance);
    const Tensor part = loss(name, channels_first);
    total = total.defined() ? autograd::add(total, part) : part;
  }
  tape.backward(total);
  for (size_t i = 0; i < parameters.size(); ++i)
    expect_gradient(parameters[i].name, parameters[i].shape, parameters.gradient(i));
}

// All levels and none of two of them, partly outside of the image, thin, and less than a pixel.
TEST_F(DetectionMaps, FeaturesOfRegions) {
  const files::NamedArray& array = golden_.file().at("regions");
  std::vector<double> numbers(static_cast<size_t>(array.num_elements()));
  files::read_float64(array, golden_.where(), numbers);
  const std::vector<std::pair<int64_t, std::vector<size_t>>> cases = {
      {7, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}, {14, {0, 2, 4}}};
  for (const tasks::Convention convention :
       {tasks::Convention::torchvision, tasks::Convention::mmdet}) {
    const tasks::Rules& rules = tasks::rules(convention);
    for (const auto& [size, chosen] : cases) {
      const std::string name =
          std::string(convention == tasks::Convention::mmdet ? "mmdet." : "torchvision.") +
          std::to_string(chosen.size()) + "." + std::to_string(size);
      std::vector<autograd::Roi> rois;
      std::vector<int64_t> levels(chosen.size());
      for (const size_t i : chosen) {
        const double* at = numbers.data() + 4 * i;
        const int64_t level = tasks::roi_level({at[0], at[1], at[2], at[3]}, 4, rules);
        rois.push_back({at[0], at[1], at[2], at[3], 0, static_cast<int32_t>(level)});
      }
      files::read_int64(golden_.file().at(name + ".levels"), golden_.where(), levels);
      for (size_t i = 0; i < rois.size(); ++i) EXPECT_EQ(rois[i].map, levels[i]) << name << i;

      std::vector<Tensor> maps;
      for (int64_t i = 0; i < 4; ++i)
        maps.push_back(map("map." + std::to_string(i), {1, 2, 128 >> i, 160 >> i}).as_leaf());
      autograd::Tape tape;
      const autograd::Tape::Recording recording(tape);
      const Tensor found =
          permute(autograd::roi_align(maps, {1 / 4., 1 / 8., 1 / 16., 1 / 32.}, rois,
                                      {.size = size,
                                       .sampling_ratio = rules.roi_sampling_ratio,
                                       .aligned = rules.roi_aligned}),
                  {0, 3, 1, 2});
      expect(name, found, kForwardTolerance);
      tape.backward(loss(name, found));
      for (size_t i = 0; i < maps.size(); ++i) {
        const std::string own = name + "." + std::to_string(i);
        if (!golden_.find("grad." + own)) continue;  // no region is on it
        const Tensor gradient = Tensor::from(
            maps[i].shape(),
            std::span(maps[i].gradient().data(), static_cast<size_t>(maps[i].numel())));
        const Tensor channels_first = permute(gradient, {0, 3, 1, 2});
        expect_gradient(own, channels_first.shape(), channels_first.data());
      }
    }
  }
}

}  // namespace
}  // namespace swin::verify
