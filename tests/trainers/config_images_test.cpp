// The fields of augment and preprocess that keep the ratio of images: what they set, and what of
// them excludes each other. Each remedy is followed, and must work.
#include <gmock/gmock.h>

#include "tests/trainers/config_files.h"

namespace swin::trainers {
namespace {

using Sets = std::vector<std::string>;

const Sets kLongSide = {"preprocess.long_side=512"};
const Sets kRecipe = {"task.name=semantic_segmentation", "preprocess.resize=128",
                      "preprocess.long_side=512",        "augment.resize_ratio=[0.5,2]",
                      "augment.max_class_ratio=0.75",    "augment.photometric_distortion=true"};

Sets operator+(Sets a, const Sets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(LongSide, KeepsTheRatioInsteadOfACrop) {
  const Config config = memory_config(kSynthetic, kLongSide);
  EXPECT_EQ(config.preprocess.long_side, 512);
  EXPECT_EQ(config.preprocess.resize, 224);  // the short side of image_size
  const Config smaller = memory_config(kSynthetic, kLongSide + Sets{"preprocess.resize=100"});
  EXPECT_EQ(smaller.preprocess.resize, 100);
  for (const Config& one : {config, smaller, memory_config(kSynthetic, kRecipe)})
    EXPECT_EQ(to_json(parse_config(to_json(one))), to_json(one));
  const Config none = memory_config(kSynthetic);
  EXPECT_FALSE(none.preprocess.long_side || none.augment.resize_ratio ||
               none.augment.max_class_ratio || none.augment.large_scale_jitter ||
               none.augment.photometric_distortion || none.data.group_by_aspect_ratio);
  EXPECT_TRUE(none.augment.short_sides.empty() && none.augment.detection_crop.empty());
}

struct Conflict {
  Sets sets;
  std::string refusal;
  Sets remedy;
};

TEST(LongSide, FieldsThatExcludeEachOtherAreRefused) {
  const Sets multi_scale = kLongSide + Sets{"augment.short_sides=[224,256]"};
  const std::vector<Conflict> conflicts = {
      {{"augment.resize_ratio=[0.5,2]"},
       "augment.resize_ratio: found a value but no preprocess.long_side, expected the longest side "
       "of an image; set preprocess.long_side",
       kLongSide},
      {{"augment.short_sides=[100]"},
       "augment.short_sides: found a value but no preprocess.long_side, expected the longest side "
       "of an image; set preprocess.long_side",
       kLongSide},
      {kRecipe + Sets{"augment.resize_ratio=[2,0.5]"},
       "augment.resize_ratio: found a smallest value above the largest; swap them",
       {"augment.resize_ratio=[0.5,2]"}},
      {{"augment.large_scale_jitter=[2,0.1]"},
       "augment.large_scale_jitter: found a smallest value above the largest; swap them",
       {"augment.large_scale_jitter=[0.1,2]"}},
      {multi_scale + Sets{"augment.detection_crop=[600,384]"},
       "augment.detection_crop: found a smallest value above the largest; swap them",
       {"augment.detection_crop=[384,600]"}},
      {kLongSide + Sets{"augment.detection_crop=[384,600]"},
       "augment.detection_crop: found a value but no short_sides, expected those that the crop is "
       "resized to; set augment.short_sides",
       {"augment.short_sides=[224]"}},
      {kRecipe + Sets{"augment.large_scale_jitter=[0.1,2]"},
       "augment.large_scale_jitter: found a value and resize_ratio, expected one of them: both "
       "choose the size; set augment.resize_ratio to null",
       {"augment.resize_ratio=null"}},
      {multi_scale + Sets{"augment.random_resized_crop={}"},
       "augment.short_sides: found a value and random_resized_crop, expected one of them: both "
       "choose the size; set augment.random_resized_crop to null",
       {"augment.random_resized_crop=null"}},
      {kLongSide + Sets{"augment.resize_ratio=[0.5,2]", "augment.max_class_ratio=0.5"},
       "augment.max_class_ratio: found a value, expected null: task classification has no label "
       "maps; set it to null",
       {"augment.max_class_ratio=null"}},
      {{"task.name=semantic_segmentation", "augment.max_class_ratio=0.5"},
       "augment.max_class_ratio: found a value but no random part to choose, expected one; set "
       "augment.resize_ratio, or max_class_ratio to null",
       {"augment.max_class_ratio=null"}},
      {kLongSide + Sets{"augment.random_crop=4"},
       "augment.random_crop: found 4, expected 0: images that keep their ratio have no such "
       "padding; set it to 0",
       {"augment.random_crop=0"}},
      {kLongSide + Sets{"augment.scaled_decode=true"},
       "augment.scaled_decode: found true, expected false: images that keep their ratio, or whose "
       "pixels are annotated, are decoded whole; set it to false",
       {"augment.scaled_decode=false"}},
      {kLongSide + Sets{"augment.cutmix=1"},
       "augment.cutmix: found 1.0, expected 0: the images of a batch have several sizes; set it to "
       "0",
       {"augment.cutmix=0"}},
      {{"data.group_by_aspect_ratio=true"},
       "data.group_by_aspect_ratio: found true, expected false: all training images have the size "
       "model.image_size; set it to false",
       {"data.group_by_aspect_ratio=false"}},
      {kLongSide + Sets{"data.group_by_aspect_ratio=true", "augment.repeats=2"},
       "data.group_by_aspect_ratio: found true and augment.repeats, expected one of them; set it "
       "to false",
       {"data.group_by_aspect_ratio=false"}},
      {{"augment.photometric_distortion=true", "augment.color_jitter=0.4"},
       "augment.photometric_distortion: found true and color_jitter, expected one of them; set "
       "augment.color_jitter to 0",
       {"augment.color_jitter=0"}},
      {{"augment.photometric_distortion=true", "augment.auto_augment=rand-m9"},
       "augment.photometric_distortion: found true and auto_augment, expected one of them; set "
       "augment.auto_augment to null",
       {"augment.auto_augment=null"}},
      {kLongSide + Sets{"preprocess.crop_pct=0.9"},
       "preprocess.crop_pct: found a value and long_side, expected one of them; set it to null",
       {"preprocess.crop_pct=null"}},
      {kLongSide + Sets{"preprocess.resize=null"},
       "preprocess.resize: found null and a long_side, expected the short side; set it to a "
       "number, "
       "or long_side to null",
       {"preprocess.resize=224"}},
      {kLongSide + Sets{"preprocess.resize=600"},
       "preprocess.long_side: found 512, expected at least preprocess.resize, 600",
       {"preprocess.long_side=600"}},
      {kLongSide + Sets{"model.ape=true"},
       "preprocess.long_side: found a value and positions that are learned for images of one size "
       "(model.ape), expected null; set it to null",
       {"preprocess.long_side=null"}},
      {kLongSide + Sets{"model.name=vit"},
       "preprocess.long_side: found a value and positions that are learned for images of one size "
       "(model.name \"vit\"), expected null; set it to null",
       {"preprocess.long_side=null"}},
      {kLongSide + Sets{"task.name=simmim"},
       "preprocess.long_side: found a value, expected null: task simmim takes images of "
       "model.image_size; set it to null",
       {"preprocess.long_side=null"}},
  };
  for (const Conflict& conflict : conflicts) {
    try {
      memory_config(kSynthetic, conflict.sets);
      ADD_FAILURE() << "accepted, expected: " << conflict.refusal;
    } catch (const base::UsageError& error) {
      EXPECT_THAT(error.what(), testing::EndsWith(conflict.refusal));
    }
    EXPECT_NO_THROW(memory_config(kSynthetic, conflict.sets + conflict.remedy)) << conflict.refusal;
  }
}

}  // namespace
}  // namespace swin::trainers
