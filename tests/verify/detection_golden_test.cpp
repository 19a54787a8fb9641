// Detection computes what torchvision's Mask R-CNN computes, and what a twin by mmdetection's rules
// does (tests/goldens/README.md): each stage from the golden's inputs of the stage, the gradients
// of every parameter for the golden's samples, and whole training steps and inference.
#include "tests/verify/detection_golden.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "tasks/detection.h"
#include "tasks/detection/boxes.h"
#include "tasks/detection/matcher.h"
#include "tasks/detection/paste.h"
#include "tasks/detection_inference.h"
#include "tasks/detection_losses.h"
#include "tests/support/engine_test.h"

namespace swin::verify {
namespace {

using autograd::permute;
using autograd::Shape;
using autograd::Tensor;
using base::Size2;
using tasks::Boxes;
using tasks::Truth;

std::string at(const std::string& name, size_t i) { return name + "." + std::to_string(i); }
Tensor channels_last(const Tensor& x) { return permute(x, {0, 2, 3, 1}); }
Tensor channels_first(const Tensor& x) { return permute(x, {0, 3, 1, 2}); }

/// A golden of all stages and the parts that they share.
class Stages : public testing::TestWithParam<std::string> {
 protected:
  Stages()
      : golden_(GetParam() + "_stages"),
        task_(golden_.task()),
        batch_(golden_.batch()),
        options_(task_->options()),
        rules_(options_.rules()),
        classes_(task_->model_config().num_classes),
        anchors_(tasks::pyramid_anchors(options_.anchors, model().strides(), batch_.padded_size)) {
    for (int64_t i = 0; i < batch_.size; ++i)
      truths_.push_back(tasks::truth_of(batch_, i, classes_));
    for (size_t level = 0; golden_.has(at("fpn", level)); ++level)
      maps_.push_back(channels_last(golden_.tensor(at("fpn", level))));
  }
  const layers::MaskRcnn& model() const { return task_->model(); }

  /// The golden's predictions of the RPN by level.
  std::vector<layers::RpnMaps> rpn_maps() const {
    const Tensor objectness = golden_.tensor("rpn_objectness"),
                 deltas = golden_.tensor("rpn_deltas");
    std::vector<layers::RpnMaps> maps;
    int64_t begin = 0;
    for (size_t level = 0; level < maps_.size(); ++level) {
      const Size2& size = anchors_.maps[level];
      const int64_t per_place = options_.anchors.per_place(static_cast<int64_t>(level)),
                    end = begin + size[0] * size[1] * per_place;
      maps.push_back({autograd::reshape(autograd::slice(objectness, 1, begin, end),
                                        {batch_.size, size[0], size[1], per_place}),
                      autograd::reshape(autograd::slice(deltas, 1, begin, end),
                                        {batch_.size, size[0], size[1], 4 * per_place})});
      begin = end;
    }
    return maps;
  }

  /// The anchors that the golden drew, with their targets, which are compared.
  tasks::RpnTargets rpn_targets() const {
    tasks::RpnTargets targets;
    Boxes all;
    for (const Boxes& level : anchors_.levels) all.insert(all.end(), level.begin(), level.end());
    for (size_t i = 0; i < truths_.size(); ++i) {
      const std::vector<int64_t> matches = golden_.integers(at("anchor_matches", i));
      const auto row = [&](int64_t anchor) {
        return static_cast<int32_t>(static_cast<int64_t>(i) * anchors_.count + anchor);
      };
      std::vector<real> own;
      for (const int64_t anchor : golden_.integers(at("rpn_positives", i))) {
        targets.rows.push_back(row(anchor));
        targets.objects.push_back(1);
        targets.positives.push_back(row(anchor));
        const auto place = static_cast<size_t>(anchor);
        for (const double delta : options_.rpn_coder().encode(
                 truths_[i].boxes[static_cast<size_t>(matches[place])], all[place]))
          own.push_back(static_cast<real>(delta));
      }
      golden_.expect(at("anchor_targets", i), Tensor::from({std::ssize(own) / 4, 4}, own),
                     kForward);
      targets.deltas.insert(targets.deltas.end(), own.begin(), own.end());
      for (const int64_t anchor : golden_.integers(at("rpn_negatives", i))) {
        targets.rows.push_back(row(anchor));
        targets.objects.push_back(0);
      }
    }
    return targets;
  }

  /// The regions that the golden drew, positives first.
  std::vector<tasks::SampledRegions> samples() const {
    std::vector<tasks::SampledRegions> samples(truths_.size());
    for (size_t i = 0; i < truths_.size(); ++i) {
      const Boxes boxes = golden_.boxes(at("rois", i));
      const std::vector<int64_t> objects = golden_.integers(at("roi_objects", i));
      for (const bool positive : {true, false})
        for (size_t k = 0; k < boxes.size(); ++k) {
          if ((objects[k] >= 0) != positive) continue;
          samples[i].boxes.push_back(boxes[k]);
          if (positive) samples[i].objects.push_back(static_cast<int32_t>(objects[k]));
        }
    }
    return samples;
  }
  const tasks::HeadStage& stage() const { return options_.stages.at(0); }
  tasks::RegionTargets region_targets() const {
    return tasks::region_targets(truths_, samples(), classes_, model().mask_side(), stage(),
                                 options_);
  }
  /// Where each of the task's regions, positives first, is in the golden's order.
  std::vector<int32_t> golden_rows() const {
    std::vector<int32_t> rows;
    int32_t first = 0;
    for (size_t i = 0; i < truths_.size(); ++i) {
      const std::vector<int64_t> objects = golden_.integers(at("roi_objects", i));
      for (const bool positive : {true, false})
        for (size_t k = 0; k < objects.size(); ++k)
          if ((objects[k] >= 0) == positive) rows.push_back(first + static_cast<int32_t>(k));
      first += static_cast<int32_t>(objects.size());
    }
    return rows;
  }
  std::vector<autograd::Roi> regions(const std::string& name) const {
    std::vector<Boxes> boxes;
    for (size_t i = 0; i < truths_.size(); ++i) boxes.push_back(golden_.boxes(at(name, i)));
    return tasks::regions_of(boxes, model().region_levels(), rules_);
  }
  Tensor align(const std::vector<autograd::Roi>& regions, int64_t size) const {
    std::vector<double> scales;
    for (int64_t i = 0; i < model().region_levels(); ++i)
      scales.push_back(1 / static_cast<double>(model().strides()[static_cast<size_t>(i)]));
    return autograd::roi_align(
        {maps_.begin(), maps_.begin() + model().region_levels()}, scales, regions,
        {.size = size, .sampling_ratio = rules_.roi_sampling_ratio, .aligned = rules_.roi_aligned});
  }
  void expect_losses(const tasks::Losses& losses) const {
    for (const tasks::NamedTensor& loss : losses) golden_.expect(loss.name, loss.value, kForward);
  }
  double share() const { return 1; }
  double counted() const {
    double count = 0;
    for (size_t i = 0; i < truths_.size(); ++i)
      for (const char* part : {"rpn_positives", "rpn_negatives"})
        count += std::max(static_cast<double>(golden_.integers(at(part, i)).size()),
                          rules_.rpn_counts_at_least_one ? 1.0 : 0.0);
    return count;
  }

  oracle::EngineState state_;
  DetectionGolden golden_;
  std::unique_ptr<tasks::Detection> task_;
  data::Batch batch_;
  const tasks::DetectionOptions& options_;
  const tasks::Rules& rules_;
  int64_t classes_;
  tasks::PyramidAnchors anchors_;
  std::vector<Truth> truths_;
  std::vector<Tensor> maps_;
};

Tensor images_of(const data::Batch& batch) {
  return Tensor::from({batch.size, batch.padded_size[0], batch.padded_size[1], 3},
                      std::vector<real>(batch.images.begin(), batch.images.end()));
}

TEST_P(Stages, BackboneAndPyramid) {
  const std::vector<Tensor> maps = model().pyramid(images_of(batch_), {});
  ASSERT_EQ(maps.size(), maps_.size());
  for (size_t level = 0; level < maps.size(); ++level)
    golden_.expect(at("fpn", level), channels_first(maps[level]), kForward);
}

TEST_P(Stages, RpnHead) {
  std::vector<Tensor> objectness, deltas;
  for (const layers::RpnMaps& maps : model().propose(maps_)) {
    objectness.push_back(
        autograd::reshape(maps.objectness, {batch_.size, maps.objectness.numel() / batch_.size}));
    deltas.push_back(
        autograd::reshape(maps.deltas, {batch_.size, maps.deltas.numel() / batch_.size / 4, 4}));
  }
  golden_.expect("rpn_objectness", autograd::concat(objectness, 1), kForward);
  golden_.expect("rpn_deltas", autograd::concat(deltas, 1), kForward);
}

TEST_P(Stages, AnchorsAndTheirMatches) {
  Boxes all;
  for (const Boxes& level : anchors_.levels) all.insert(all.end(), level.begin(), level.end());
  golden_.expect("anchors", all, 1e-7);
  for (size_t i = 0; i < truths_.size(); ++i) {
    const Size2 own = {(truths_[i].image[0] + 31) / 32 * 32, (truths_[i].image[1] + 31) / 32 * 32};
    std::vector<size_t> places;
    Boxes valid;
    size_t first = 0;
    for (size_t level = 0; level < anchors_.levels.size(); ++level) {
      const std::vector<uint8_t> counts = tasks::valid_anchors(
          options_.anchors, static_cast<int64_t>(level), anchors_.maps[level], own);
      for (size_t k = 0; k < counts.size(); ++k)
        if (counts[k]) {
          places.push_back(first + k);
          valid.push_back(all[first + k]);
        }
      first += counts.size();
    }
    std::vector<int32_t> matches(all.size(), tasks::kIgnored);
    const std::vector<int32_t> found =
        tasks::match(truths_[i].boxes, valid, tasks::rpn_match_options(), rules_);
    for (size_t k = 0; k < found.size(); ++k) matches[places[k]] = found[k];
    golden_.expect(at("anchor_matches", i), matches);
  }
}

TEST_P(Stages, RpnLosses) {
  expect_losses(
      tasks::rpn_losses(rpn_maps(), rpn_targets(), static_cast<real>(1 / counted()), options_));
}

TEST_P(Stages, Proposals) {
  const auto expect = [&](const std::string& name, const tasks::ProposalCounts& counts) {
    const auto found = tasks::proposals(rpn_maps(), anchors_, batch_.real_sizes, counts, options_);
    ASSERT_TRUE(found);
    for (size_t i = 0; i < found->size(); ++i) golden_.expect(at(name, i), (*found)[i], kForward);
  };
  expect("proposals", options_.training);
  expect("test_proposals", options_.inference);
}

TEST_P(Stages, MatchesOfProposals) {
  const tasks::MatchOptions by = tasks::box_head_match_options(rules_);
  for (size_t i = 0; i < truths_.size(); ++i) {
    const Boxes &truth = truths_[i].boxes, proposals = golden_.boxes(at("proposals", i));
    std::vector<int32_t> matches;
    if (rules_.true_boxes_first) {
      for (size_t k = 0; k < truth.size(); ++k) matches.push_back(static_cast<int32_t>(k));
      const std::vector<int32_t> found = tasks::match(truth, proposals, by, rules_);
      matches.insert(matches.end(), found.begin(), found.end());
    } else {
      Boxes all = proposals;
      all.insert(all.end(), truth.begin(), truth.end());
      matches = tasks::match(truth, all, by, rules_);
    }
    golden_.expect(at("roi_matches", i), matches);
  }
}

TEST_P(Stages, TargetsOfRegions) {
  const tasks::RegionTargets targets = region_targets();
  std::vector<int64_t> labels;
  std::vector<double> deltas;
  for (size_t i = 0; i < truths_.size(); ++i) {
    const std::vector<int64_t> own = golden_.integers(at("roi_labels", i));
    for (const bool positive : {true, false})
      for (const int64_t label : own)
        if ((label < classes_) == positive) labels.push_back(label);
    const std::vector<double> expected = golden_.numbers(at("roi_targets", i));
    deltas.insert(deltas.end(), expected.begin(), expected.end());
    EXPECT_EQ(targets.positives[i].size(), expected.size() / 4);
  }
  EXPECT_EQ(std::vector<int64_t>(targets.labels.begin(), targets.labels.end()), labels);
  // Not only the objects themselves are there, whose deltas are 0.
  EXPECT_GT(*std::max_element(deltas.begin(), deltas.end()), 0.01);
  ASSERT_EQ(targets.deltas.size(), deltas.size());
  for (size_t k = 0; k < deltas.size(); ++k)
    EXPECT_NEAR(static_cast<double>(targets.deltas[k]), deltas[k], 2e-5);
  golden_.expect("mask_targets", autograd::reshape(targets.masks, {targets.masks.dim(0), 28, 28}),
                 rules_.binary_mask_targets ? 0 : kForwardTolerance);
}

TEST_P(Stages, FeaturesOfRegions) {
  // What rounding the boxes to float32 moves is more than the double build's own error.
  golden_.expect("roi_features", channels_first(align(regions("rois"), 7)), kForwardTolerance);
  golden_.expect("mask_features", channels_first(align(regions("mask_rois"), 14)),
                 kForwardTolerance);
}

TEST_P(Stages, BoxHeadAndItsLosses) {
  const layers::BoxPredictions found =
      model().box_head()(channels_last(golden_.tensor("roi_features")));
  golden_.expect("class_logits", found.logits, kForward);
  golden_.expect("box_deltas", found.deltas, kForward);
  const std::vector<int32_t> rows = golden_rows();
  const layers::BoxPredictions given = {autograd::take_rows(golden_.tensor("class_logits"), rows),
                                        autograd::take_rows(golden_.tensor("box_deltas"), rows)};
  expect_losses(tasks::box_losses(given, region_targets(), classes_, share(), stage(), options_));
}

TEST_P(Stages, MaskHeadAndItsLoss) {
  golden_.expect(
      "mask_logits",
      channels_first(model().mask_head()(channels_last(golden_.tensor("mask_features")))),
      kForward);
  expect_losses(
      {tasks::mask_loss(channels_last(golden_.tensor("mask_logits")), region_targets(), share())});
}

TEST_P(Stages, DetectionsFromPredictions) {
  const Tensor logits = golden_.tensor("test_class_logits"),
               deltas = golden_.tensor("test_box_deltas"),
               probabilities = autograd::softmax(logits);
  int64_t first = 0;
  for (size_t i = 0; i < truths_.size(); ++i) {
    const Boxes proposals = golden_.boxes(at("test_proposals", i));
    const tasks::Found found = tasks::objects_of(probabilities.data() + first * (classes_ + 1),
                                                 deltas.data() + first * 4 * classes_, proposals,
                                                 classes_, truths_[i].image, options_);
    first += std::ssize(proposals);
    golden_.expect(at("resized_boxes", i), found.boxes, kForward);
    const std::vector<double> rows = golden_.numbers(at("detections", i));
    ASSERT_EQ(rows.size(), 6 * found.scores.size());
    for (size_t k = 0; k < found.scores.size(); ++k) {
      EXPECT_NEAR(found.scores[k], rows[6 * k + 4], kForward);
      EXPECT_EQ(static_cast<double>(found.classes[k]), rows[6 * k + 5]);
    }
  }
}

TEST_P(Stages, PastedMasks) {
  for (size_t i = 0; i < truths_.size(); ++i) {
    const std::vector<double> rows = golden_.numbers(at("detections", i)),
                              all = golden_.numbers(at("masks", i));
    const size_t area = 28 * 28, count = all.size() / area;
    const std::vector<data::RunLengths> expected =
        golden_.masks(at("pasted", i), batch_.original_sizes[i]);
    ASSERT_EQ(expected.size(), count);
    for (size_t k = 0; k < count; ++k) {
      const std::span<const double> mask(all.data() + k * area, area);
      const data::BoundingBox box = {rows[6 * k], rows[6 * k + 1], rows[6 * k + 2],
                                     rows[6 * k + 3]};
      EXPECT_EQ(tasks::paste(mask, 28, box, batch_.original_sizes[i], rules_), expected[k]);
      if (k > 0) continue;
      const std::vector<double> soft =
          tasks::paste_probabilities(mask, 28, box, batch_.original_sizes[i], rules_);
      // At the border of a box a mask is steep: a box in float32 moves it.
      golden_.expect(at("soft", i),
                     Tensor::from({batch_.original_sizes[i][0], batch_.original_sizes[i][1]},
                                  std::vector<real>(soft.begin(), soft.end())),
                     1e-4);
    }
  }
}

void expect_gradients(const DetectionGolden& golden, const layers::Parameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const layers::ParameterEntry& entry = parameters[i];
    golden.expect("grad." + entry.name,
                  Tensor::from(entry.shape, std::span(parameters.gradient(i),
                                                      static_cast<size_t>(entry.numel()))),
                  kGradient);
  }
}

// A training step with the golden's samples; everything between them is computed.
TEST_P(Stages, GradientsOfEveryParameter) {
  const tasks::RpnTargets anchors = rpn_targets();
  const tasks::RegionTargets targets = region_targets();
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const std::vector<Tensor> pyramid = model().pyramid(images_of(batch_), {.training = true});
  tasks::Losses losses = tasks::rpn_losses(model().propose(pyramid), anchors,
                                           static_cast<real>(1 / counted()), options_);
  const auto regions = [&](const std::vector<Boxes>& boxes) {
    return tasks::regions_of(boxes, model().region_levels(), rules_);
  };
  for (tasks::NamedTensor& loss : tasks::box_losses(model().boxes(pyramid, regions(targets.boxes)),
                                                    targets, classes_, share(), stage(), options_))
    losses.push_back(std::move(loss));
  losses.push_back(
      tasks::mask_loss(model().masks(pyramid, regions(targets.positives)), targets, share()));
  expect_losses(losses);
  Tensor total = losses[0].value;
  for (size_t i = 1; i < losses.size(); ++i) total = autograd::add(total, losses[i].value);
  golden_.expect("loss", total, kForward);
  tape.backward(total);
  expect_gradients(golden_, task_->parameters());
}

INSTANTIATE_TEST_SUITE_P(Of, Stages, testing::Values("torchvision", "mmdet"),
                         [](const auto& test) { return test.param; });

/// Every anchor and proposal is a sample, so nothing is drawn.
class Whole : public testing::TestWithParam<std::string> {
 protected:
  oracle::EngineState state_;
  DetectionGolden golden_{GetParam()};
  std::unique_ptr<tasks::Detection> task_ = golden_.task();
  data::Batch batch_ = golden_.batch();
};

TEST_P(Whole, LossesAndEveryGradient) {
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const tasks::Losses losses =
      task_->loss({batch_, 0, batch_.size}, {.training = true}, task_->count(batch_));
  for (const tasks::NamedTensor& loss : losses) golden_.expect(loss.name, loss.value, kForward);
  EXPECT_EQ(losses.size(), task_->options().model.mask ? 6u : 5u);
  tape.backward(losses[0].value);
  expect_gradients(golden_, task_->parameters());
}

TEST_P(Whole, DetectionsAndMasks) {
  const tasks::Outputs outputs =
      task_->outputs(images_of(batch_), tasks::Detail::everything,
                     {.real_sizes = batch_.real_sizes, .original_sizes = batch_.original_sizes});
  const std::vector<tasks::Answer> answers = task_->answers(outputs);
  ASSERT_EQ(std::ssize(answers), batch_.size);
  for (size_t i = 0; i < answers.size(); ++i) {
    const Tensor& found = tasks::output(outputs, at("detections", i));
    golden_.expect(at("detections", i), found, kForward);
    if (!task_->options().model.mask) continue;
    golden_.expect(at("masks", i), tasks::output(outputs, at("masks", i)), kForward);
    const std::vector<data::RunLengths> masks =
        golden_.masks(at("pasted", i), batch_.original_sizes[i]);
    ASSERT_EQ(answers[i].objects->size(), masks.size());
    for (size_t k = 0; k < masks.size(); ++k) EXPECT_EQ((*answers[i].objects)[k].mask, masks[k]);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Whole,
                         testing::Values("torchvision_whole", "torchvision_one_class",
                                         "torchvision_no_proposal", "mmdet_whole",
                                         "mmdet_one_class", "mmdet_no_proposal"),
                         [](const auto& test) { return test.param; });

TEST(DetectionGoldens, AreAllTested) {
  EXPECT_THAT(
      test::cases_in("detection/"),
      testing::ElementsAre("detection/mmdet_no_proposal", "detection/mmdet_one_class",
                           "detection/mmdet_stages", "detection/mmdet_whole",
                           "detection/torchvision_no_proposal", "detection/torchvision_one_class",
                           "detection/torchvision_stages", "detection/torchvision_whole"));
}

}  // namespace
}  // namespace swin::verify
