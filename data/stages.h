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
  Geometry geometry;
  Annotation annotation;  ///< of the source, as the geometry changes it
  /// The image so far; the sample is the window of it at `corner`, mirrored if `flip`.
  const Image* image = nullptr;
  Corner corner;
  bool flip = false;
  std::optional<Box> erased;  ///< in the sample
  float* out = nullptr;       ///< (height, width, channels), normalized

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
  Stages(const Dataset& dataset, const Preprocess& preprocess, const Augment& augment);

  /// From Work::index to Work::source: read and decode if the set holds files, else load.
  std::vector<Stage> load;
  /// From Work::source and Work::draw to Work::out: resize; augment, if colors change or boxes are
  /// erased; normalise, which includes the padding and the flip where no color changes.
  std::vector<Stage> make;

  /// Runs all of `load`. @throws DataError for an image that cannot be read, or whose annotation is
  /// for an image of another size.
  void load_source(int64_t index, Work& work) const {
    work.loaded.reset();
    work.index = index;
    for (const Stage& stage : load) stage.run(*this, work);
  }
  /// Runs all of `make`.
  void make_sample(const Draw& draw, float* out, Work& work) const {
    work.draw = draw;
    work.out = out;
    for (const Stage& stage : make) stage.run(*this, work);
  }

  const Dataset& dataset;
  const Preprocess preprocess;
  const Augment augment;
  const Normalization normalization;
};

}  // namespace swin::data
