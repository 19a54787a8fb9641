// evaluate and predict on a finished checkpoint.
#include <cmath>

#include "base/errors.h"
#include "data/decode/decode.h"
#include "files/checkpoint_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/data_options.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/predict.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

/// All tests here share one trained checkpoint.
class Trained : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    result_ = new TrainResult(train(options_of(micro_config(), *directory_ / "run")));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete directory_;
  }
  static std::string checkpoint() { return result_->last; }
  static EvaluateOptions options() {
    EvaluateOptions options;
    options.checkpoint = checkpoint();
    options.quiet = true;
    return options;
  }
  /// Writes images of the synthetic set as an image folder, with its class names.
  static fs::path image_folder(const std::string& name, int64_t images, bool rename = false) {
    const LoadedModel loaded = load_model(checkpoint());
    const auto dataset = open_dataset_of(*loaded.config.data.validation, loaded.config);
    const fs::path folder = *directory_ / name;
    std::vector<std::string> classes = dataset->class_names();
    std::sort(classes.begin(), classes.end());
    for (const std::string& c : classes)
      fs::create_directories(folder / (rename && c == classes[0] ? "a_wrong_name" : c));
    for (int64_t i = 0; i < images; ++i)
      data::write_png((folder / dataset->class_names()[static_cast<size_t>(dataset->stratum(i))] /
                       (std::to_string(i) + ".png"))
                          .string(),
                      dataset->load(i));
    return folder;
  }
  static TemporaryDirectory* directory_;
  static TrainResult* result_;
};
TemporaryDirectory* Trained::directory_ = nullptr;
TrainResult* Trained::result_ = nullptr;

TEST_F(Trained, EvaluateCountsEveryImageOnceAndAgreesWithTraining) {
  const EvaluateResult result = evaluate(options());
  EXPECT_EQ(result.images, 21);  // 8 + 8 + 5
  EXPECT_EQ(result.metrics, result_->metrics);
  EXPECT_GT(result.images_per_second, 0);
  const base::Json json = to_json(result);
  for (const char* key : {"images", "top1", "top5", "loss", "images_per_second"})
    EXPECT_TRUE(json.at(key).is_number()) << key;
}

TEST_F(Trained, EvaluateTakesSets) {
  EvaluateOptions few = options();
  few.sets = {"data.validation.samples=7"};
  EXPECT_EQ(evaluate(few).images, 7);
  few.sets = {"data.validation.samples=7", "trainer.batch_size=3"};
  EXPECT_EQ(evaluate(few).images, 7);
  few.sets = {"model.embed_dim=16"};
  EXPECT_THROW(evaluate(few), base::WeightError);
}

TEST_F(Trained, PredictAnswersInOrderAndNamesABadImage) {
  const LoadedModel loaded = load_model(checkpoint());
  const auto dataset = open_dataset_of(*loaded.config.data.validation, loaded.config);
  std::vector<std::string> paths;
  for (int64_t i = 0; i < 3; ++i) {
    paths.push_back((*directory_ / ("image" + std::to_string(i) + ".png")).string());
    data::write_png(paths.back(), dataset->load(i));
  }
  const std::string bad = (*directory_ / "bad.png").string();
  std::ofstream(bad) << "no image";
  const Predictor predictor(checkpoint());
  const auto answers = predictor.predict({paths[2], bad, paths[0], "absent.jpg"}, {.top_k = 3});
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].image, paths[2]);
  EXPECT_NE(answers[1].error.find("bad.png"), std::string::npos);
  EXPECT_TRUE(answers[1].predictions.empty());
  EXPECT_FALSE(answers[3].error.empty());
  EXPECT_EQ(exit_code(answers), base::ExitCode::data);
  for (const size_t i : {size_t{0}, size_t{2}}) {
    const auto& predictions = answers[i].predictions;
    ASSERT_EQ(predictions.size(), 3u);
    EXPECT_GE(predictions[0].probability, predictions[1].probability);
    EXPECT_GE(predictions[1].probability, predictions[2].probability);
    EXPECT_EQ(predictions[0].class_name,
              loaded.class_names[static_cast<size_t>(predictions[0].class_index)]);
  }
  const auto alone = predictor.predict({paths[0]}, {.top_k = 99});
  EXPECT_EQ(exit_code(alone), base::ExitCode::done);
  ASSERT_EQ(alone[0].predictions.size(), 10u);
  EXPECT_EQ(alone[0].predictions[0].probability, answers[2].predictions[0].probability);
  double sum = 0;
  for (const Prediction& p : alone[0].predictions) sum += p.probability;
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_THROW(predictor.predict({paths[0]}, {.top_k = 0}), base::UsageError);
  EXPECT_EQ(to_json(alone).items()[0].at("image").as_string(), paths[0]);
}

TEST_F(Trained, PredictAndEvaluateSeeTheSamePixels) {
  const LoadedModel loaded = load_model(checkpoint());
  const auto dataset = open_dataset_of(*loaded.config.data.validation, loaded.config);
  std::vector<std::string> paths;
  int64_t right = 0;
  for (int64_t i = 0; i < dataset->size(); ++i) {
    paths.push_back((*directory_ / ("all" + std::to_string(i) + ".png")).string());
    data::write_png(paths.back(), dataset->load(i));
  }
  const auto answers = Predictor(checkpoint()).predict(paths, {.top_k = 1});
  for (int64_t i = 0; i < dataset->size(); ++i)
    right += answers[static_cast<size_t>(i)].predictions[0].class_index == dataset->stratum(i);
  EXPECT_DOUBLE_EQ(static_cast<double>(right) / static_cast<double>(dataset->size()),
                   result_->metrics[0].second);
}

TEST_F(Trained, ClassesAreComparedByName) {
  EvaluateOptions other = options();
  other.data = image_folder("renamed", 0, true).string();
  // With an image in every folder the class names are the only fault.
  const std::string name = load_model(checkpoint()).class_names[0];
  for (const auto& entry : fs::directory_iterator(other.data)) {
    data::Image image;
    image.reshape(16, 16, 3);
    data::write_png((entry.path() / "x.png").string(), image);
  }
  const std::string message = message_of<base::DataError>([&] { evaluate(other); });
  EXPECT_NE(message.find("a_wrong_name"), std::string::npos) << message;
}

TEST_F(Trained, FoldersMatchClassesByNameAndABadImageIsNamed) {
  // Folders are in alphabetical order, the checkpoint's classes are not.
  const std::vector<std::string> classes = load_model(checkpoint()).class_names;
  EXPECT_FALSE(std::is_sorted(classes.begin(), classes.end()));
  EvaluateOptions folder = options();
  folder.data = image_folder("folder", 21).string();
  const EvaluateResult result = evaluate(folder);
  EXPECT_EQ(result.images, 21);
  EXPECT_EQ(result.metrics[0], result_->metrics[0]);
  std::ofstream(fs::path(folder.data) / classes[0] / "broken.png") << "no image";
  const EvaluateResult rest = evaluate(folder);
  EXPECT_EQ(rest.images, 21);
  EXPECT_EQ(rest.metrics, result.metrics);
  ASSERT_EQ(rest.bad.size(), 1u);
  EXPECT_NE(rest.bad[0].name.find("broken.png"), std::string::npos);
}

/// The checkpoint without the names of its classes.
std::string without_names(const std::string& checkpoint, const fs::path& path) {
  const files::CheckpointFile file(checkpoint);
  files::CheckpointContents contents;
  contents.step = file.step();
  contents.epoch = file.epoch();
  for (const auto& entry : file.entries()) contents.arrays.push_back(file.read(entry.name));
  for (const std::string& name : file.meta_names())
    if (name != "class_names") contents.meta.emplace_back(name, file.meta(name));
  files::write_checkpoint(path, contents);
  return path.string();
}

TEST_F(Trained, WeightsWithoutNamesTakeAnOrderAndSayHowToNameThem) {
  EvaluateOptions nameless = options();
  nameless.checkpoint = without_names(checkpoint(), *directory_ / "nameless.h5");
  nameless.data = image_folder("ordered", 21).string();
  nameless.quiet = false;
  ::testing::internal::CaptureStderr();
  const EvaluateResult assumed = evaluate(nameless);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("assumed are those of the data in the order of their text"),
            std::string::npos)
      << said;
  ASSERT_NE(said.find("--classes FILE"), std::string::npos) << said;
  EXPECT_NE(assumed.metrics, result_->metrics);  // the head's order is another
  // The advice, followed.
  std::string list;
  for (const std::string& name : load_model(checkpoint()).class_names) list += name + "\n";
  nameless.classes = directory_->write("classes.txt", list).string();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(evaluate(nameless).metrics[0], result_->metrics[0]);
  EXPECT_EQ(::testing::internal::GetCapturedStderr().find("assumed"), std::string::npos);
  nameless.classes = directory_->write("short.txt", "one\ntwo\n").string();
  EXPECT_NE(message_of<base::UsageError>([&] {
              evaluate(nameless);
            }).find("short.txt: found 2 names, expected one for each of the 10 classes"),
            std::string::npos);
}

TEST_F(Trained, AnUnknownClassIsNamedAndCanBeLeftOut) {
  const fs::path folder = image_folder("unknown", 21);
  data::Image image;
  image.reshape(16, 16, 3);
  fs::create_directories(folder / "zebra");
  data::write_png((folder / "zebra" / "x.png").string(), image);
  EvaluateOptions other = options();
  other.data = folder.string();
  const std::string message = message_of<base::DataError>([&] { evaluate(other); });
  EXPECT_NE(message.find("found the class zebra"), std::string::npos) << message;
  EXPECT_NE(message.find("--ignore-unknown-classes"), std::string::npos) << message;
  other.ignore_unknown_classes = true;
  const EvaluateResult result = evaluate(other);
  EXPECT_EQ(result.images, 21);
  EXPECT_EQ(result.metrics[0], result_->metrics[0]);
  // As the stored config may say, too.
  other.ignore_unknown_classes = false;
  other.sets = {"data.ignore_unknown_classes=true"};
  EXPECT_EQ(evaluate(other).metrics, result.metrics);
}

TEST_F(Trained, ClassesWithoutImagesLeaveTheOthersWhatTheyAre) {
  const fs::path folder = image_folder("missing", 21);
  const std::vector<std::string> classes = load_model(checkpoint()).class_names;
  fs::remove_all(folder / classes[3]);
  for (const auto& entry : fs::directory_iterator(folder / classes[5])) fs::remove(entry.path());
  EvaluateOptions other = options();
  other.data = folder.string();
  other.quiet = false;
  ::testing::internal::CaptureStderr();
  const EvaluateResult result = evaluate(other);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no image of 2 of 10 classes (" + classes[3] + ", " + classes[5] + ")"),
            std::string::npos)
      << said;
  // The answers to the images there are those of predict.
  int64_t right = 0, images = 0;
  const Predictor predictor(checkpoint());
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++images;
    right +=
        predictor.predict({entry.path().string()}, {.top_k = 1})[0].predictions[0].class_name ==
        entry.path().parent_path().filename();
  }
  EXPECT_EQ(result.images, images);
  EXPECT_DOUBLE_EQ(result.metrics[0].second,
                   static_cast<double>(right) / static_cast<double>(images));
}

TEST_F(Trained, OptionsOfDetectorsAreRefused) {
  const std::string answers =
      "expected none: a model for classification answers with classes of whole images; remove it";
  for (const auto& [options, found] : std::vector<std::pair<DetectorOptions, std::string>>{
           {{.score = 0.5}, "--score: found a score of objects"},
           {{.iou = 0.5}, "--iou: found an overlap of objects"},
           {{.max_detections = 5}, "--max-detections: found a number of objects"},
           {{.only_classes = {"0"}}, "--only-classes: found classes of objects"}})
    EXPECT_EQ(message_of<base::UsageError>([&] { Predictor(checkpoint(), options); }),
              found + ", " + answers);
  const Predictor predictor(checkpoint());
  EXPECT_EQ(message_of<base::UsageError>(
                [&] { predictor.predict({}, {.output = (*directory_ / "drawn").string()}); }),
            "--output: found a folder for drawings, " + answers);
  EvaluateOptions writing = options();
  writing.write_detections = (*directory_ / "found.json").string();
  EXPECT_EQ(message_of<base::UsageError>([&] { evaluate(writing); }),
            "--write-detections: found a file for objects, expected none: a model for "
            "classification finds none; remove it");
}

TEST_F(Trained, AMissingCheckpointIsAWeightError) {
  EvaluateOptions absent = options();
  absent.checkpoint = (*directory_ / "absent.h5").string();
  EXPECT_THROW(evaluate(absent), base::WeightError);
  EXPECT_THROW(Predictor{absent.checkpoint}, base::WeightError);
}

}  // namespace
}  // namespace swin::trainers
