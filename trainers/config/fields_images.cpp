// The rows of augment and preprocess.
#include "trainers/config/field_builder.h"
#include "trainers/config/fields.h"

namespace swin::trainers {

using base::Json;
using table::Section;
using table::written;

void add_image_fields(std::vector<Field>& fields) {
  using A = AugmentConfig;
  Section<A> augment(fields, "augment", [](Config& c) -> A& { return c.augment; });
  augment("random_crop", &A::random_crop)
      .range(0, 4096)
      .says("zero padding on each side, in pixels, before a random crop; 0: none",
            "RandomCrop(padding)");
  augment("horizontal_flip", &A::horizontal_flip)
      .range(0, 1)
      .says("probability of mirroring an image", "hflip");
  augment("scaled_decode", &A::scaled_decode)
      .says(
          "decode a JPEG at 1/2, 1/4 or 1/8 of its size if every crop is then still as large as "
          "image_size; faster, but the pixels differ; never in evaluation",
          "draft");
  augment("auto_augment", &A::auto_augment)
      .says(
          "timm's RandAugment as `rand-m9-mstd0.5-inc1` (m magnitude, n operations, p probability, "
          "mstd, mmax, inc), or `cifar10`, AutoAugment's policy for CIFAR; null: none",
          "AUG.AUTO_AUGMENT");
  augment
      .custom(
          "color_jitter", Kind::ratios,
          [](A& a, const Json& json) {
            if (json.is_number())
              a.color_jitter = {json.as_real()};
            else
              table::read(json, a.color_jitter);
          },
          [](const A& a) {
            return a.color_jitter.size() == 1 ? Json(a.color_jitter[0]) : written(a.color_jitter);
          })
      .range(0, 1)
      .items(3, 4)
      .says(
          "largest change of brightness, contrast and saturation, or a list of these three and, "
          "optionally, of hue (at most 0.5); off if auto_augment is set, as in timm",
          "AUG.COLOR_JITTER");
  augment("random_erasing", &A::random_erasing)
      .range(0, 1)
      .says("probability that a box of 0.02 to 1/3 of the area is filled with normal noise",
            "AUG.REPROB");
  augment("mixup", &A::mixup)
      .range(0, 100)
      .says("α of mixup: a batch is mixed with its reverse, with a weight from Beta(α, α); 0: none",
            "AUG.MIXUP");
  augment("cutmix", &A::cutmix)
      .range(0, 100)
      .says(
          "α of cutmix: a box of each image is taken from its partner; its part of the area is 1 - "
          "λ, λ from Beta(α, α); 0: none",
          "AUG.CUTMIX");
  augment("mixup_prob", &A::mixup_prob)
      .range(0, 1)
      .says("probability that a batch is mixed at all", "AUG.MIXUP_PROB");
  augment("mixup_switch_prob", &A::mixup_switch_prob)
      .range(0, 1)
      .says("probability of cutmix instead of mixup, if both are on", "AUG.MIXUP_SWITCH_PROB");
  augment("repeats", &A::repeats)
      .range(1, 1000)
      .says(
          "uses of each image in a row, each with its own augmentation; an epoch keeps its length "
          "and shows 1 / repeats of the images",
          "RepeatAugSampler");
  augment("resize_ratio", &A::resize_ratio)
      .above(0)
      .at_most(100)
      .items(2, 2)
      .says(
          "a random factor between these two of `preprocess.resize` and `preprocess.long_side`; a "
          "random part of at most image_size is cut out, and padded to image_size; null: none",
          "Resize(ratio_range), RandomCrop");
  augment("max_class_ratio", &A::max_class_ratio)
      .above(0)
      .at_most(1)
      .says(
          "for label maps: up to ten other parts are drawn while a class has this part of the "
          "labeled pixels or more; null: the first is taken",
          "cat_max_ratio");
  augment("photometric_distortion", &A::photometric_distortion)
      .says(
          "brightness by -32 to 32, contrast and saturation by 0.5 to 1.5, hue by up to 18 of 180 "
          "steps, each with probability 0.5",
          "PhotoMetricDistortion");
  augment.or_null("short_sides", &A::short_sides)
      .range(1, 65536)
      .items(1, 64)
      .says("one of them at random instead of `preprocess.resize`; null: none",
            "Resize(multiscale_mode='value')");
  augment.or_null("detection_crop", &A::detection_crop)
      .range(1, 65536)
      .items(2, 2)
      .says(
          "in half of the images, before the resize to one of `short_sides`, a random crop with "
          "sides of this smallest and largest number of pixels, at a short side of 2/3, 5/6 or all "
          "of the largest; null: none",
          "RandomCrop('absolute_range')");
  augment("large_scale_jitter", &A::large_scale_jitter)
      .above(0)
      .at_most(100)
      .items(2, 2)
      .says(
          "a random factor between these two of the largest size that fits image_size; a random "
          "part of at most image_size is cut out, and padded to image_size; null: none",
          "ScaleJitter, FixedSizeCrop");

  using R = ResizedCropConfig;
  Section<R> crop(
      fields, "augment.random_resized_crop",
      [](Config& c) -> R& { return *c.augment.random_resized_crop; },
      [](const Config& c) { return c.augment.random_resized_crop.has_value(); });
  crop("scale", &R::scale)
      .above(0)
      .at_most(1)
      .items(2, 2)
      .says(
          "a random box is resized to image_size: smallest and largest part of the image's area in "
          "it; without the object, or with null, there is no such crop",
          "RandomResizedCrop(scale)");
  crop("ratio", &R::ratio)
      .above(0)
      .at_most(1000)
      .items(2, 2)
      .says("smallest and largest width / height of the box", "RandomResizedCrop(ratio)");

  using P = PreprocessConfig;
  Section<P> preprocess(fields, "preprocess", [](Config& c) -> P& { return c.preprocess; });
  preprocess("resize", &P::resize)
      .range(1, 65536)
      .by_default(
          "int(256/224 · image_size), null up to 32 px and where pixels or objects have classes; "
          "with long_side image_size")
      .says(
          "short side before the center crop; null: an image of another size is resized directly "
          "to image_size",
          "TEST.CROP");
  preprocess("crop_pct", &P::crop_pct)
      .above(0)
      .at_most(1)
      .says("instead of resize, as in timm: resize = int(short side of image_size / crop_pct)",
            "crop_pct");
  preprocess("interpolation", &P::interpolation)
      .one_of({"bilinear", "bicubic", "lanczos"})
      .says("filter of the resize, as in Pillow", "DATA.INTERPOLATION");
  preprocess("mean", &P::mean)
      .range(0, 1)
      .items(1, 3)
      .by_default("ImageNet's for 3 channels, else `[0.5]`")
      .says("per channel, of pixels in 0…1", "IMAGENET_DEFAULT_MEAN");
  preprocess("std", &P::std)
      .above(0)
      .at_most(1)
      .items(1, 3)
      .by_default("ImageNet's for 3 channels, else `[0.5]`")
      .says("per channel, of pixels in 0…1", "IMAGENET_DEFAULT_STD");
  preprocess("exif_orientation", &P::exif_orientation)
      .says("rotate and mirror images as their EXIF data say; timm and torchvision do not");
  preprocess("long_side", &P::long_side)
      .range(1, 65536)
      .says(
          "keep the ratio of images, without a crop: the short side becomes `resize`, or less "
          "where "
          "the long side would be more than this; a batch is padded to its largest image, in "
          "multiples of 32; null: every image gets image_size",
          "img_scale, keep_ratio");
}

}  // namespace swin::trainers
