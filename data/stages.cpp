#include "data/stages.h"

#include <algorithm>
#include <cmath>

namespace swin::data {
namespace {

constexpr size_t kKeptBytes = 8 << 20;  // memory for files that a thread keeps between two images

void read_file(const Stages& stages, Work& work) {
  work.file = stages.dataset.encoded(work.index, work.memory);
}

void annotate(const Stages& stages, Work& work) {
  work.source.annotation = stages.dataset.annotation(work.index);
  const Image& image = work.source.image;
  check_fits(work.source.annotation, {image.height, image.width}, stages.dataset.name(work.index));
  work.loaded = work.index;
}

void decode(const Stages& stages, Work& work) {
  stages.dataset.decode(work.index, work.file, work.source.image);
  if (work.memory.capacity() > kKeptBytes) std::vector<uint8_t>().swap(work.memory);
}

void load_image(const Stages& stages, Work& work) {
  stages.dataset.load(work.index, work.source.image);
}

// The classes of a whole image need no decoding: the time is too short for a stage of its own.
template <void (*read)(const Stages&, Work&)>
void annotated(const Stages& stages, Work& work) {
  read(stages, work);
  annotate(stages, work);
}

void resize(const Stages& stages, Work& work) {
  const Image& image = work.source.image;
  work.geometry = draw_geometry({image.height, image.width}, stages.preprocess, stages.augment,
                                work.draw, work.source.annotation);
  const Box& window = work.geometry.window;
  if (window.height > work.padded_size[0] || window.width > work.padded_size[1])
    work.geometry = fitted_into(work.geometry, work.padded_size);
  work.image = &resize_visible(work.geometry, image, stages.preprocess.interpolation, work.resized,
                               work.between);
  work.corner = window_corner(work.geometry);
  work.flip = work.geometry.flip;
  work.annotation =
      stages.original_annotations
          ? work.source.annotation
          : transformed(padded(work.geometry, work.padded_size), work.source.annotation);
}

void flip_rows(Image& image) {
  const int64_t c = image.channels;
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t* left = image.row(y);
    uint8_t* right = left + (image.width - 1) * c;
    for (; left < right; left += c, right -= c) std::swap_ranges(left, left + c, right);
  }
}

/// As in timm, pixels from outside the image get the mean color. torchvision's policy for CIFAR
/// uses the nearest pixel and fills with black.
Canvas canvas_of(const Preprocess& preprocess, const Augment& augment) {
  Canvas canvas;
  if (!augment.auto_augment) return canvas;
  if (!augment.auto_augment->is_rand()) return {Sampling::nearest, {0, 0, 0}};
  canvas.sampling =
      preprocess.interpolation == Interpolation::bilinear ? Sampling::bilinear : Sampling::bicubic;
  for (size_t c = 0; c < 3; ++c) {
    const float mean = preprocess.mean[preprocess.mean.size() > c ? c : 0];
    canvas.fill[c] = static_cast<uint8_t>(
        std::clamp(std::nearbyint(255.0 * static_cast<double>(mean)), 0.0, 255.0));
  }
  return canvas;
}

// Policies and color jitter are applied to the cropped and flipped window.
void change_colors(const Stages& stages, Work& work) {
  const Box& window = work.geometry.window;
  crop(*work.image, work.corner, window.height, window.width, work.changed);
  if (work.flip) flip_rows(work.changed);
  const Canvas canvas = canvas_of(stages.preprocess, stages.augment);
  for (const Choice& choice : draw_colors(stages.augment, {window.height, window.width}, work.draw))
    apply(choice.operation, choice.argument, canvas, work.changed, work.scratch);
  work.image = &work.changed;
  work.corner = {};
  work.flip = false;
}

void change(const Stages& stages, Work& work) {
  const Box& window = work.geometry.window;
  if (stages.augment.colors()) change_colors(stages, work);
  work.erased =
      random_erasing(stages.augment.random_erasing, window.height, window.width, work.draw);
}

void normalize(const Stages& stages, Work& work) {
  const Box& window = work.geometry.window;
  write_normalized(*work.image, work.corner, window.height, window.width, work.flip,
                   stages.normalization, work.out, work.padded_size[1]);
  write_padding({window.height, window.width}, work.padded_size, stages.normalization.channels(),
                work.out);
}

void erase_box(const Stages&, Work& work) {
  if (work.erased)
    erase(*work.erased, work.padded_size[1], work.image->channels, work.draw, work.out);
}

}  // namespace

Stages::Stages(const Dataset& set, const Preprocess& to, const Augment& changes, bool original)
    : dataset(set),
      preprocess(to),
      augment(changes),
      original_annotations(original),
      normalization(to.channels, to.mean, to.std) {
  const bool decodes_annotation = has_pixels_or_objects(set.annotation_kind());
  if (set.holds_files())
    load = {{"read", read_file}, {"decode", decodes_annotation ? decode : annotated<decode>}};
  else
    load = {{"load", decodes_annotation ? load_image : annotated<load_image>}};
  if (decodes_annotation) load.push_back({"annotate", annotate});
  make = {{"resize", resize}};
  const bool erases = augment.random_erasing > 0;
  if (augment.colors() || erases) make.push_back({"augment", change});
  make.push_back({"normalise", normalize});
  if (erases) make.push_back({"augment", erase_box});  // with normalized noise
}

}  // namespace swin::data
