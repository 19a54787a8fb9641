// The config.json and preprocessor_config.json beside weights in a folder of Hugging Face or timm.
// They say what the weights alone do not.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "layers/model_config.h"
#include "weights/preprocess.h"

namespace swin::weights {

using layers::Size2;

class HubReader;  // weights/hub_reader.h

/// What Hugging Face's UperNetConfig says of the heads beyond their shapes.
struct HubHeads {
  std::vector<int64_t> pool_scales;
  std::optional<double> auxiliary_weight;
};

/// Fields are empty if the file does not have them. Those of a segmenter's network are those of its
/// backbone_config.
struct HubConfig {
  std::optional<Size2> image_size;
  std::optional<int64_t> window_size, num_attention_heads;
  std::vector<int64_t> pretrained_window_sizes;
  HubHeads heads;
  /// Of the head's rows: Hugging Face's id2label or label2id, timm's label_names. Hugging Face's
  /// placeholders LABEL_0, LABEL_1 … are no names.
  std::vector<std::string> class_names;
  std::optional<Preprocess> preprocess;  ///< timm's pretrained_cfg, or preprocessor_config.json
  /// Why there is no `preprocess`, if one is there that a config's `preprocess` section cannot do.
  /// It concerns those alone who prepare images by it.
  std::optional<base::WeightError> refusal;
  std::vector<std::string> notes;  ///< on the names, one sentence each
};

/// Reads a config.json of either library.
/// @param where the file, for errors.
/// @throws base::WeightError if the text is not JSON, or if a field that says sizes or names is not
///     of its type or range.
HubConfig read_hub_config(const std::string& text, const std::string& where);

/// Reads Hugging Face's preprocessor_config.json. What it does not say has the defaults of its
/// image processor.
/// @throws base::WeightError if the text is not JSON, a field is not of its type or range, or the
///     steps are others than those of a config's `preprocess` section.
/// Source: transformers' image_processing_vit.py, …_clip.py, …_bit.py, …_convnext.py.
Preprocess read_processor_config(const std::string& text, const std::string& where);

/// Reads timm's pretrained_cfg: input_size, interpolation, crop_pct, crop_mode, mean and std. What
/// it does not say has timm's defaults.
/// @throws base::WeightError as read_processor_config does.
/// Source: timm's data/config.py and transforms_factory.py.
Preprocess read_pretrained_cfg(const HubReader& reader);

}  // namespace swin::weights
