// Where the time of a training image goes, from file to normalized numbers.
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
  double decoded_pixels = 0;  ///< of an image as it is decoded, the mean
};

/// Reads, decodes, resizes, augments and normalizes images of a shuffled epoch on the calling
/// thread, one stage after the other, as the loader does (an image is decoded once for its
/// repeats), for about `seconds` and at least one image; bad images are left out. Stages: read and
/// decode where the set holds files, else load; resize (or crop); normalize (crop with padding and
/// flip are part of it); augment, where colors change or boxes are erased, is what the whole sample
/// takes beyond those two. The loader's own work beside them is a copy of nothing: samples are
/// written into the batch.
/// @param decode what the data set was opened with.
/// @throws DataError where no image can be read.
DataStages measure_stages(const data::Dataset& dataset, const data::DecodeOptions& decode,
                          const data::LoaderOptions& options, double seconds);

}  // namespace swin::trainers
