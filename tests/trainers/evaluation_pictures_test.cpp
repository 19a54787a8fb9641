// Which mistakes of an evaluation are kept.
#include "trainers/run/evaluation_pictures.h"

#include <gtest/gtest.h>

#include <limits>

#include "data/formats/formats.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {
namespace {

using namespace testing;

class Mistakes : public ::testing::Test {
 protected:
  Mistakes() : config_(micro_config({"data.validation.samples=200"})) {
    config_.model.num_classes = 3;
    set_ = open_dataset_of(*config_.data.validation, config_);
    task_ = tasks::make_task(config_.task, config_.model, 0, false);
  }
  /// Images 0, 1, … with these losses, all wrong but those of a negative loss.
  std::vector<EvaluationReport::Picture> worst_of(const std::vector<double>& losses) {
    EvaluationPictures pictures(*task_, *set_, picture_options(config_, {"a", "b", "c"}));
    for (size_t i = 0; i < losses.size(); ++i) {
      data::Batch batch;
      batch.size = 1;
      batch.padded_size = {16, 16};
      batch.real_sizes = {{16, 10}};
      batch.images.assign(16 * 16 * 3, 0);
      tasks::Judged judged;
      judged.right = losses[i] < 0;
      judged.loss = losses[i];
      judged.labels = {0};
      judged.predictions = {2};
      judged.class_index = 2;
      judged.probability = 0.75;
      const std::vector<int64_t> indices = {static_cast<int64_t>(i)};
      pictures.add({}, batch, indices, std::span(&judged, 1));
    }
    return pictures.worst();
  }

  Config config_;
  std::unique_ptr<data::Dataset> set_;
  std::unique_ptr<tasks::Task> task_;
};

TEST_F(Mistakes, FiftyOfTheLargestLossAreKept) {
  std::vector<double> losses;
  for (int i = 0; i < 200; ++i) losses.push_back(i * 37 % 200);
  losses[20] = -1;  // a right answer
  const auto worst = worst_of(losses);
  ASSERT_EQ(worst.size(), 50u);
  double expected = 199;
  for (const EvaluationReport::Picture& picture : worst) {
    if (expected == 20 * 37 % 200) --expected;
    EXPECT_EQ(picture.loss, expected);
    expected -= 1;
  }
  EXPECT_EQ(worst[0].caption, "a, taken for c (75.0%)");
  EXPECT_EQ(worst[0].image.width, 10);  // without padding
}

TEST_F(Mistakes, EqualLossesAreInTheOrderOfTheSetAndNaNIsTheWorst) {
  std::vector<double> losses(60, 1.0);
  losses[59] = std::numeric_limits<double>::quiet_NaN();
  const auto worst = worst_of(losses);
  ASSERT_EQ(worst.size(), 50u);
  EXPECT_EQ(worst[0].file, set_->name(59));
  EXPECT_EQ(worst[1].file, set_->name(0));
  EXPECT_EQ(worst[49].file, set_->name(48));
}

}  // namespace
}  // namespace swin::trainers
