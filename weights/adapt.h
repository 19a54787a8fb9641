// Fine-tuning: weights of one model become the initial weights of another. They are adapted to
// other windows, image sizes, input channels and classes; everything else must fit by name and
// shape.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/scope.h"
#include "weights/dialects.h"

namespace swin::weights {

using layers::Parameters;

enum class HeadInit {
  automatic,  ///< loaded if its shape fits, else it keeps its initial values
  keep,       ///< loaded; an error if its shape does not fit
  reset,      ///< keeps its initial values
};

/// How relative_position_bias_table and absolute_pos_embed are resized. ViT's pos_embed is always
/// resized as in timm.
enum class PositionResize {
  bicubic,  ///< as in the published fine-tuning of Swin
  timm,     ///< tables: geometric progression; embeddings: bicubic with antialiasing
};

struct AdaptOptions {
  HeadInit head = HeadInit::automatic;
  PositionResize position_resize = PositionResize::bicubic;
  /// If not empty: row k of the head is this row of the file's head.
  std::vector<int64_t> class_rows;
  std::string class_rows_where;  ///< their file, for errors; row k comes from line k + 1
  /// Of the model's classes, in the order of its head; empty if they have none. Where the file has
  /// names, too, rows of the head go by name: those whose names are not here are dropped, and the
  /// rows of other names keep their initial values. `class_rows` come first.
  std::vector<std::string> class_names;
  /// Patterns, `*` for any characters: parameters that the file may lack, and names in the file
  /// that the model may lack.
  std::vector<std::string> allow_missing, allow_unexpected;
};

/// What was done with one parameter, or with one key of the file.
struct AdaptedTensor {
  enum class Action { loaded, resized, adapted, reinitialized, missing, skipped } action;
  std::string name;
  std::string detail;  ///< "windows of 7 × 7 → 12 × 12, bicubic"; empty where loaded unchanged
};
const char* name_of(AdaptedTensor::Action action);

struct AdaptReport {
  std::vector<AdaptedTensor> tensors;  ///< parameters in their order, then skipped keys
  int64_t count(AdaptedTensor::Action action) const;
};

/// Copies a file's weights into parameters that hold their initial values; a re-initialized
/// parameter keeps those. If anything does not fit, no parameter changes.
///   relative_position_bias_table  resized if the window size differs
///   absolute_pos_embed, pos_embed resized if the map size differs; the class token's row is kept
///   patch_embed.proj.weight       3 → 1 channels: summed; 3 → N: repeated, times 3/N; 1 → N:
///                                 repeated, times 1/N
///   head.*; of a segmenter        as options.head, class_rows and class_names say; the row of
///   decode_head.conv_seg.*,       the background of fc_cls is kept
///   auxiliary_head.conv_seg.*;
///   of a detector fc_cls.*,
///   fc_reg.*, conv_logits.*
/// A model of one task may start from a file of another (weights/adapt_source.h); what such a file
/// cannot have keeps its initial values.
/// @param source the config of the file's model, if known; without it windows must be square.
/// @throws base::WeightError naming parameters that are missing, unexpected or of another shape;
///     base::UsageError if class_rows do not fit.
AdaptReport adapt_weights(Parameters& parameters, const ModelConfig& config, const WeightFile& file,
                          const std::optional<ModelConfig>& source, const AdaptOptions& options);

/// Swin V2's pretrained_window_sizes for the weights of a file. Its position bias network was
/// trained on coordinates divided by these sizes.
struct PretrainedWindows {
  std::vector<int64_t> sizes;  ///< empty if every stage keeps its window, or if unknown
  bool known = false;          ///< whether the file says which windows it has
  std::string how;             ///< "its config", "its relative_coords_table"; empty if unknown
};
/// Read from the file's config, else from the tables saved in the file.
/// @param config of the model that is fine-tuned.
/// @throws base::UsageError if a window of the file is not square and differs from config's.
PretrainedWindows pretrained_windows(const WeightFile& file,
                                     const std::optional<ModelConfig>& source,
                                     const ModelConfig& config);

}  // namespace swin::weights
