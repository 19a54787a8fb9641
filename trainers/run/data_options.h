// From the config to the options of the data room.
#pragma once
#include "data/decode/decode.h"
#include "data/transforms/augment.h"
#include "data/transforms/mixing.h"
#include "data/transforms/transform.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// What every image goes through before this config's model.
data::Preprocess preprocess_of(const Config& config);
/// What training alone does to each image, and to each batch. @throws UsageError.
data::Augment augment_of(const Config& config);
data::Mixing mixing_of(const Config& config);
/// How image files are decoded. @param training with what augment says.
data::DecodeOptions decode_of(const Config& config, bool training = false);

}  // namespace swin::trainers
