// The values that leave the loader, pinned: a change of the way they are computed must not change
// one bit of them. Augmentation uses base/math alone, so they are equal on every machine.
#include <gtest/gtest.h>

#include <cstdio>

#include "data/formats/formats.h"
#include "data/loader.h"
#include "data/transforms/mixing.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

struct Recipe {
  const char* name;
  base::Size2 stored, model;
  int64_t channels;
  std::optional<int64_t> resize;
  bool training;
  Augment augment;
  Mixing mixing;
  const char* sha256;
  std::optional<int64_t> long_side = {};
};

std::vector<Recipe> recipes() {
  Augment crop{.random_crop = 3, .horizontal_flip = 0.5};
  Augment cut{.horizontal_flip = 0.5};
  cut.random_resized_crop.emplace();
  Augment policy = cut;
  policy.auto_augment.emplace("rand-m9-mstd0.5-inc1");
  policy.random_erasing = 0.5;
  Augment cifar = crop;
  cifar.auto_augment.emplace("cifar10");
  Augment jitter = crop;
  jitter.color_jitter = {0.4, 0.3, 0.5, 0.1};
  Augment repeats = cut;
  repeats.repeats = 3;
  Augment erasing;
  erasing.random_erasing = 0.7;
  Augment segmentation{.horizontal_flip = 0.5, .photometric_distortion = true};
  segmentation.resize_ratio = {0.5, 2};
  Augment detection{.horizontal_flip = 0.5};
  detection.short_sides = {20, 25, 30};
  detection.detection_crop = {12, 18};
  Augment jittered = segmentation;
  jittered.resize_ratio.reset();
  jittered.large_scale_jitter = {0.1, 2};
  return {
      {"evaluation, same size",
       {20, 24},
       {20, 24},
       3,
       {},
       false,
       crop,
       {},
       "01bc382a789580246ba3ce5b90ba18700dcae7b5c184dc288ce830a153228c53"},
      {"evaluation, squashed",
       {31, 24},
       {20, 24},
       3,
       {},
       false,
       {},
       {},
       "c8250b7f2e43a1d6fdfd2e7b5a18eb531536e04ab5ab4090b79c2ea8c796d686"},
      {"evaluation, resized and cropped",
       {50, 40},
       {20, 24},
       3,
       30,
       false,
       {},
       {},
       "cfc593d4e6d53a1ccd9669cb6c4ac02dc2fa02043ddcd578b9d537eaa6aca4f7"},
      {"evaluation, cropped",
       {40, 30},
       {20, 24},
       1,
       30,
       false,
       {},
       {},
       "d285058d7bbe69dade2fc347e36f68e2fe226bc1426d94aa4526ab8ba203902a"},
      {"evaluation, padded",
       {50, 40},
       {20, 24},
       3,
       17,
       false,
       {},
       {},
       "af2c93e8748e496d4ef4d130286d44d233475525d2c6a7b55330aaaa14233bf1"},
      {"evaluation, padded without resize",
       {17, 40},
       {20, 24},
       3,
       17,
       false,
       {},
       {},
       "9a96fd595d73cd4c7e3a59dbff8213a247d574775a5c7b1c77e07d062377b224"},
      {"crop and flip",
       {20, 24},
       {20, 24},
       3,
       {},
       true,
       crop,
       {},
       "91964dd7e3726d095cc902699a0831697885c782644904208bb556f5700b9118"},
      {"crop and flip after resize and crop",
       {50, 40},
       {20, 24},
       3,
       30,
       true,
       crop,
       {},
       "bf97cec5a78ac4f9ae69df2db3ad8fdc47f0403787db229b8e0f311b4b3dee1e"},
      {"crop and flip after crop",
       {40, 30},
       {20, 24},
       3,
       30,
       true,
       crop,
       {},
       "e82c70e1a626dbc24f68a3ef7ca162c79a85c2ce5541b264319a984c1c8a599c"},
      {"crop and flip after padding",
       {50, 40},
       {20, 24},
       1,
       17,
       true,
       crop,
       {},
       "fd2face1d7f0909091d2ade50703aa8edb0375b79260a03ff33f25c6db60154a"},
      {"random resized crop",
       {50, 40},
       {20, 24},
       3,
       {},
       true,
       cut,
       {},
       "d7213163dbcd0af5a666697a9196ba6f8790c99c5d06170b31fb91545833e939"},
      {"the whole of ImageNet's recipe",
       {50, 40},
       {20, 24},
       3,
       {},
       true,
       policy,
       {0.8, 1},
       "8e289d387c240c0e87d7560e8a12b32b7bff8fb0f7d4697f3b78eef00469bf49"},
      {"policy of CIFAR",
       {20, 24},
       {20, 24},
       3,
       {},
       true,
       cifar,
       {0, 1},
       "3d1ce8076f2d4b072a8be164dcac7801dcb2917488d986ded4287e084e7f0adf"},
      {"policy of CIFAR, gray",
       {20, 24},
       {20, 24},
       1,
       {},
       true,
       cifar,
       {0.8, 0},
       "dc9087be7b773c14459aabf9ca7e347edd5af35d518daab113c616fdfaf4ca21"},
      {"color jitter after padding",
       {50, 40},
       {20, 24},
       3,
       17,
       true,
       jitter,
       {},
       "2978a2cdbd4457d0f33dd0c746de12971d907da6620a806edf9b6a6caae61b90"},
      {"repeats",
       {50, 40},
       {20, 24},
       3,
       {},
       true,
       repeats,
       {},
       "202bad099073a3b4166c07bb06937f35299f61c33a4cfdd767e86ba1f764af86"},
      {"erasing alone",
       {20, 24},
       {20, 24},
       3,
       {},
       true,
       erasing,
       {},
       "748f56eeaf84edcd6e26087efb93f4031bd51d706aab1fa985bb8826333e346f"},
      {"evaluation, keeping the ratio",
       {50, 40},
       {20, 24},
       3,
       22,
       false,
       {},
       {},
       "d87ea5cab91790402e7f7d3b0ea877f779203c246f61eff05899087c283876bc",
       88},
      {"ratio, part and distortion",
       {50, 40},
       {20, 24},
       3,
       22,
       true,
       segmentation,
       {},
       "9b40cc2dedf7115809bfa4db733a5f9d5b546fcbb98761304d8916acbfe754ff",
       88},
      {"several sizes and the crop of detection",
       {50, 40},
       {20, 24},
       3,
       22,
       true,
       detection,
       {},
       "702f9d27008286193eefe1daa6a00709af4f0026018f512293e25aacabad46d9",
       88},
      {"large-scale jitter and distortion",
       {50, 40},
       {20, 24},
       3,
       22,
       true,
       jittered,
       {},
       "a2016283329dd2f1cf9ece8c55d26552fcb5c3b03ae064324682cb4e0444b8b7",
       {}},
  };
}

TEST(LoaderPixels, AreThoseOfEveryEarlierVersion) {
  for (const Recipe& recipe : recipes()) {
    DatasetOptions set;
    set.format = "synthetic";
    set.channels = recipe.channels;
    set.synthetic_samples = 24;
    set.synthetic_size = recipe.stored;
    const auto dataset = open_dataset(set);
    LoaderOptions options;
    options.batch_size = 12;
    options.shuffle = options.training = recipe.training;
    options.seed = 4;
    options.preprocess = {.height = recipe.model[0],
                          .width = recipe.model[1],
                          .channels = recipe.channels,
                          .resize = recipe.resize,
                          .long_side = recipe.long_side,
                          .mean = {0.45f},
                          .std = {0.25f}};
    options.augment = recipe.augment;
    Loader loader(*dataset, options);
    loader.start(1);
    files::Sha256 digest;
    uint64_t number = 0;
    for (Batch batch; loader.next(batch);) {
      mix(draw_mix(recipe.mixing, recipe.model[0], recipe.model[1], 4, 1, number++),
          recipe.model[0], recipe.model[1], recipe.channels, batch);
      digest.update(std::as_bytes(std::span(batch.images)));
      digest.update(std::as_bytes(std::span(batch.labels)));
      digest.update(std::as_bytes(std::span(batch.own_share)));
    }
    EXPECT_EQ(files::to_hex(digest.finish()), recipe.sha256) << recipe.name;
  }
}

}  // namespace
}  // namespace swin::data
