// Which parts of the image speak for a class, as pictures and words: the class-activation map, and
// the attention rollout of a ViT.
#pragma once
#include <string>
#include <vector>

#include "trainers/explain/forward.h"
#include "trainers/explain/windows.h"

namespace swin::trainers {

/// Number of a class.
/// @throws UsageError naming the nearest one, unless names are only indices.
int64_t class_index_of(const std::vector<std::string>& names, const std::string& name);

/// The image in gray under numbers of its tokens as colors, interpolated bilinearly.
/// @param values (size)   @param cell pixels of one of them in the picture
data::Image draw_smooth(const View& view, std::span<const double> values, Size2 size, int64_t cell,
                        const ColorScale& scale);
data::Image draw_class_map(const View& view, const ClassMap& map, int64_t stage);

/// Adds `class_map` to the JSON.   @param stage the last one   @param class_name of the map
ExplainedPart class_map_part(const layers::ModelConfig& model, const View& view,
                             const ClassMap& map, const std::string& class_name, base::Json& json);
/// Adds `rollout` to the JSON.   @param values of attention_rollout
ExplainedPart rollout_part(const layers::ModelConfig& model, const View& view,
                           const std::vector<double>& values, base::Json& json);

}  // namespace swin::trainers
