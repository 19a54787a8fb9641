// What is done with the objects that a task finds: evaluation over a set, files in COCO's format,
// drawings and JSON. The task is a stand-in that finds what the test says.
#include <gmock/gmock.h>

#include "data/coco_file.h"
#include "data/formats/formats.h"
#include "data/run_lengths.h"
#include "tasks/detection_metrics.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/detection_files.h"
#include "trainers/run/draw_objects.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/predict.h"
#include "trainers/run/score_detections.h"

namespace swin::trainers {
namespace {

using namespace testing;
using tasks::Detected;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

data::RunLengths rectangle(int64_t height, int64_t width, int64_t y, int64_t x, int64_t h,
                           int64_t w) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width));
  for (int64_t row = y; row < y + h; ++row)
    std::fill_n(pixels.begin() + row * width + x, w, uint8_t{1});
  return data::to_run_lengths(pixels, height, width);
}

// Remembers what it is given.
struct Seen {
  std::vector<int64_t> ranks, drawn_by;
  std::vector<data::Objects> objects;
};

class Recorder : public tasks::Meter {
 public:
  explicit Recorder(Seen& seen) : seen_(seen) {}
  void add(const tasks::Outputs&, const data::Batch& batch) override {
    for (size_t k = 0; k < static_cast<size_t>(batch.size); ++k) {
      seen_.ranks.push_back(batch.indices[k]);
      seen_.objects.push_back(std::get<data::Objects>(batch.annotations[k]));
    }
  }
  tasks::Metrics metrics() const override { return {{"box_AP", 0.5}}; }

 private:
  Seen& seen_;
};

class Finder : public tasks::Task {
 public:
  explicit Finder(layers::ModelConfig config) : config_(std::move(config)) {}
  const layers::ModelConfig& model_config() const override { return config_; }
  layers::Parameters& parameters() override { return parameters_; }
  tasks::Losses loss(const tasks::Slice&, const layers::Pass&, const tasks::Count&) const override {
    return {};
  }
  tasks::Outputs outputs(const autograd::Tensor&, tasks::Detail,
                         const tasks::ImageInfo& info) const override {
    seen.drawn_by.insert(seen.drawn_by.end(), info.indices.begin(), info.indices.end());
    return {};
  }
  std::unique_ptr<tasks::Meter> meter() const override { return std::make_unique<Recorder>(seen); }
  std::vector<tasks::Answer> answers(const tasks::Outputs&) const override { return {}; }

  mutable Seen seen;

 private:
  layers::ModelConfig config_;
  layers::Parameters parameters_;
};

// Five images whose ids do not ascend; the third one is no image.
class ObjectSet : public ::testing::Test {
 protected:
  ObjectSet() {
    std::string images, annotations;
    const std::vector<int64_t> ids = {40, 7, 12, 30, 9};
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::string name = std::to_string(i) + ".png", id = std::to_string(ids[i]);
      if (i == 2)
        std::ofstream(folder_ / name) << "no image";
      else
        data::write_png((folder_ / name).string(),
                        {20, 24, 3, std::vector<uint8_t>(20 * 24 * 3, 90)});
      images += (i ? "," : "") + (R"({"id": )" + id) + R"(, "file_name": ")" + name +
                R"(", "height": 20, "width": 24})";
      annotations += (i ? "," : "") + (R"({"id": )" + std::to_string(i + 1)) + R"(, "image_id": )" +
                     id + R"(, "category_id": )" + (i % 2 ? "5" : "3") +
                     R"(, "bbox": [2, 3, 4.25, 5], "area": 17, "iscrowd": 0,
                        "segmentation": [[2, 3, 6, 3, 6, 8, 2, 8]]})";
    }
    std::ofstream(folder_ / "list.json")
        << R"({"images": [)" << images << R"(], "annotations": [)" << annotations
        << R"(], "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}]})";
    data::DatasetOptions options;
    options.format = "coco";
    options.path = (folder_ / "list.json").string();
    options.split = data::Split::none;
    set_ = data::open_dataset(options);
  }
  Measured measure_all(const Finder& task, const std::vector<int64_t>& classes,
                       const std::function<void(const MeasuredBatch&)>& done = {}) {
    const Config config = micro_config({"trainer.batch_size=2"});
    const data::LoaderOptions options = evaluation_loader(config, *set_);
    data::Loader loader(*set_, options);
    return *measure(task, loader, options.batch_size, {classes, false}, {}, {.batch_done = done});
  }

  TemporaryDirectory folder_;
  std::unique_ptr<data::Dataset> set_;
};

TEST_F(ObjectSet, IsMeasuredInTheOrderOfItsIds) {
  const Finder task(micro_config({"trainer.batch_size=2"}).model);
  std::vector<int64_t> indices;
  const Measured measured = measure_all(task, {}, [&](const MeasuredBatch& done) {
    indices.insert(indices.end(), done.indices.begin(), done.indices.end());
  });
  EXPECT_EQ(measured.images, 4);
  ASSERT_EQ(measured.bad.size(), 1u);
  EXPECT_THAT(indices, ElementsAre(0, 1, 3, 4));
  // Ids 40, 7, 30 and 9 among 7, 9, 12, 30, 40.
  EXPECT_THAT(task.seen.ranks, ElementsAre(4, 0, 3, 1));
  EXPECT_THAT(task.seen.drawn_by, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(task.seen.objects[0].objects[0].class_index, 0);
  EXPECT_EQ(task.seen.objects[1].objects[0].class_index, 1);
}

TEST_F(ObjectSet, ObjectsOfClassesThatTheModelLacksAreLeftOut) {
  const Finder task(micro_config({"trainer.batch_size=2"}).model);
  measure_all(task, {-1, 6});
  std::vector<size_t> counts;
  for (const data::Objects& all : task.seen.objects) counts.push_back(all.objects.size());
  EXPECT_THAT(counts, ElementsAre(0, 1, 1, 0));
  EXPECT_EQ(task.seen.objects[1].objects[0].class_index, 6);
}

// What was found, near and far, with equal scores, in an order that is not that of the ids.
std::vector<Detected> found_in(int64_t i) {
  const auto at = static_cast<double>(i) / 3;
  std::vector<Detected> found;
  for (int64_t k = 0; k < 3; ++k) {
    const int64_t x = 2 + k + i % 2;
    found.push_back({{static_cast<double>(x) + at, 3.1, 6.3 + at, 8},
                     (i + k) % 2,
                     static_cast<double>(float{0.9F - 0.3F * static_cast<float>(k)}),
                     rectangle(20, 24, 3, x, 5, 4)});
  }
  return found;
}

TEST_F(ObjectSet, WrittenDetectionsScoreAsMeasured) {
  const std::string path = (folder_ / "found.json").string();
  DetectionFiles files(path, *set_, {}, {"cat", "dog"});
  tasks::DetectionMetrics boxes(2, tasks::Compared::boxes), masks(2, tasks::Compared::masks);
  const std::vector<int64_t> ranks = {4, 0, 2, 3, 1};
  for (int64_t i = 0; i < set_->size(); ++i) {
    const auto all = std::get<data::Objects>(set_->annotation(i));
    const std::vector<Detected> found = found_in(i);
    files.add(i, all, found);
    for (auto* metrics : {&boxes, &masks}) {
      const bool of_masks = metrics == &masks;
      std::vector<tasks::TrueObject> truth;
      std::vector<data::RunLengths> drawn;
      for (const data::Object& object : all.objects)
        drawn.push_back(data::rasterize(std::get<std::vector<data::Polygon>>(object.mask), 20, 24));
      const auto region = [&](const data::BoundingBox& box, const data::RunLengths* mask) {
        return tasks::Region{box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1,
                             of_masks ? mask : nullptr};
      };
      for (size_t k = 0; k < drawn.size(); ++k)
        truth.push_back({region(all.objects[k].box, &drawn[k]), all.objects[k].class_index,
                         all.objects[k].area, false});
      std::vector<tasks::DetectedObject> detected;
      for (const Detected& one : found) {
        const tasks::Region at = region(one.box, &*one.mask);
        detected.push_back(
            {at, one.class_index, one.score,
             of_masks ? static_cast<double>(data::count_pixels(*one.mask)) : at.width * at.height});
      }
      metrics->add(ranks[static_cast<size_t>(i)], truth, detected);
    }
  }
  files.write();
  const std::string truth = (folder_ / "found_truth.json").string();
  EXPECT_EQ(files.truth_path(), truth);
  const Score score = score_detections({.detections = path, .data = truth, .quiet = true});
  EXPECT_EQ(score.boxes.metrics, boxes.result().metrics);
  ASSERT_TRUE(score.masks);
  EXPECT_EQ(score.masks->metrics, masks.result().metrics);
  EXPECT_GT(score.masks->metrics[0].second, 0);
  EXPECT_LT(score.masks->metrics[0].second, 1);
  EXPECT_EQ(score.classes[1].category_id, 5);
  const data::CocoFile list(truth);
  EXPECT_EQ(list.images()[0].id.number, 40);
}

TEST_F(ObjectSet, ClassesOfTheModelHaveTheIdsOfTheSet) {
  const std::string path = (folder_ / "found.json").string();
  // The model has dog, cow and cat; the set has cat (3) and dog (5).
  DetectionFiles files(path, *set_, std::vector<int64_t>{2, 0}, {"dog", "cow", "cat"});
  const std::vector<Detected> found = {{{1, 2, 3, 4}, 1, 0.5}, {{1, 2, 3, 4}, 2, 0.25}};
  files.add(1, {20, 24, {}}, found);
  files.write();
  const base::Json results = base::parse_json(read_text(path), path);
  EXPECT_EQ(results.items()[0].at("category_id").as_int(), 6);
  EXPECT_EQ(results.items()[1].at("category_id").as_int(), 3);
  EXPECT_EQ(results.items()[1].at("image_id").as_int(), 7);
  EXPECT_EQ(results.items()[1].find("segmentation"), nullptr);
  const base::Json truth = base::parse_json(read_text(files.truth_path()), "truth");
  EXPECT_EQ(truth.at("categories").items()[2].at("name").as_string(), "cow");
  EXPECT_THAT(message_of<base::UsageError>([&] { DetectionFiles("x.txt", *set_, {}, {}); }),
              HasSubstr("--write-detections: found \"x.txt\", expected a name that ends in .json"));
  EXPECT_THROW(DetectionFiles((folder_ / "absent/x.json").string(), *set_, {}, {}),
               base::DiskError);
}

std::vector<ImagePredictions> answers() {
  std::vector<ImagePredictions> all(2);
  all[0].image = "a.jpg";
  all[0].found.emplace();
  all[0].found->size = {20, 24};
  all[0].found->objects = {{{2, 3.5, 6, 8}, 1, 0.75, rectangle(20, 24, 3, 2, 5, 4)},
                           {{0, 0, 24, 20}, 0, 0.5}};
  all[0].found->class_names = {"dog", "cat"};
  all[1].image = "absent.jpg";
  all[1].found.emplace();
  all[1].error = "absent.jpg: no such file";
  return all;
}

TEST(DetectionAnswers, AreJsonWithBoxesAndMasks) {
  const base::Json json = to_json(answers());
  const base::Json& first = json.items()[0];
  EXPECT_EQ(first.at("image").as_string(), "a.jpg");
  EXPECT_EQ(first.at("size").items()[1].as_int(), 24);
  const base::Json& dog = first.at("objects").items()[0];
  EXPECT_EQ(dog.at("class_index").as_int(), 1);
  EXPECT_EQ(dog.at("class_name").as_string(), "dog");
  EXPECT_EQ(dog.at("score").as_real(), 0.75);
  EXPECT_EQ(dog.at("box").items()[1].as_real(), 3.5);
  const data::RunLengths mask = data::read_counts(dog.at("mask").at("counts").as_string(), 20, 24);
  EXPECT_EQ(data::count_pixels(mask), 20);
  EXPECT_EQ(first.at("objects").items()[1].find("mask"), nullptr);
  EXPECT_EQ(first.find("predictions"), nullptr);
  EXPECT_TRUE(json.items()[1].at("objects").items().empty());
  EXPECT_EQ(json.items()[1].find("size"), nullptr);
  EXPECT_EQ(exit_code(answers()), base::ExitCode::data);
}

TEST(DetectionAnswers, AreResultsThatCocoReads) {
  const TemporaryDirectory folder;
  const std::string results = (folder / "detections.json").string(),
                    images = (folder / "images.json").string();
  std::ofstream(results) << coco_results(answers());
  std::ofstream(images) << coco_images(answers(), {"cat", "dog"});
  const data::CocoFile list(images);
  ASSERT_EQ(list.images().size(), 1u);
  const data::CocoResults read(results, list);
  ASSERT_EQ(read.results().size(), 2u);
  EXPECT_EQ(read.results()[0].box, (data::CocoBox{2, 3.5, 4, 4.5}));
  EXPECT_EQ(read.results()[0].class_index, 1);
  EXPECT_EQ(read.results()[0].score, 0.75);
  EXPECT_EQ(read.runs(0), rectangle(20, 24, 3, 2, 5, 4));
  EXPECT_EQ(read.num_masks(), 1);
}

TEST(DetectionDrawings, ShowMasksBoxesAndLabels) {
  const data::Image gray{20, 24, 1, std::vector<uint8_t>(20 * 24, 100)};
  const std::vector<Detected> objects = {{{4, 10, 12, 18}, 1, 0.75, rectangle(20, 24, 10, 4, 8, 8)},
                                         {{4, 10, 12, 18}, 0, 0.5}};
  const data::Image drawn = draw_objects(gray, objects, {"cat", "dog"});
  ASSERT_EQ(drawn.channels, 3);
  EXPECT_EQ(drawn.width, 480);  // 20 times as large
  EXPECT_EQ(drawn.height, 400);
  const auto pixel = [&](int64_t y, int64_t x) {
    const uint8_t* at = drawn.row(y) + 3 * x;
    return std::vector<int>{at[0], at[1], at[2]};
  };
  EXPECT_THAT(pixel(398, 478), ElementsAre(100, 100, 100));
  EXPECT_THAT(pixel(300, 160), ElementsAre(50, 114, 50));    // the mask, half (0, 128, 0)
  EXPECT_THAT(pixel(359, 160), ElementsAre(127, 191, 127));  // the outline of the best, on top
  EXPECT_THAT(pixel(191, 81), ElementsAre(0, 128, 0));       // the ground of its label
  const auto white = [&] {
    int64_t count = 0;
    for (int64_t y = 191; y < 200; ++y)
      for (int64_t x = 80; x < 140; ++x) count += pixel(y, x) == std::vector<int>{255, 255, 255};
    return count;
  };
  EXPECT_GT(white(), 50);  // "dog 0.75"
}

TEST(DetectionDrawings, OfOneClassEachObjectHasAColor) {
  const data::Image black{600, 500, 3, std::vector<uint8_t>(600 * 500 * 3, 0)};
  const std::vector<Detected> objects = {
      {{-5, -5, 100, 100}, 0, 0.9, rectangle(600, 500, 0, 0, 100, 100)},
      {{300, 300, 500, 600}, 0, 0.8, rectangle(600, 500, 300, 300, 300, 200)}};
  const data::Image drawn = draw_objects(black, objects, {"cell"});
  EXPECT_EQ(drawn.height, 600);
  EXPECT_NE(drawn.row(50)[3 * 50], drawn.row(400)[3 * 400]);
  EXPECT_EQ(draw_objects(black, {}, {"cell"}).pixels, black.pixels);
}

}  // namespace
}  // namespace swin::trainers
