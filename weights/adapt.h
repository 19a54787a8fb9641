// Weights of one model made to begin another: the fine-tuning side of weight files. Other windows,
// image sizes, input channels and classes are bridged, everything else must fit by name and shape.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "layers/scope.h"
#include "weights/dialects.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Parameters;

enum class HeadInit {
  automatic,  ///< kept if its shape fits, else its initial values stay
  keep,       ///< an error if it does not fit
  reset,      ///< its initial values stay
};

/// How relative_position_bias_table and absolute_pos_embed change their size. ViT's pos_embed is
/// always resized as timm does.
enum class PositionResize {
  bicubic,  ///< as the published fine-tuning of Swin
  timm,     ///< tables in geometric progression, embeddings bicubic with antialiasing
};

struct AdaptOptions {
  HeadInit head = HeadInit::automatic;
  PositionResize position_resize = PositionResize::bicubic;
  /// If not empty: row k of the head is this row of the file's head.
  std::vector<int64_t> class_rows;
  std::string class_rows_where;  ///< file of class_rows, for errors: line k + 1 is row k
  /// Patterns, `*` for any characters: parameters that the file may lack, and names that it may
  /// have without use.
  std::vector<std::string> allow_missing, allow_unexpected;
};

/// What became of one parameter, or of one key of the file.
struct AdaptedTensor {
  enum class Action { loaded, resized, adapted, reinitialized, missing, skipped } action;
  std::string name;
  std::string detail;  ///< "windows of 7×7 → 12×12, bicubic"; empty where loaded as it is
};
const char* name_of(AdaptedTensor::Action action);

struct AdaptReport {
  std::vector<AdaptedTensor> tensors;  ///< in the order of the parameters, then what was skipped
  int64_t count(AdaptedTensor::Action action) const;
};

/// Puts a file's weights into parameters that hold their initial values; what is re-initialized
/// keeps those. Nothing is changed unless everything fits.
///   relative_position_bias_table  resized where the window is another
///   absolute_pos_embed, pos_embed resized where the map is another; the class token's row stays
///   patch_embed.proj.weight       3 → 1 channels: their sum; 3 or 1 → N: repeated, times 3/N, 1/N
///   head.*                        as options.head and class_rows say
/// @param source the config of the file's model, where it has one; without it tables are of square
///     windows.
/// @throws base::WeightError naming what is missing, unexpected or of another shape; UsageError on
///     class_rows that do not fit.
AdaptReport adapt_weights(Parameters& parameters, const ModelConfig& config, const WeightFile& file,
                          const std::optional<ModelConfig>& source, const AdaptOptions& options);

/// Swin V2's pretrained_window_sizes for weights of a file: its network of position biases has
/// learned coordinates divided by them.
struct PretrainedWindows {
  std::vector<int64_t> sizes;  ///< empty where each stage keeps its window, or nothing is known
  bool known = false;          ///< whether the file tells its windows
  std::string how;             ///< "its config", "its relative_coords_table"; empty if unknown
};
/// From the file's config, else from the tables it was saved with.
/// @param config of the model that begins with the weights.
/// @throws base::UsageError where the windows of the file are not square and others than config's.
PretrainedWindows pretrained_windows(const WeightFile& file,
                                     const std::optional<ModelConfig>& source,
                                     const ModelConfig& config);

}  // namespace swin::weights
