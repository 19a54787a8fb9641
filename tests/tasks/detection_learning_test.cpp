// Two images, learned by heart by Mask R-CNN and by its cascade.
#include <gmock/gmock.h>

#include "base/parallel.h"
#include "tests/tasks/detection_support.h"

namespace swin::tasks {
namespace {

using testing::detection_config;
using testing::kSide;
using testing::Learner;
using testing::metrics_of;
using testing::tiny_backbone;
using testing::two_images;
using testing::Values;

class LearnedByHeart : public ::testing::TestWithParam<double> {};

TEST_P(LearnedByHeart, MaskRcnn) {
  base::set_num_threads(1);
  Detection task(detection_config({{"convention", {GetParam()}}}), tiny_backbone(), 1, true);
  const data::Batch batch = two_images();
  Learner learner(task);
  const double first = learner.step(batch, 0).at("loss");
  double last = 0;
  constexpr int kSteps = 350;
  for (int step = 0; step < kSteps; ++step)
    last = learner.step(batch, 2e-3 * (step < kSteps / 2 ? 1 : 0.3)).at("loss");
  EXPECT_LT(last, 0.2 * first);
  const Values metrics = metrics_of(task, batch);
  EXPECT_GT(metrics.at("box_AP"), 0.9);
  // torchvision puts masks into boxes of whole pixels, which shows in ellipses of 12 × 16.
  EXPECT_GT(metrics.at("segm_AP"), GetParam() == 0 ? 0.9 : 0.85);

  const std::vector<Answer> answers =
      task.answers(task.outputs(images_of({batch, 0, 2}, 2, 3), Detail::answers, info_of(batch)));
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_TRUE(answers[0].objects && answers[0].objects->size() >= 3);
  const Detected& best = answers[0].objects->front();
  EXPECT_GT(best.score, 0.5);
  ASSERT_TRUE(best.mask);
  EXPECT_EQ(best.mask->height, kSide);
}
INSTANTIATE_TEST_SUITE_P(Conventions, LearnedByHeart, ::testing::Values(0, 1),
                         [](const auto& test) {
                           return test.param == 0 ? "mmdet" : "torchvision";
                         });

TEST(CascadeLearnedByHeart, TwoImages) {
  base::set_num_threads(1);
  Detection task(detection_config({{"cascade", {1}}}), tiny_backbone(), 1, true);
  const data::Batch batch = two_images();
  Learner learner(task);
  const double first = learner.step(batch, 0).at("loss");
  double last = 0;
  constexpr int kSteps = 350;
  for (int step = 0; step < kSteps; ++step)
    last = learner.step(batch, 2e-3 * (step < kSteps / 2 ? 1 : 0.3)).at("loss");
  EXPECT_LT(last, 0.2 * first);
  const Values metrics = metrics_of(task, batch);
  // The last stage has a quarter of the losses' weight: its boxes are not yet within 5% of an edge.
  EXPECT_GT(metrics.at("box_AP"), 0.8);
  EXPECT_GT(metrics.at("box_AP75"), 0.9);
  EXPECT_GT(metrics.at("segm_AP"), 0.9);
}

}  // namespace
}  // namespace swin::tasks
