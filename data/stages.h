// The way of an image from the data set into a batch, as a list of stages: geometry, then color,
// and the normalization last. The loader runs the list, `benchmark data` times it, and `data
// preview` draws what comes out of it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/transforms/augment.h"

namespace swin::data {

/// A sample on its way. A thread keeps one, because its memory is reused.
struct Work {
  int64_t index = 0;              ///< in the data set
  std::optional<int64_t> loaded;  ///< the index of `source`, once all of it is there
  std::span<const uint8_t> file;
  Sample source;
  Draw draw;
  base::Size2 padded_size{};  ///< of the batch: right of and below the sample there is padding
  Geometry geometry;          ///< without it
  Annotation annotation;      ///< of the source, as the geometry and the padding change it
  /// The image so far; the sample is the window of it at `corner`, mirrored if `flip`.
  const Image* image = nullptr;
  Corner corner;
  bool flip = false;
  std::optional<Box> erased;  ///< in the sample
  float* out = nullptr;       ///< (padded_size, channels), normalized

  // What the above refer to, and scratch.
  std::vector<uint8_t> memory, between;
  Image resized, changed, scratch;
};

class Stages;

struct Stage {
  const char* name;  ///< as `benchmark data` reports it; stages of one name are added up
  void (*run)(const Stages&, Work&);
};

class Stages {
 public:
  /// @param dataset must outlive this.   @param augment its default is the transform of evaluation.
  /// @param original_annotations label maps and objects stay as they are in the data set, for
  ///   metrics, which are those of the original images.
  Stages(const Dataset& dataset, const Preprocess& preprocess, const Augment& augment,
         bool original_annotations = false);

  /// From Work::index to Work::source: read and decode if the set holds files, else load.
  std::vector<Stage> load;
  /// From Work::source, Work::draw and Work::padded_size to Work::out: resize; augment, if colors
  /// change or boxes are erased; normalise, which includes the padding and the flip where no color
  /// changes.
  std::vector<Stage> make;

  /// Runs all of `load`. @throws DataError for an image that cannot be read, or whose annotation is
  /// for an image of another size.
  void load_source(int64_t index, Work& work) const {
    work.loaded.reset();
    work.index = index;
    for (const Stage& stage : load) stage.run(*this, work);
  }
  /// (height, width) of the sample of an image of this size, without decoding it.
  base::Size2 sample_size(const base::Size2& image, const Draw& draw) const {
    if (!sizes_vary(preprocess, augment)) return {preprocess.height, preprocess.width};
    const Box window = draw_geometry(image, preprocess, augment, draw).window;
    return {window.height, window.width};
  }
  /// Runs all of `make`.
  /// @param padded_size at least the sample_size of each image; a larger sample, that of an image
  ///   which replaces a bad one, is made smaller.
  void make_sample(const Draw& draw, const base::Size2& padded_size, float* out, Work& work) const {
    work.draw = draw;
    work.padded_size = padded_size;
    work.out = out;
    for (const Stage& stage : make) stage.run(*this, work);
  }

  const Dataset& dataset;
  const Preprocess preprocess;
  const Augment augment;
  const bool original_annotations;
  const Normalization normalization;
};

}  // namespace swin::data
