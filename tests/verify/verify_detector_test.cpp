// verify compares a detector's maps and what it finds.
#include "base/errors.h"
#include "tasks/detection.h"
#include "tasks/task_table.h"
#include "tests/layers/model_support.h"
#include "tests/support/golden_files.h"
#include "verify/verify.h"
#include "weights/generated_weights.h"

namespace swin::verify {
namespace {

using autograd::Tensor;
using testing::ElementsAre;
using testing::HasSubstr;

class DetectorVerify : public oracle::EngineTest {
 protected:
  DetectorVerify() {
    config_.image_size = {32, 64};
    config_.num_classes = 3;
    task_.name = "detection";
    for (const auto& [field, value] : {std::pair{"neck.channels", 4.0},
                                       {"box_head.channels", 6.0},
                                       {"mask_head.channels", 4.0},
                                       {"mask_head.convs", 1.0},
                                       {"rpn.post_top_test", 8.0},
                                       {"test.max_detections", 5.0}})
      task_.own.set(field, {value});
    task_.own.set("anchors.sizes", {8, 16, 32});  // of the two stages and one level more
    // A golden of the program's own: what is compared is the way to it.
    tasks::Detection model({task_.name, {tasks::task_row(task_.name), task_.own}}, config_, 0,
                           false);
    weights::fill_generated(model.parameters(), 7);
    const Tensor images = layers::random_images(config_, 1);
    keep("input", autograd::permute(images, {0, 3, 1, 2}));
    for (const auto& [name, value] : model.outputs(images, tasks::Detail::everything))
      if (name != "size.0") keep(name, value);
  }

  void keep(const std::string& name, const Tensor& value) {
    names_.push_back(name);
    shapes_.push_back(value.shape().dims());
    values_.emplace_back(value.data(), value.data() + value.numel());
  }
  std::vector<float>& at(const std::string& name) {
    return values_.at(
        static_cast<size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin()));
  }
  VerifyReport run() {
    std::vector<files::NamedArray> arrays;
    for (size_t i = 0; i < names_.size(); ++i)
      arrays.push_back(
          files::NamedArray::of(names_[i], shapes_[i], std::span<const float>(values_[i])));
    const std::string golden = (folder_ / "golden.safetensors").string();
    files::write_safetensors(golden, arrays);
    return verify(std::string("counted:7"), golden, config_, task_);
  }
  std::vector<std::string> failures() {
    std::vector<std::string> names;
    for (const TensorError& tensor : run().tensors)
      if (!tensor.passed) names.push_back(tensor.name);
    return names;
  }

  layers::ModelConfig config_ = layers::micro_config();
  tasks::TaskConfig task_;
  std::vector<std::string> names_;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<std::vector<float>> values_;
  test::TemporaryDirectory folder_;
};

TEST_F(DetectorVerify, ComparesMapsAndAnswers) {
  const VerifyReport report = run();
  EXPECT_TRUE(report.passed);
  EXPECT_TRUE(report.ignored.empty());
  EXPECT_EQ(report.tensors.size(), names_.size() - 1);
  at("rpn_deltas.1")[3] += 1;
  at("class_logits.0")[2] += 1;
  EXPECT_THAT(failures(), ElementsAre("class_logits.0", "rpn_deltas.1"));
}

TEST_F(DetectorVerify, HasNoLoss) {
  keep("loss", Tensor::from({}, std::vector<real>{1}));
  EXPECT_THAT(test::message_of<base::WeightError>([&] { run(); }),
              HasSubstr("a loss or gradients of a detector"));
}

TEST_F(DetectorVerify, AnotherNumberOfAnswersDoesNotFit) {
  --shapes_.at(static_cast<size_t>(std::find(names_.begin(), names_.end(), "proposals.0") -
                                   names_.begin()))[0];
  at("proposals.0").resize(at("proposals.0").size() - 4);
  EXPECT_THAT(test::message_of<base::WeightError>([&] { run(); }), HasSubstr("proposals.0"));
}

}  // namespace
}  // namespace swin::verify
