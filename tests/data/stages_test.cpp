// The list of stages, and annotations of every kind on their way through the loader.
#include "data/stages.h"

#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "data/loader.h"
#include "tests/data/label_files.h"
#include "tests/data/one_image.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const std::vector<Stage>& stages) {
  std::vector<std::string> names;
  for (const Stage& stage : stages) names.push_back(stage.name);
  return names;
}

Preprocess small() {
  return {.height = 12, .width = 16, .channels = 3, .mean = {0.4f}, .std = {0.3f}};
}

Image gradient(int64_t height, int64_t width) {
  Image image;
  image.reshape(height, width, 3);
  image.pixels = noise(height * width * 3);
  return image;
}

TEST(Stages, AreThoseThatTheAugmentationNeeds) {
  const OneImage pixels(gradient(20, 30));
  const Stages plain(pixels, small(), {});
  EXPECT_THAT(names_of(plain.load), ElementsAre("load"));
  EXPECT_THAT(names_of(plain.make), ElementsAre("resize", "normalise"));
  Augment augment;
  augment.color_jitter.hue = 0.1;
  EXPECT_THAT(names_of(Stages(pixels, small(), augment).make),
              ElementsAre("resize", "augment", "normalise"));
  augment = {.random_erasing = 0.5};
  EXPECT_THAT(names_of(Stages(pixels, small(), augment).make),
              ElementsAre("resize", "augment", "normalise", "augment"));
}

TEST(Stages, OfFilesReadAndDecode) {
  const TemporaryDirectory folder;
  folder.write("a/1.png", read_bytes(golden_path("images/rgb.png")));
  DatasetOptions options;
  options.format = "image_folder";
  options.path = folder.path();
  const auto dataset = open_dataset(options);
  const Stages stages(*dataset, small(), {});
  EXPECT_THAT(names_of(stages.load), ElementsAre("read", "decode"));
  Work work;
  stages.load_source(0, work);
  EXPECT_EQ(work.source.image, dataset->load(0));
  EXPECT_EQ(std::get<OneClass>(work.source.annotation).index, 0);
  folder.write("a/1.png", "text");
  EXPECT_THROW(stages.load_source(0, work), base::DataError);
  EXPECT_FALSE(work.loaded);  // a half-loaded image is never taken for its repeat
}

Objects one_object(int64_t height, int64_t width) {
  return {height, width, {{{2, 3, 12, 11}, 4, {}, false, 80}}};
}

LoaderOptions training_options() {
  LoaderOptions options;
  options.training = true;
  options.seed = 6;
  options.preprocess = small();
  options.augment = {.random_crop = 2, .horizontal_flip = 0.5};
  options.augment.random_resized_crop.emplace();
  return options;
}

// The annotation of a batch is that of the same draw as its pixels.
TEST(Loader, AnnotationsFollowTheDrawOfTheImage) {
  const LabelMap map{20, 30, [] {
                       std::vector<uint16_t> classes(600);
                       for (size_t i = 0; i < 600; ++i) classes[i] = static_cast<uint16_t>(i);
                       return classes;
                     }()};
  for (const Annotation& annotation : {Annotation(map), Annotation(one_object(20, 30))}) {
    const OneImage dataset(gradient(20, 30), annotation);
    const LoaderOptions options = training_options();
    for (const int workers : {0, 2}) {
      LoaderOptions with_workers = options;
      with_workers.workers = workers;
      Loader loader(dataset, with_workers);
      for (int64_t epoch = 0; epoch < 6; ++epoch) {
        loader.start(epoch);
        Batch batch;
        ASSERT_TRUE(loader.next(batch));
        const Geometry geometry = draw_geometry({20, 30}, options.preprocess, options.augment,
                                                {options.seed, static_cast<uint64_t>(epoch), 0});
        EXPECT_EQ(batch.annotations[0], transformed(geometry, annotation));
        EXPECT_THAT(batch.labels, ElementsAre(0));
        EXPECT_EQ(batch.padded_size, (base::Size2{12, 16}));
        EXPECT_THAT(batch.real_sizes, ElementsAre(base::Size2{12, 16}));
        EXPECT_THAT(batch.original_sizes, ElementsAre(base::Size2{20, 30}));
      }
    }
  }
}

TEST(Loader, AnAnnotationOfAnotherSizeMakesABadImage) {
  const OneImage dataset(gradient(20, 30), one_object(30, 20));
  LoaderOptions options = training_options();
  Loader strict(dataset, options);
  strict.start(0);
  Batch batch;
  EXPECT_THAT(data_error([&] { strict.next(batch); }),
              HasSubstr("the image: found objects in an image of 30 × 20"));
  options.training = false;
  options.on_bad = OnBad::skip;
  Loader counting(dataset, options);
  counting.start(0);
  ASSERT_TRUE(counting.next(batch));
  ASSERT_EQ(batch.bad.size(), 1u);
  EXPECT_THAT(batch.original_sizes, ElementsAre(base::Size2{0, 0}));
}

// Its operations shear and move the pixels alone.
TEST(Loader, RefusesAPolicyForAnnotationsOfPlaces) {
  const OneImage dataset(gradient(20, 30), one_object(20, 30));
  LoaderOptions options = training_options();
  options.augment.auto_augment.emplace("rand-m9");
  EXPECT_THROW(Loader(dataset, options), base::UsageError);
  options.training = false;  // nothing is augmented
  const Loader loader(dataset, options);
}

// A label map is a file of its own.
TEST(Stages, LabelMapsAreReadInAStageOfTheirOwn) {
  const TemporaryDirectory folder;
  folder.write("images/a.png", image_png(2, 3));
  folder.write("masks/a.png", label_png(2, 3, {0, 1, 2, 2, 1, 0}));
  DatasetOptions options = dataset_options("label_maps", folder.path());
  options.split = Split::none;
  const auto set = open_dataset(options);
  const Stages stages(*set, small(), {});
  EXPECT_THAT(names_of(stages.load), ElementsAre("read", "decode", "annotate"));
  Work work;
  stages.load_source(0, work);
  EXPECT_EQ(work.source.annotation, set->annotation(0));
  EXPECT_EQ(work.loaded, 0);
}

}  // namespace
}  // namespace swin::data
