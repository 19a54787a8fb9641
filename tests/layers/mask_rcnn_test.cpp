// The parts of Mask R-CNN: names, sizes, initial values, and each against its composition of ops.
#include "layers/dense/mask_rcnn.h"

#include <gmock/gmock.h>

#include "autograd/tape/tape.h"
#include "base/pool.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using autograd::Roi;

class MaskRcnnTest : public LayersTest {
 protected:
  void allocate() {
    parameters_.allocate(true);
    parameters_.initialize(1);
  }
  Tensor parameter(const std::string& name) const { return parameters_.find(name)->tensor; }
  Tensor conv(const std::string& name, const Tensor& x, int64_t padding) const {
    return autograd::conv2d(x, parameter(name + ".weight"), parameter(name + ".bias"),
                            {1, padding});
  }
  Parameters parameters_;
};

ModelConfig swin_tiny() {
  ModelConfig config;
  config.image_size = {800, 1280};
  config.num_classes = 80;
  return config;
}

MaskRcnnOptions small_options() {
  MaskRcnnOptions options;
  options.channels = 6;
  options.box_channels = 10;
  options.mask_channels = 4;
  options.mask_convs = 2;
  options.box_align.size = 3;
  options.mask_align.size = 4;
  return options;
}

// Of Swin-T with 80 classes, as published: 48 M.
TEST_F(MaskRcnnTest, HasThePublishedNumberOfParameters) {
  const base::DryRun dry;
  const MaskRcnn model{Scope(parameters_), swin_tiny(), {}};
  EXPECT_EQ(parameters_.count(), 47'794'602);
  Parameters boxes;
  const MaskRcnn faster{Scope(boxes), swin_tiny(), {.mask = false}};
  EXPECT_EQ(boxes.count(), 47'794'602 - (2'360'320 + 262'400 + 20'560));
  // 86 M: three box heads of four convolutions without bias, and one layer; three mask heads.
  Parameters cascade;
  const MaskRcnn three{Scope(cascade), swin_tiny(), {.cascade = true}};
  const int64_t box_head = 4 * (256 * 256 * 9 + 2 * 256) + 12'846'080 + 83'025 + 328'000,
                mask_head = 2'360'320 + 262'400 + 20'560;
  EXPECT_EQ(cascade.count(), 47'794'602 - mask_head - (12'846'080 + 1'049'600 + 83'025 + 328'000) +
                                 3 * (box_head + mask_head));
  EXPECT_EQ(cascade.count(), 85'629'804);
}

TEST_F(MaskRcnnTest, ParametersHaveTheNamesOfMmdetection) {
  const MaskRcnn model{Scope(parameters_), micro_config(), small_options()};
  const auto shape = [&](const std::string& name) {
    const ParameterEntry* entry = parameters_.find(name);
    return entry ? entry->shape.text() : "none";
  };
  EXPECT_EQ(shape("backbone.patch_embed.proj.weight"), "(8, 3, 4, 4)");
  EXPECT_EQ(shape("backbone.norm1.bias"), "(16)");
  EXPECT_EQ(shape("neck.lateral_convs.1.conv.weight"), "(6, 16, 1, 1)");
  EXPECT_EQ(shape("neck.fpn_convs.0.conv.bias"), "(6)");
  EXPECT_EQ(shape("rpn_head.rpn_conv.weight"), "(6, 6, 3, 3)");
  EXPECT_EQ(shape("rpn_head.rpn_cls.weight"), "(3, 6, 1, 1)");
  EXPECT_EQ(shape("rpn_head.rpn_reg.bias"), "(12)");
  EXPECT_EQ(shape("roi_head.bbox_head.shared_fcs.0.weight"), "(10, 54)");
  EXPECT_EQ(shape("roi_head.bbox_head.shared_fcs.1.bias"), "(10)");
  EXPECT_EQ(shape("roi_head.bbox_head.fc_cls.weight"), "(6, 10)");
  EXPECT_EQ(shape("roi_head.bbox_head.fc_reg.weight"), "(20, 10)");
  EXPECT_EQ(shape("roi_head.mask_head.convs.1.conv.weight"), "(4, 4, 3, 3)");
  EXPECT_EQ(shape("roi_head.mask_head.upsample.weight"), "(4, 4, 2, 2)");
  EXPECT_EQ(shape("roi_head.mask_head.conv_logits.weight"), "(5, 4, 1, 1)");
}

// The bound of what is uniform, the deviation of what is normal, and zeros.
TEST_F(MaskRcnnTest, InitialValuesAreThoseOfTheLibrary) {
  const auto of = [](InitialValues initial, const std::string& name) {
    Parameters parameters;
    MaskRcnnOptions options = small_options();
    options.initial = initial;
    const MaskRcnn model{Scope(parameters), micro_config(), options};
    return parameters.find(name)->initial;
  };
  const auto expect = [&](InitialValues initial, const char* name, Initializer::Kind kind,
                          double size) {
    EXPECT_EQ(of(initial, name).kind, kind) << name;
    EXPECT_NEAR(of(initial, name).size, size, 1e-12) << name;
  };
  using Kind = Initializer::Kind;
  const auto mm = InitialValues::mmdetection, tv = InitialValues::torchvision;
  expect(mm, "neck.fpn_convs.0.conv.weight", Kind::uniform, std::sqrt(6.0 / (54 + 54)));
  expect(tv, "neck.fpn_convs.0.conv.weight", Kind::uniform, std::sqrt(3.0 / 54));
  expect(mm, "neck.lateral_convs.1.conv.weight", Kind::uniform, std::sqrt(6.0 / (16 + 6)));
  expect(tv, "neck.lateral_convs.1.conv.weight", Kind::uniform, std::sqrt(3.0 / 16));
  for (const auto initial : {mm, tv}) {
    expect(initial, "rpn_head.rpn_reg.weight", Kind::normal, 0.01);
    expect(initial, "roi_head.mask_head.convs.0.conv.weight", Kind::normal,
           std::sqrt(2.0 / (4 * 9)));
    expect(initial, "roi_head.mask_head.upsample.weight", Kind::normal, std::sqrt(2.0 / (4 * 4)));
    expect(initial, "roi_head.mask_head.conv_logits.weight", Kind::normal, std::sqrt(2.0 / 5));
    expect(initial, "neck.fpn_convs.0.conv.bias", Kind::constant, 0);
  }
  expect(mm, "roi_head.bbox_head.shared_fcs.0.weight", Kind::uniform, std::sqrt(6.0 / (54 + 10)));
  expect(mm, "roi_head.bbox_head.fc_cls.weight", Kind::normal, 0.01);
  expect(mm, "roi_head.bbox_head.fc_reg.weight", Kind::normal, 0.001);
  expect(mm, "roi_head.bbox_head.fc_reg.bias", Kind::constant, 0);
  expect(tv, "roi_head.bbox_head.shared_fcs.0.weight", Kind::uniform, std::sqrt(1.0 / 54));
  expect(tv, "roi_head.bbox_head.fc_reg.bias", Kind::uniform, std::sqrt(1.0 / 10));
}

// Maps of 7 × 5 and 4 × 3 pixels: the finer one is no multiple of the coarser.
TEST_F(MaskRcnnTest, ThePyramidAddsWhatCoarserMapsKnow) {
  const Fpn fpn(Scope(parameters_) / "neck", {.in_channels = {3, 4}, .channels = 2});
  allocate();
  const std::vector<Tensor> maps = {random_tensor({2, 7, 5, 3}, 1), random_tensor({2, 4, 3, 4}, 2)};
  const std::vector<Tensor> pyramid = fpn(maps);
  ASSERT_EQ(pyramid.size(), 3u);
  const Tensor coarse = conv("neck.lateral_convs.1.conv", maps[1], 0);
  const Tensor fine = autograd::add(conv("neck.lateral_convs.0.conv", maps[0], 0),
                                    autograd::resize_nearest(coarse, {7, 5}));
  EXPECT_EQ(pyramid[0].values(), conv("neck.fpn_convs.0.conv", fine, 1).values());
  EXPECT_EQ(pyramid[1].values(), conv("neck.fpn_convs.1.conv", coarse, 1).values());
  ASSERT_EQ(pyramid[2].shape(), (Shape{2, 2, 2, 2}));
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t y = 0; y < 2; ++y)
      for (int64_t x = 0; x < 2; ++x)
        for (int64_t c = 0; c < 2; ++c)
          EXPECT_EQ(pyramid[2].data()[((b * 2 + y) * 2 + x) * 2 + c],
                    pyramid[1].data()[((b * 4 + 2 * y) * 3 + 2 * x) * 2 + c]);
}

TEST_F(MaskRcnnTest, TheRpnHeadSharesItsConvolution) {
  const RpnHead head(Scope(parameters_) / "rpn_head", 4, 3);
  allocate();
  const Tensor map = random_tensor({2, 3, 5, 4}, 1);
  const RpnMaps maps = head(map);
  const Tensor t = autograd::relu(conv("rpn_head.rpn_conv", map, 1));
  EXPECT_EQ(maps.objectness.values(), conv("rpn_head.rpn_cls", t, 0).values());
  EXPECT_EQ(maps.deltas.values(), conv("rpn_head.rpn_reg", t, 0).values());
  EXPECT_EQ(maps.deltas.shape(), (Shape{2, 3, 5, 12}));
}

// The first layer's columns are channel, row, column, as published files have them.
TEST_F(MaskRcnnTest, TheBoxHeadFlattensChannelsFirst) {
  const BoxHead head(Scope(parameters_) / "head",
                     {.in_channels = 2, .side = 3, .channels = 18, .num_classes = 4});
  allocate();
  // The first layer becomes the identity, so that what reaches the second is the flattened input.
  real* first = parameters_.mutable_data(0);
  std::fill_n(first, 18 * 18, real{0});
  for (int64_t i = 0; i < 18; ++i) first[i * 18 + i] = 1;
  Tensor features({1, 3, 3, 2});
  Tensor flat({1, 18});
  for (int64_t y = 0; y < 3; ++y)
    for (int64_t x = 0; x < 3; ++x)
      for (int64_t c = 0; c < 2; ++c) {
        const auto value = static_cast<real>(1 + 7 * c + 2 * y + x);
        features.mutable_data()[(y * 3 + x) * 2 + c] = value;
        flat.mutable_data()[c * 9 + y * 3 + x] = value;
      }
  const auto linear = [&](const std::string& name, const Tensor& x) {
    return autograd::linear(x, parameter(name + ".weight"), parameter(name + ".bias"));
  };
  const Tensor x = autograd::relu(linear("head.shared_fcs.1", flat));
  const BoxPredictions predictions = head(features);
  EXPECT_EQ(predictions.logits.values(), linear("head.fc_cls", x).values());
  EXPECT_EQ(predictions.deltas.values(), linear("head.fc_reg", x).values());
  EXPECT_EQ(predictions.logits.shape(), (Shape{1, 5}));
  EXPECT_EQ(predictions.deltas.shape(), (Shape{1, 16}));
}

// Of a cascade: convolutions with the batch's statistics, which are kept, and one layer.
TEST_F(MaskRcnnTest, TheBoxHeadOfACascadeHasConvolutions) {
  const BoxHead head(
      Scope(parameters_) / "head",
      {.in_channels = 2, .side = 3, .convs = 2, .fcs = 1, .channels = 5, .num_classes = 4});
  allocate();
  const Tensor features = random_tensor({6, 3, 3, 2}, 1);
  std::vector<BufferUpdate> updates;
  Pass pass;
  pass.training = true;
  pass.buffer_updates = &updates;
  const BoxPredictions predictions = head(features, pass);
  EXPECT_EQ(updates.size(), 4u);
  Tensor x = features;
  for (const std::string name : {"head.shared_convs.0", "head.shared_convs.1"})
    x = autograd::relu(autograd::batch_norm(
        autograd::conv2d(x, parameter(name + ".conv.weight"), Tensor(), {1, 1}),
        parameter(name + ".bn.weight"), parameter(name + ".bn.bias"), static_cast<real>(1e-5),
        nullptr));
  x = autograd::reshape(autograd::permute(x, {0, 3, 1, 2}), {6, 18});
  x = autograd::relu(autograd::linear(x, parameter("head.shared_fcs.0.weight"),
                                      parameter("head.shared_fcs.0.bias")));
  EXPECT_EQ(
      predictions.deltas.values(),
      autograd::linear(x, parameter("head.fc_reg.weight"), parameter("head.fc_reg.bias")).values());
  EXPECT_EQ(head(autograd::slice(features, 0, 2, 3)).logits.shape(), (Shape{1, 5}));
  // Of no regions there are no statistics.
  updates.clear();
  EXPECT_EQ(head(Tensor({0, 3, 3, 2}), pass).deltas.shape(), (Shape{0, 16}));
  EXPECT_TRUE(updates.empty());
}

TEST_F(MaskRcnnTest, StagesOfACascadeHaveTheNamesOfMmdetection) {
  MaskRcnnOptions options = small_options();
  options.cascade = true;
  const MaskRcnn model{Scope(parameters_), micro_config(), options};
  EXPECT_EQ(model.stages(), 3);
  for (const char* name :
       {"roi_head.bbox_head.0.shared_convs.0.conv.weight",
        "roi_head.bbox_head.2.shared_convs.3.bn.bias", "roi_head.bbox_head.1.shared_fcs.0.weight",
        "roi_head.bbox_head.2.fc_cls.bias", "roi_head.bbox_head.2.fc_reg.weight",
        "roi_head.mask_head.0.convs.1.conv.bias", "roi_head.mask_head.2.conv_logits.weight"})
    EXPECT_NE(parameters_.find(name), nullptr) << name;
  EXPECT_NE(parameters_.buffers().find("roi_head.bbox_head.1.shared_convs.2.bn.running_var"),
            nullptr);
  for (const char* name :
       {"roi_head.bbox_head.0.shared_convs.0.conv.bias", "roi_head.bbox_head.0.shared_fcs.1.weight",
        "roi_head.bbox_head.fc_cls.bias", "roi_head.mask_head.conv_logits.weight"})
    EXPECT_EQ(parameters_.find(name), nullptr) << name;
  allocate();
  // Each stage has weights of its own.
  const std::vector<Tensor> pyramid = model.pyramid(random_images(micro_config(), 2), Pass{});
  const std::vector<Roi> regions = {{1, 2, 15, 12, 0, 0}};
  EXPECT_NE(model.boxes(pyramid, regions, {}, 0).logits.values(),
            model.boxes(pyramid, regions, {}, 1).logits.values());
  EXPECT_NE(model.masks(pyramid, regions, 1).values(), model.masks(pyramid, regions, 2).values());
}

TEST_F(MaskRcnnTest, MasksHaveTwiceTheSideOfTheirFeatures) {
  const MaskHead head(Scope(parameters_) / "head",
                      {.in_channels = 3, .channels = 4, .convs = 2, .num_classes = 5});
  allocate();
  const Tensor features = random_tensor({2, 3, 3, 3}, 1);
  Tensor x = autograd::relu(conv("head.convs.0.conv", features, 1));
  x = autograd::relu(conv("head.convs.1.conv", x, 1));
  x = autograd::relu(autograd::conv_transpose_2x2(x, parameter("head.upsample.weight"),
                                                  parameter("head.upsample.bias")));
  const Tensor y = head(features);
  EXPECT_EQ(y.shape(), (Shape{2, 6, 6, 5}));
  EXPECT_EQ(y.values(), conv("head.conv_logits", x, 0).values());
}

// Every part gets a gradient, and without regions one of zeros: an image without objects is a step.
TEST_F(MaskRcnnTest, NoRegionsGiveGradientsOfZero) {
  const MaskRcnn model{Scope(parameters_), micro_config(), small_options()};
  allocate();
  EXPECT_EQ(model.strides(), (std::vector<int64_t>{4, 8, 16}));
  EXPECT_EQ(model.mask_side(), 8);
  const auto gradients = [&](const std::vector<Roi>& regions) {
    parameters_.begin_step();
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    const std::vector<Tensor> pyramid = model.pyramid(random_images(micro_config(), 2), Pass{});
    const BoxPredictions boxes = model.boxes(pyramid, regions);
    const Tensor masks = model.masks(pyramid, regions);
    EXPECT_EQ(masks.shape(), (Shape{std::ssize(regions), 8, 8, 5}));
    Tensor loss = Tensor::filled({}, 0);
    const auto add = [&](const Tensor& x) {
      const Tensor rows = autograd::reshape(x, {x.numel() / x.dim(-1), x.dim(-1)});
      const Tensor part =
          autograd::binary_cross_entropy(rows, Tensor::filled(rows.shape(), 1), real{1});
      loss = autograd::add(part, loss);
    };
    add(boxes.logits);
    add(boxes.deltas);
    add(masks);
    for (const RpnMaps& maps : model.propose(pyramid)) {
      add(maps.objectness);
      add(maps.deltas);
    }
    tape.backward(loss);
    EXPECT_EQ(parameters_.without_gradient(), "");
    double largest = 0;
    for (size_t i = 0; i < parameters_.size(); ++i)
      if (parameters_[i].name.starts_with("roi_head."))
        for (int64_t k = 0; k < parameters_[i].numel(); ++k)
          largest = std::max(largest, std::abs(double{parameters_.gradient(i)[k]}));
    return largest;
  };
  EXPECT_EQ(gradients({}), 0);
  EXPECT_GT(gradients({{1, 2, 15, 12, 0, 0}, {4, 3, 22, 17, 1, 1}}), 0);
}

}  // namespace
}  // namespace swin::layers
