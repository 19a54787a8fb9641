// What an evaluation writes: RUN/evaluation, `--output` and `--predictions`.
#include "trainers/report/evaluation_folder.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "base/errors.h"
#include "base/random.h"
#include "base/text.h"
#include "data/decode/decode.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/evaluate.h"

namespace swin::trainers {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

base::Json json_of(const fs::path& folder) {
  return base::parse_json(read_text(folder / "evaluation.json"), "evaluation.json");
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).generic_string()] = read_text(entry.path());
  return files;
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// A run of two epochs on a folder of noise, whose classes have names that need care in CSV, JSON
/// and SVG.
class EvaluationFolder : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    write_set("learned", true);
    write_set("set", false);
    const auto images = [](const std::string& name) {
      return "data." + name + R"(={"format": "image_folder", "samples": null, "path": ")" +
             (*directory_ / (name == "train" ? "learned" : "set")).string() + R"("})";
    };
    trained_ = std::make_unique<TrainResult>(train(
        options_of(micro_config({images("train"), images("validation")}), *directory_ / "run")));
  }
  static void TearDownTestSuite() {
    trained_.reset();
    directory_.reset();
  }
  static void write_set(const std::string& folder, bool mirrored) {
    for (size_t k = 0; k < kNames.size(); ++k)
      for (uint64_t i = 0; i < 7; ++i) {
        data::Image image{16, 16, 3, {}};
        const base::Random random(i, "test/images", k);
        for (uint64_t p = 0; p < 16 * 16 * 3; ++p)
          image.pixels.push_back(static_cast<uint8_t>(random.bits(p) % (60 + 60 * k)));
        data::Image shown = image;
        for (int64_t y = 0; mirrored && y < 16; ++y)
          for (int64_t x = 0; x < 16; ++x)
            std::copy_n(image.row(y) + 3 * x, 3, shown.row(y) + 3 * (15 - x));
        const fs::path path = *directory_ / folder / kNames[k];
        fs::create_directories(path);
        data::write_png((path / (std::to_string(i) + ".png")).string(), shown);
      }
  }
  static EvaluateOptions measuring() {
    return {.checkpoint = trained_->last, .data = "", .sets = {}, .quiet = true};
  }
  static double metric(const tasks::Metrics& metrics, const std::string& name) {
    if (const double* value = tasks::find(metrics, name)) return *value;
    ADD_FAILURE() << "no metric " << name;
    return -2;
  }

  static const inline std::vector<std::string> kNames = {"<img src=x onerror=alert(1)>",
                                                         "a,\"b\"&c", "Ünü"};
  static inline std::unique_ptr<TemporaryDirectory> directory_;
  static inline std::unique_ptr<TrainResult> trained_;
};

TEST_F(EvaluationFolder, HoldsWhatTheRunMeasured) {
  const fs::path folder = *directory_ / "run/evaluation";
  const base::Json json = json_of(folder);
  EXPECT_EQ(json.at("step").as_int(), 4);
  EXPECT_EQ(json.at("epoch").as_int(), 2);
  EXPECT_EQ(json.at("set").as_string(), "data.validation");
  EXPECT_EQ(json.at("images").as_int(), 21);
  EXPECT_EQ(json.at("bad_images").as_int(), 0);
  for (const auto& [name, value] : trained_->metrics)
    EXPECT_EQ(json.at("metrics").at(name).as_real(), value) << name;
  EXPECT_EQ(json.at("classes"), base::Json::array_of(kNames));
  const std::vector<base::Json>& classes = json.at("per_class").items();
  ASSERT_EQ(classes.size(), 3u);
  double recall = 0;
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(classes[k].at("class_name").as_string(), kNames[k]);
    EXPECT_EQ(classes[k].at("support"), base::Json(7));  // an integer
    recall += classes[k].at("recall").as_real();
  }
  EXPECT_DOUBLE_EQ(recall / 3, metric(trained_->metrics, "balanced_accuracy"));
  int64_t images = 0, right = 0;
  for (const base::Json& entry : json.at("confusion_matrix").at("entries").items()) {
    images += entry.items()[2].as_int();
    if (entry.items()[0] == entry.items()[1]) right += entry.items()[2].as_int();
  }
  EXPECT_EQ(images, 21);
  EXPECT_DOUBLE_EQ(static_cast<double>(right) / 21, metric(trained_->metrics, "top1"));
  EXPECT_EQ(json.at("calibration").at("ece").as_real(), metric(trained_->metrics, "ece"));
  EXPECT_EQ(json.at("calibration").at("bins").size(), 15u);
}

TEST_F(EvaluationFolder, TheWorstMistakesAreSortedAndDrawn) {
  const fs::path folder = *directory_ / "run/evaluation";
  const base::Json json = json_of(folder);
  const std::vector<base::Json>& worst = json.at("worst").items();
  EXPECT_DOUBLE_EQ(static_cast<double>(worst.size()),
                   std::round(21 * (1 - metric(trained_->metrics, "top1"))));
  ASSERT_GT(worst.size(), 1u);
  double before = INFINITY;
  for (const base::Json& one : worst) {
    const std::string label = one.at("label").as_string();
    EXPECT_NE(label, one.at("prediction").as_string());
    EXPECT_THAT(one.at("file").as_string(), HasSubstr("/" + label + "/"));
    EXPECT_THAT(one.at("caption").as_string(), StartsWith(label + ", taken for "));
    EXPECT_LE(one.at("loss").as_real(), before);
    before = one.at("loss").as_real();
    EXPECT_GT(one.at("probability").as_real(), 1.0 / 3);
    // As the model saw it: the normalization is taken back to the byte.
    EXPECT_EQ(data::read_image((folder / one.at("picture").as_string()).string(), 3),
              data::read_image(one.at("file").as_string(), 3));
  }
}

TEST_F(EvaluationFolder, TablesAreQuoted) {
  const fs::path folder = *directory_ / "run/evaluation";
  const std::vector<std::string> rows = lines_of(folder / "per_class.csv");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0], "class_name,precision,recall,f1,support");
  EXPECT_THAT(rows[1], StartsWith(kNames[0] + ","));
  EXPECT_THAT(rows[2], StartsWith("\"a,\"\"b\"\"&c\","));
  EXPECT_TRUE(rows[3].ends_with(",7")) << rows[3];
  const std::vector<std::string> matrix = lines_of(folder / "confusion_matrix.csv");
  ASSERT_EQ(matrix.size(), 4u);
  EXPECT_EQ(matrix[0], "label," + kNames[0] + ",\"a,\"\"b\"\"&c\"," + kNames[2]);
  EXPECT_EQ(lines_of(folder / "most_confused.csv")[0], "label,prediction,count");
  EXPECT_TRUE(fs::exists(folder / "reliability.svg"));
  EXPECT_EQ(read_text(folder / "confusion_matrix.svg").find("<img"), std::string::npos);
}

TEST_F(EvaluationFolder, EvaluateWritesTheSame) {
  EvaluateOptions options = measuring();
  options.output = (*directory_ / "again/evaluation").string();
  const EvaluateResult result = evaluate(options);
  EXPECT_EQ(files_of(*options.output), files_of(*directory_ / "run/evaluation"));
  const base::Json json = to_json(result);
  const std::vector<base::Json>& rows = json.at("confusion_matrix").items();
  ASSERT_EQ(rows.size(), 3u);
  int64_t support = 0;
  for (const base::Json& count : rows[1].items()) support += count.as_int();
  EXPECT_EQ(support, 7);
  EXPECT_EQ(json.at("calibration").size(), 15u);

  // A second one replaces it; files that no evaluation writes are not replaced.
  evaluate(options);
  std::ofstream(fs::path(*options.output) / "notes.txt") << "mine";
  EXPECT_THAT(message_of<base::UsageError>([&] { evaluate(options); }), HasSubstr("notes.txt"));
  EXPECT_EQ(read_text(fs::path(*options.output) / "notes.txt"), "mine");
  options.output = "/proc/evaluation";
  EXPECT_THROW(evaluate(options), base::DiskError);
}

// The set has two of the classes, in another order.
TEST_F(EvaluationFolder, MappedClassesAreThoseOfTheModel) {
  const EvaluateResult whole = evaluate(measuring());
  const fs::path list = *directory_ / "some.csv";
  std::string text = "path,label\n";
  for (const size_t k : {2u, 0u})
    for (int i = 0; i < 7; ++i)
      text += base::csv_line(std::vector<std::string>{
          "set/" + kNames[k] + "/" + std::to_string(i) + ".png", kNames[k]});
  std::ofstream(list) << text;
  EvaluateOptions options = measuring();
  options.data = list.string();
  const EvaluateResult some = evaluate(options);
  EXPECT_EQ(some.images, 14);
  std::vector<tasks::ConfusionEntry> expected = whole.confusion;
  std::erase_if(expected, [](const tasks::ConfusionEntry& entry) { return entry.label == 1; });
  EXPECT_EQ(some.confusion, expected);
  EXPECT_EQ(some.per_class[1].metrics[1].second, -1);
  EXPECT_EQ(some.per_class[2].metrics[1], whole.per_class[2].metrics[1]);
  EXPECT_DOUBLE_EQ(
      metric(some.metrics, "balanced_accuracy"),
      (whole.per_class[0].metrics[1].second + whole.per_class[2].metrics[1].second) / 2);
}

TEST_F(EvaluationFolder, PredictionsHaveARowForEachImage) {
  EvaluateOptions options = measuring();
  options.predictions = (*directory_ / "predictions.csv").string();
  const EvaluateResult result = evaluate(options);
  const std::vector<std::string> rows = lines_of(*options.predictions);
  ASSERT_EQ(rows.size(), 22u);
  EXPECT_EQ(rows[0],
            "file,label,prediction,p(" + kNames[0] + "),\"p(a,\"\"b\"\"&c)\",p(" + kNames[2] + ")");
  double right = 0;
  for (size_t i = 15; i < rows.size(); ++i) {  // of the last class, which needs no quotes
    std::vector<std::string> fields;
    std::istringstream row(rows[i]);
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    EXPECT_THAT(rows[i], HasSubstr(std::to_string(i - 15) + ".png," + kNames[2] + ","));
    right += rows[i].find("," + kNames[2] + "," + kNames[2] + ",") != std::string::npos;
    double sum = 0;
    for (size_t k = fields.size() - 3; k < fields.size(); ++k) sum += std::stod(fields[k]);
    EXPECT_NEAR(sum, 1, 1e-12);
  }
  EXPECT_DOUBLE_EQ(right / 7, result.per_class[2].metrics[1].second);
  options.predictions = (*directory_ / "no_folder/predictions.csv").string();
  EXPECT_THROW(evaluate(options), base::DiskError);
}

// The mean of an image and its mirror image is that of the mirror image and its own.
TEST_F(EvaluationFolder, FlipIsTheSameOfMirroredImages) {
  write_set("mirrored", true);
  EvaluateOptions options = measuring(), mirrored = measuring();
  mirrored.data = (*directory_ / "mirrored").string();
  const double plain = metric(evaluate(options).metrics, "loss");
  EXPECT_NE(metric(evaluate(mirrored).metrics, "loss"), plain);
  options.flip = mirrored.flip = true;
  const EvaluateResult flipped = evaluate(options);
  EXPECT_NE(metric(flipped.metrics, "loss"), plain);
  EXPECT_EQ(evaluate(mirrored).metrics, flipped.metrics);
}

TEST(EvaluationFiles, AFailedWriteLeavesTheOldFolder) {
  const TemporaryDirectory directory;
  const fs::path folder = directory / "evaluation";
  EvaluationReport report;
  report.metrics = {{"loss", 1}};
  write_evaluation(report, folder);
  report.metrics = {{"loss", 2}};
  EvaluationReport::Picture& picture = report.worst.emplace_back();
  picture.image.reshape(64, 64, 3);
  const base::Random random(0, "test/images", 0);
  for (size_t i = 0; i < picture.image.pixels.size(); ++i)
    picture.image.pixels[i] = static_cast<uint8_t>(random.bits(i));
  EpochReport epoch;
  epoch.evaluation = &report;
  EXPECT_EQ(run_in_child([&] {
              swin::test::limit_file_size(4000);
              EvaluationListener(folder).evaluated(epoch);
              return 0;
            }),
            static_cast<int>(base::ExitCode::disk));
  EXPECT_EQ(json_of(folder).at("metrics").at("loss").as_real(), 1);
  EXPECT_EQ(directory.num_entries(), 1);
  EvaluationListener(folder).evaluated(epoch);
  EXPECT_EQ(json_of(folder).at("metrics").at("loss").as_real(), 2);
  EXPECT_TRUE(fs::exists(folder / "worst/01.png"));
}

TEST(EvaluationFiles, ManyClassesAreListed) {
  const TemporaryDirectory directory;
  EvaluationReport report;
  report.set = "set";
  for (int k = 0; k < 101; ++k) {
    report.class_names.push_back("class " + std::to_string(k));
    report.per_class.push_back({{"precision", -1}, {"support", 0}});
  }
  report.confusion = {{0, 0, 5}, {0, 100, 2}, {7, 3, 4}};
  const fs::path folder = directory / "evaluation";
  write_evaluation(report, folder);
  EXPECT_FALSE(fs::exists(folder / "confusion_matrix.svg"));
  EXPECT_EQ(read_text(folder / "confusion_matrix.csv"),
            "label,prediction,count\nclass 0,class 0,5\nclass 0,class 100,2\nclass 7,class 3,4\n");
  EXPECT_EQ(read_text(folder / "most_confused.csv"),
            "label,prediction,count\nclass 7,class 3,4\nclass 0,class 100,2\n");
  EXPECT_EQ(lines_of(folder / "per_class.csv")[1], "class 0,,0");
  EXPECT_EQ(matrix_json(report.confusion, 101).at("entries").size(), 3u);
  report = {};
  write_evaluation(report, folder);
  EXPECT_EQ(files_of(folder).size(), 1u);
}

}  // namespace
}  // namespace swin::trainers
