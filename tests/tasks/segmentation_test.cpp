// Semantic segmentation as a task: losses, inference, metrics and answers.
#include "tasks/segmentation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "base/parallel.h"
#include "tasks/task_table.h"

namespace swin::tasks {
namespace {

using base::Size2;
using data::LabelMap;
constexpr uint16_t kIgnored = LabelMap::kIgnored;
/// So small a model gains nothing from a second thread.
const bool kOneThread = (base::set_num_threads(1), true);

layers::ModelConfig tiny(int64_t classes = 3) {
  layers::ModelConfig model;
  model.image_size = {16, 16};
  model.patch_size = 2;
  model.embed_dim = 8;
  model.depths = {1, 1};
  model.num_heads = {1, 2};
  model.window_size = {4, 4};
  model.num_classes = classes;
  model.drop_path_rate = 0;
  return model;
}

/// With group norm, so that images do not influence each other.
TaskConfig config_with(const std::vector<std::pair<std::string, std::vector<double>>>& sets = {}) {
  TaskConfig config{.name = "semantic_segmentation"};
  config.own.set("head.channels", {8});
  config.own.set("head.auxiliary_channels", {4});
  config.own.set("head.norm", {1});
  config.own.set("head.dropout", {0});
  for (const auto& [name, value] : sets) config.own.set(name, value);
  return {config.name, {task_row(config.name), config.own}};
}

/// Images of sine waves; the class of a pixel is (row + column + image) mod classes.
data::Batch batch_of(int64_t size, int64_t classes = 3) {
  data::Batch batch;
  batch.size = size;
  batch.padded_size = {16, 16};
  batch.images.resize(static_cast<size_t>(size * 16 * 16 * 3));
  for (size_t i = 0; i < batch.images.size(); ++i)
    batch.images[i] = std::sin(static_cast<float>(i * i % 97));
  for (int64_t b = 0; b < size; ++b) {
    LabelMap map{16, 16, {}};
    for (int64_t i = 0; i < 16 * 16; ++i)
      map.classes.push_back(static_cast<uint16_t>((i / 16 + i % 16 + b) % classes));
    batch.annotations.emplace_back(std::move(map));
    batch.real_sizes.push_back({16, 16});
    batch.original_sizes.push_back({16, 16});
  }
  return batch;
}
LabelMap& map_of(data::Batch& batch, size_t i) { return std::get<LabelMap>(batch.annotations[i]); }

std::map<std::string, double> losses_of(const Segmentation& task, const data::Batch& batch,
                                        int64_t slice_size) {
  std::map<std::string, double> sums;
  layers::Pass pass;
  pass.training = true;
  for (int64_t begin = 0; begin < batch.size; begin += slice_size)
    for (const NamedTensor& loss : task.loss(
             {batch, begin, std::min(slice_size, batch.size - begin)}, pass, task.count(batch)))
      sums[loss.name] += static_cast<double>(loss.value.data()[0]);
  return sums;
}

TEST(Segmentation, LossesOfSlicesAddUpAndPartsAddUpToTheTotal) {
  const Segmentation task(config_with({{"dice_weight", {0.5}}, {"class_weights", {1, 2, 0.5}}}),
                          tiny(), 3, false);
  data::Batch batch = batch_of(3);
  for (size_t i = 0; i < 100; ++i) map_of(batch, 1).classes[i] = kIgnored;
  const auto whole = losses_of(task, batch, 3), slices = losses_of(task, batch, 1);
  ASSERT_EQ(whole.size(), 4u);
  for (const auto& [name, value] : whole) EXPECT_NEAR(value, slices.at(name), 1e-5) << name;
  EXPECT_NEAR(whole.at("loss"),
              whole.at("decode_loss") + whole.at("auxiliary_loss") + whole.at("dice_loss"), 1e-5);
  EXPECT_GT(whole.at("auxiliary_loss"), 0.1);
}

TEST(Segmentation, MeansAreOverValidPixelsOrOverAll) {
  data::Batch batch = batch_of(2);
  for (size_t i = 0; i < 128; ++i) map_of(batch, 0).classes[i] = kIgnored;
  const Segmentation valid(config_with(), tiny(), 3, false),
      all(config_with({{"loss_mean", {1}}}), tiny(), 3, false);
  EXPECT_EQ(valid.count(batch), (Count{384, 2}));
  EXPECT_EQ(all.count(batch), (Count{512, 2}));
  EXPECT_NEAR(losses_of(valid, batch, 2).at("loss") * 384,
              losses_of(all, batch, 2).at("loss") * 512, 1e-2);
  // As in PyTorch, a mean with class weights divides by the sum of the pixels' weights.
  const Segmentation weighted(config_with({{"class_weights", {0, 1, 2}}}), tiny(), 3, false);
  double count = 0;
  for (size_t i : {0, 1})
    for (const uint16_t label : map_of(batch, i).classes) count += label == kIgnored ? 0 : label;
  EXPECT_EQ(weighted.count(batch), (Count{count, 2}));
}

TEST(Segmentation, ABatchWithoutAValidPixelHasLossAndGradientsZero) {
  Segmentation task(config_with(), tiny(), 3, true);
  data::Batch batch = batch_of(2);
  for (size_t i : {0, 1}) map_of(batch, i).classes.assign(256, kIgnored);
  task.parameters().begin_step();
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  layers::Pass pass;
  pass.training = true;
  const Losses losses = task.loss({batch, 0, 2}, pass, task.count(batch));
  EXPECT_EQ(losses[0].value.data()[0], 0);
  tape.backward(losses[0].value);
  EXPECT_EQ(task.parameters().without_gradient(), "");
  for (size_t i = 0; i < task.parameters().size(); ++i)
    for (int64_t k = 0; k < task.parameters()[i].numel(); ++k)
      ASSERT_EQ(task.parameters().gradient(i)[k], 0) << task.parameters()[i].name;
}

TEST(Segmentation, AClassBeyondTheModelIsNamed) {
  const Segmentation task(config_with(), tiny(), 3, false);
  data::Batch batch = batch_of(2);
  map_of(batch, 1).classes[16 + 2] = 3;
  EXPECT_THAT([&] { losses_of(task, batch, 2); },
              testing::ThrowsMessage<base::DataError>(testing::StartsWith(
                  "image 1 of the batch: found the class 3 at row 1, column 2, expected 0 … 2")));
}

// The label map of a sample that is smaller than the batch lies at its top left.
TEST(Segmentation, WhatIsRightOfAndBelowALabelMapIsIgnored) {
  const Segmentation task(config_with(), tiny(), 3, false);
  data::Batch batch = batch_of(1), smaller = batch_of(1);
  LabelMap& map = map_of(smaller, 0);
  map = {10, 12, {}};
  for (size_t y = 0; y < 10; ++y)
    for (size_t x = 0; x < 12; ++x) map.classes.push_back(map_of(batch, 0).classes[y * 16 + x]);
  for (size_t i = 0; i < 256; ++i)
    if (i / 16 >= 10 || i % 16 >= 12) map_of(batch, 0).classes[i] = kIgnored;
  EXPECT_EQ(losses_of(task, batch, 1), losses_of(task, smaller, 1));
}

TEST(Segmentation, FrozenStagesDoNotLearn) {
  Segmentation task(config_with({{"frozen_stages", {1}}}), tiny(), 3, true);
  const layers::Parameters& parameters = task.parameters();
  EXPECT_FALSE(parameters.find("backbone.layers.0.blocks.0.attn.qkv.weight")->trainable);
  EXPECT_FALSE(parameters.find("backbone.norm0.weight")->trainable);
  EXPECT_TRUE(parameters.find("backbone.layers.1.blocks.0.attn.qkv.weight")->trainable);
}

TEST(Segmentation, ParametersHaveTheNamesOfMmsegmentation) {
  const Segmentation task(config_with({{"head.norm", {0}}}), tiny(), 3, false);
  auto& parameters = const_cast<Segmentation&>(task).parameters();
  for (const char* name :
       {"backbone.patch_embed.proj.weight", "backbone.norm1.bias",
        "decode_head.psp_modules.3.1.conv.weight", "decode_head.psp_modules.0.1.bn.weight",
        "decode_head.bottleneck.conv.weight", "decode_head.lateral_convs.0.conv.weight",
        "decode_head.fpn_convs.0.bn.bias", "decode_head.fpn_bottleneck.conv.weight",
        "decode_head.conv_seg.bias", "auxiliary_head.convs.0.conv.weight",
        "auxiliary_head.conv_seg.weight"})
    EXPECT_NE(parameters.find(name), nullptr) << name;
  EXPECT_NE(parameters.buffers().find("decode_head.bottleneck.bn.running_var"), nullptr);
  const Segmentation alone(config_with({{"head.auxiliary_weight", {0}}}), tiny(), 3, false);
  EXPECT_EQ(const_cast<Segmentation&>(alone).parameters().find("auxiliary_head.conv_seg.weight"),
            nullptr);
}

TEST(Segmentation, ImpossibleModelsAreRefused) {
  const auto refusal = [](const TaskConfig& config, const layers::ModelConfig& model) {
    try {
      const Segmentation task(config, model, 0, false);
    } catch (const base::UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(config_with(), tiny(1)), testing::HasSubstr("model.num_classes: found 1"));
  EXPECT_THAT(refusal(config_with({{"class_weights", {1, 2}}}), tiny()),
              testing::HasSubstr("task.class_weights: found 2 weights, expected one for each of"));
  EXPECT_THAT(
      refusal(config_with({{"inference.mode", {1}}, {"inference.stride", {17, 8}}}), tiny()),
      testing::HasSubstr("task.inference.stride: found 17 × 8, expected at most"));
  layers::ModelConfig vit = tiny();
  vit.name = "vit";
  EXPECT_THAT(refusal(config_with(), vit), testing::HasSubstr("found \"vit\" as backbone"));
}

TEST(SlidingWindows, AreThoseOfMmsegmentation) {
  using Places = std::vector<WindowPlace>;
  EXPECT_EQ(sliding_windows({512, 683}, {512, 512}, {341, 341}),
            (Places{{0, 0, 512, 512}, {0, 171, 512, 512}}));
  EXPECT_EQ(sliding_windows({7, 4}, {4, 4}, {3, 3}), (Places{{0, 0, 4, 4}, {3, 0, 4, 4}}));
  EXPECT_EQ(sliding_windows({8, 4}, {4, 4}, {3, 3}),
            (Places{{0, 0, 4, 4}, {3, 0, 4, 4}, {4, 0, 4, 4}}));
  EXPECT_EQ(sliding_windows({3, 5}, {4, 4}, {3, 3}), (Places{{0, 0, 3, 4}, {0, 1, 3, 4}}));
}

/// Two classes: the red of a pixel and a constant.
Tensor red_or(real constant, const Tensor& images) {
  const Tensor red = autograd::slice(images, 3, 0, 1);
  return autograd::concat({Tensor::filled(red.shape(), constant), red}, 3);
}

Tensor ramp(int64_t height, int64_t width) {
  Tensor images({1, height, width, 3});
  for (int64_t i = 0; i < images.numel(); ++i)
    images.mutable_data()[i] = static_cast<real>(i / 3 % width);
  return images;
}

/// Of pixels that do not see each other, every way to compute gives the same classes.
TEST(ClassMaps, WindowsMirrorsAndScalesOfPixelsGiveTheClassesOfTheImage) {
  const Tensor images = ramp(6, 10);
  const PixelLogits logits = [](const Tensor& x) { return red_or(real{4.6}, x); };
  const auto classes = [&](const InferenceOptions& options) {
    return class_maps(logits, options, images, {}).at(0).values();
  };
  std::vector<real> expected;
  for (int64_t i = 0; i < 60; ++i) expected.push_back(i % 10 > 4 ? real{1} : real{0});
  EXPECT_EQ(classes({}), expected);
  EXPECT_EQ(classes({.slide = true, .crop = {4, 4}, .stride = {3, 2}}), expected);
  EXPECT_EQ(classes({.flip = true}), expected);
  EXPECT_EQ(classes({.scales = {2}}), expected);
  EXPECT_EQ(classes({.scales = {1, 2}, .flip = true}), expected);
}

/// The logits of a pixel are the mean over the windows that cover it.
TEST(ClassMaps, OverlappingWindowsAreAveraged) {
  int64_t calls = 0;
  // The first window says class 1 with 3, the second class 0 with 2.
  const PixelLogits logits = [&](const Tensor& x) {
    Tensor y = Tensor::filled({1, x.dim(1), x.dim(2), 2}, 0);
    for (int64_t i = 0; i < x.dim(1) * x.dim(2); ++i)
      y.mutable_data()[2 * i + (calls == 0)] = calls == 0 ? real{3} : real{2};
    ++calls;
    return y;
  };
  const auto maps =
      class_maps(logits, {.slide = true, .crop = {2, 4}, .stride = {2, 2}}, ramp(2, 6), {});
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(maps.at(0).values(), (std::vector<real>{1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0}));
}

/// Logits are resized, then compared: a class map that is resized would have other edges.
TEST(ClassMaps, HaveTheOriginalSizeAndIgnoreThePadding) {
  const Tensor images = autograd::pad_or_crop(ramp(4, 4), {8, 8});
  const std::vector<Size2> real_sizes = {{4, 4}}, original_sizes = {{4, 16}};
  int64_t width = 0;
  const PixelLogits logits = [&](const Tensor& x) {
    width = x.dim(2);
    return red_or(real{1.3}, x);
  };
  const auto maps =
      class_maps(logits, {}, images, {.real_sizes = real_sizes, .original_sizes = original_sizes});
  EXPECT_EQ(width, 4);
  ASSERT_EQ(maps.at(0).shape(), (autograd::Shape{4, 16}));
  // Column j of 16 lies at (j + ½)/4 − ½: above 1.3 from j = 7 on.
  for (int64_t j = 0; j < 16; ++j) EXPECT_EQ(maps[0].data()[j], j >= 7 ? real{1} : real{0}) << j;
}

TEST(ClassMaps, ImagesOfOneSizeShareAForward) {
  std::vector<int64_t> sizes;
  const PixelLogits logits = [&](const Tensor& x) {
    sizes.push_back(x.dim(0));
    return red_or(1, x);
  };
  const Tensor images = Tensor::filled({4, 8, 8, 3}, 0);
  const std::vector<Size2> real_sizes = {{8, 8}, {8, 8}, {6, 8}};  // the fourth is padding
  EXPECT_EQ(class_maps(logits, {}, images, {.real_sizes = real_sizes}).size(), 3u);
  EXPECT_EQ(sizes, (std::vector<int64_t>{2, 1}));
}

TEST(Segmentation, MetersAndAnswersReadItsClassMaps) {
  const Segmentation task(config_with(), tiny(), 3, false);
  data::Batch batch = batch_of(2);
  const Tensor images = images_of({batch, 0, 2}, 2, 3);
  const Outputs outputs = task.outputs(images, Detail::answers, info_of(batch));
  const std::vector<Answer> answers = task.answers(outputs);
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_TRUE(answers[1].map);
  EXPECT_EQ(answers[1].map->height, 16);
  // Labels that equal the predictions are all right; ignored ones do not count.
  for (size_t i : {0, 1}) map_of(batch, i).classes = answers[i].map->classes;
  map_of(batch, 0).classes[0] = kIgnored;
  const auto meter = task.meter();
  meter->add(outputs, batch);
  for (const auto& [name, value] : meter->metrics()) EXPECT_EQ(value, 1) << name;
  ASSERT_EQ(meter->per_class().size(), 3u);
  EXPECT_EQ(meter->per_class()[0].size(), 3u);
  // Without its label map an image cannot be measured.
  batch.annotations.clear();
  EXPECT_THROW(meter->add(outputs, batch), base::InternalError);
}

TEST(Segmentation, EverythingHoldsTheLogitsOfBothHeads) {
  const Segmentation task(config_with(), tiny(), 3, false);
  const data::Batch batch = batch_of(1);
  const Outputs outputs = task.outputs(images_of({batch, 0, 1}, 1, 3), Detail::everything);
  EXPECT_EQ(output(outputs, "logits").shape(), (autograd::Shape{1, 3, 16, 16}));
  EXPECT_EQ(output(outputs, "auxiliary_logits").shape(), (autograd::Shape{1, 3, 16, 16}));
}

}  // namespace
}  // namespace swin::tasks
