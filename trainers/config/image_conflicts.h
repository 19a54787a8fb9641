// Which fields of augment and preprocess exclude each other.
#pragma once
#include <optional>
#include <string>

#include "trainers/config/config.h"

namespace swin::trainers {

struct Conflict {
  std::string path;  ///< of a field
  std::string found, remedy;
};

/// The first conflict among the fields that choose the sizes of images, and beside
/// augment.photometric_distortion. The config is complete but for its classes.
std::optional<Conflict> image_conflict(const Config& config);

}  // namespace swin::trainers
