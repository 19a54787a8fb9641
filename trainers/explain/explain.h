// What a student sees beside the paper: the windows of a model on an image, where its tokens look,
// and which parts of the image speak for a class.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/size2.h"
#include "data/image.h"

namespace swin::trainers {

struct ExplainOptions {
  /// Whose attention and position bias; absent: the last shifted block, of a stage or of the model.
  std::optional<int64_t> stage = std::nullopt, block = std::nullopt;
  std::optional<int64_t> head = std::nullopt;  ///< absent: the mean over the heads
  /// The query: a row and column of the stage's map, or a pixel of the image file in it. Absent:
  /// the middle of the map.
  std::optional<base::Size2> token = std::nullopt, pixel = std::nullopt;
  std::optional<std::string> class_name = std::nullopt;  ///< absent: the most probable class
};

struct Picture {
  std::string file;  ///< "windows_stage0.png"
  data::Image image;
  std::string alternative;  ///< for those who do not see it
  std::string caption;
};

struct ExplainedPart {
  std::string title;
  std::vector<std::string> text;  ///< paragraphs
  std::vector<Picture> pictures;
};

struct Explanation {
  std::string title;
  std::vector<ExplainedPart> parts;
  /// image, model, size, input, stages, chosen, shift, attention, relative_position_bias, scores,
  /// class_map, rollout, mixing: those that the model has; missing: [{part, reason}].
  base::Json json;
};

/// Explains what a checkpoint's model does with an image.
/// @throws WeightError and DataError as Predictor; UsageError for options that the model has no
///   part for, or of which it has fewer; DivergedError for weights or results that are not finite.
Explanation explain(const std::string& checkpoint, const std::string& image,
                    const ExplainOptions& options);

/// The whole page, with the pictures inside.
std::string to_html(const Explanation& explanation);

/// Removes the pictures that an earlier explain.json in the folder lists: PNG files in the folder
/// itself. Others stay, also where there is no such list.
void remove_old_pictures(const std::filesystem::path& folder);

/// Pictures of where the model looks: the image, its class-activation map and the attention of the
/// middle token of the last shifted block, side by side. Of Swin-MLP, without attention.
/// @return one for each image; none if the model does not classify.
std::vector<data::Image> attention_examples(const std::string& checkpoint,
                                            const std::vector<data::Image>& images);

}  // namespace swin::trainers
