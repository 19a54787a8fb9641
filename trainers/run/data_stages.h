// The time that each stage of a training image takes, from its file to normalized values.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/loader.h"

namespace swin::trainers {

struct DataStage {
  std::string name;
  double seconds_per_image = 0;  ///< of one core
};

struct DataStages {
  std::vector<DataStage> stages;
  double decoded_pixels = 0;  ///< per decoded image, the mean
};

/// Reads, decodes, resizes, augments and normalizes images of a shuffled epoch on the calling
/// thread, one stage after the other, as the loader does (an image is decoded once for all its
/// repeats), for about `seconds` and at least one image; bad images are left out. The stages:
/// - read and decode if the set holds files, else load;
/// - resize (or crop);
/// - normalize, which includes the crop with padding and the flip;
/// - augment, if colors change or boxes are erased: the time of the whole sample less the two
/// before. The loader adds no copy to these: it writes samples into the batch.
/// @param decode the options with which the data set was opened.
/// @throws DataError if no image can be read.
DataStages measure_stages(const data::Dataset& dataset, const data::DecodeOptions& decode,
                          const data::LoaderOptions& options, double seconds);

}  // namespace swin::trainers
