// The config of a weight file: the one it holds, or what its shapes, the files beside it and the
// published models say.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "trainers/config/config.h"
#include "weights/dialects.h"

namespace swin::trainers {

struct WeightConfig {
  Config config;       ///< model.num_classes is that of the file's head, if it has one
  std::string origin;  ///< "--config", "stored" or "inferred"
  /// What the file does not tell, "preprocess: …, as torchvision's Swin-T was published", and was
  /// not given.
  std::vector<std::string> assumptions;
  std::vector<std::string> notes;  ///< one sentence each
};

/// The model section is that of `given`, else the stored one, else inferred from the shapes.
/// Each field of the `preprocess` section is that of `given`, else what the folder of the weights
/// says, else the stored one. Where nothing says it, the pre-processing of the published model of
/// that library and size is assumed, else the default.
/// @param given a document of load_config_json; null: none.
/// @throws WeightError if the stored config is not valid, if the shapes fit no model, or if the
///     pre-processing is that of images of another size than the model's; UsageError if `given` is
///     not valid.
WeightConfig config_of(const weights::WeightFile& file, const base::Json* given = nullptr);

/// What the section says, for files of other libraries.
weights::Preprocess published_form(const Config& config);

/// The heads of a segmenter's config; empty if it is of another task.
std::optional<weights::SegmenterHeads> heads_of(const Config& config);

/// The layers of a detector's config; empty if it is of another task.
std::optional<weights::DetectorHeads> detector_of(const Config& config);

/// "resize 256, center 224 × 224, bicubic, mean 0.485 0.456 0.406, std 0.229 0.224 0.225".
std::string preprocess_text(const Config& config);

}  // namespace swin::trainers
