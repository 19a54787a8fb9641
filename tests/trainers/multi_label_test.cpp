// Several labels per image: targets, loss and metrics of the task, and a run from an HDF5 file to
// predictions.
#include <cmath>
#include <functional>

#include "base/errors.h"
#include "base/random.h"
#include "data/decode/decode.h"
#include "files/hdf5_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/data_options.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/predict.h"

namespace swin::trainers {
namespace {

using namespace testing;
using autograd::Tensor;

constexpr int64_t kImages = 64, kSide = 16, kClasses = 3;

/// Class c makes color c bright. @param of_image the labels of an image: bit c is class c.
void write_set(
    const std::filesystem::path& path, bool several,
    const std::function<size_t(size_t)>& of_image = [](size_t n) { return n * 5 / 3; }) {
  std::vector<uint8_t> images(static_cast<size_t>(kImages * kSide * kSide * 3));
  std::vector<uint8_t> labels;
  const base::Random random(3, "test/images", 0);
  for (size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<uint8_t>(40 + random.bits(i) % 60);
  const auto pixels = static_cast<size_t>(kSide * kSide);
  for (size_t n = 0; n < static_cast<size_t>(kImages); ++n)
    for (size_t c = 0; c < static_cast<size_t>(kClasses); ++c) {
      const bool has = (of_image(n) >> c & 1) != 0;
      labels.push_back(has);
      if (has)
        for (size_t i = 0; i < pixels; ++i) images[(n * pixels + i) * 3 + c] |= 0x90;
    }
  if (!several) {
    labels.resize(static_cast<size_t>(kImages));
    for (uint8_t& label : labels) label %= kClasses;
  }
  std::vector<int64_t> shape = {kImages};
  if (several) shape.push_back(kClasses);
  const files::NamedArray arrays[] = {files::NamedArray{"images",
                                                        files::DType::u8,
                                                        {kImages, kSide, kSide, 3},
                                                        std::as_bytes(std::span(images)),
                                                        nullptr},
                                      files::NamedArray{"labels", files::DType::u8, shape,
                                                        std::as_bytes(std::span(labels)), nullptr}};
  const auto bytes = files::build_hdf5(arrays, {}).to_bytes();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<int64_t>(bytes.size()));
}

std::vector<std::string> sets_of(const std::string& path, const std::string& task) {
  return {"data.train={\"format\": \"hdf5\", \"path\": \"" + path + "\", \"fraction\": 0.75}",
          "data.train.samples=null",
          "data.validation={\"fraction\": 0.25, \"samples\": null}",
          "task={\"name\": \"" + task + "\", \"label_smoothing\": 0}",
          "model.drop_rate=0",
          "model.attn_drop_rate=0",
          "model.drop_path_rate=0",
          "augment={\"mixup\": 0.1}",
          "optimizer.lr=0.01",
          "schedule={\"steps\": 60, \"warmup_steps\": 5, \"warmup_lr\": 1e-4, \"min_lr\": 0}",
          "trainer.batch_size=16",
          "trainer.micro_batch_size=8"};
}

TEST(MultiLabel, LearnsFromAnHdf5FileEvaluatesAndPredicts) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "set.h5").string();
  write_set(path, true);
  const Config config = micro_config(sets_of(path, "multi_label_classification"));
  EXPECT_EQ(config.checkpoint.monitor, "mean_average_precision");
  const TrainResult result = train(options_of(config, directory / "run"));
  const auto log = read_log(directory / "run");
  ASSERT_GE(log.size(), 60u);
  const double first = log.front().at("loss").as_real();
  double last = 0;
  for (const base::Json& line : log)
    if (line.find("step") && line.find("loss") && line.find("lr")) last = line.at("loss").as_real();
  EXPECT_LT(last, first / 2);
  ASSERT_EQ(result.metrics.at(0).first, "mean_average_precision");
  EXPECT_GT(result.metrics[0].second, 0.9);

  EvaluateOptions options;
  options.checkpoint = result.last;
  options.quiet = true;
  EXPECT_EQ(evaluate(options).metrics, result.metrics);

  const Predictor predictor(result.last);
  const auto set = open_dataset_of(*config.data.validation, config);
  const std::string image = (directory / "image.png").string();
  int64_t with = 0;  // index of an image with several classes
  while (data::classes_of(set->annotation(with)).size() < 2) ++with;
  data::write_png(image, set->load(with));
  const auto answers = predictor.predict({image}, {.top_k = kClasses});
  ASSERT_EQ(answers.at(0).predictions.size(), 3u) << answers[0].error;
  const std::vector<int64_t> labels = data::classes_of(set->annotation(with));
  double sum = 0;
  for (const Prediction& prediction : answers[0].predictions) {
    sum += prediction.probability;
    const bool has =
        std::find(labels.begin(), labels.end(), prediction.class_index) != labels.end();
    EXPECT_EQ(prediction.probability > 0.5, has) << prediction.class_name;
  }
  EXPECT_GT(sum, 1.2);  // the probabilities need not add up to 1
}

TEST(MultiLabel, ClassificationRefusesImagesOfSeveralClasses) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "set.h5").string();
  write_set(path, true);
  const std::string message = message_of<base::UsageError>(
      [&] { train(options_of(micro_config(sets_of(path, "classification")), directory / "run")); });
  EXPECT_NE(message.find("set it to \"multi_label_classification\""), std::string::npos) << message;
  EXPECT_NE(message.find("set.h5 #"), std::string::npos) << message;  // names one
}

// One class per image or none: another task is no remedy.
TEST(MultiLabel, ClassificationRefusesImagesWithoutClass) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "set.h5").string();
  write_set(path, true, [](size_t n) { return n % 5 == 4 ? 0 : size_t{1} << n % 3; });
  const std::string message = message_of<base::DataError>(
      [&] { train(options_of(micro_config(sets_of(path, "classification")), directory / "run")); });
  for (const char* part : {"set.h5 #", ": found no class, expected one class per image"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find("multi_label"), std::string::npos) << message;
}

TEST(MultiLabel, OneHotRowsAreOneClassEach) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "set.h5").string();
  write_set(path, true, [](size_t n) { return size_t{1} << n % 3; });
  const TrainResult one = train(
      options_of(micro_config(sets_of(path, "classification")), directory / "classification"));
  EXPECT_EQ(one.metrics.at(0).first, "top1");
  EXPECT_GT(one.metrics[0].second, 0.9);
  std::vector<std::string> sets = sets_of(path, "multi_label_classification");
  sets.push_back("schedule.steps=5");
  const TrainResult rows = train(options_of(micro_config(sets), directory / "rows"));
  EXPECT_EQ(rows.metrics.at(0).first, "mean_average_precision");
}

TEST(MultiLabel, SingleLabelsBecomeRows) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "set.h5").string();
  write_set(path, false);
  std::vector<std::string> sets = sets_of(path, "multi_label_classification");
  sets.push_back("schedule.steps=5");
  const TrainResult result = train(options_of(micro_config(sets), directory / "run"));
  EXPECT_EQ(result.metrics.at(0).first, "mean_average_precision");
}

}  // namespace
}  // namespace swin::trainers
