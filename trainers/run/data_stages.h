// The time that each stage of a training image takes, from its file to normalized values.
#pragma once
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

/// Times the stages of the loader (data/stages.h) on the calling thread, for training images of a
/// shuffled epoch (an image is loaded once for all its repeats), for about `seconds` and at least
/// one image; bad images are left out. The loader adds no copy to these: it writes samples into the
/// batch.
/// @throws DataError if no image can be read.
DataStages measure_stages(const data::Dataset& dataset, const data::LoaderOptions& options,
                          double seconds);

}  // namespace swin::trainers
