// Where a token looks, as pictures and words: its row of attention, the relative position biases
// behind it, and, of Swin-MLP, its rows of the mixing matrices.
#pragma once
#include <optional>

#include "trainers/explain/forward.h"
#include "trainers/explain/windows.h"

namespace swin::trainers {

/// The token that is explained, and the block that is looked into.
struct Query {
  BlockPlace place;
  WindowLayout layout;
  Size2 token{};                ///< in the map
  WindowPlace at;               ///< of the token
  std::optional<int64_t> head;  ///< absent: the mean over the heads
};
/// What the options ask for, or the defaults.
/// @param map of stage 0
/// @throws UsageError for what is not in the model or outside of its input.
Query query_of(const layers::ModelConfig& model, const ModelInput& input, Size2 map,
               const ExplainOptions& options);

/// The probabilities of the query's row for each head: (heads, N).
std::vector<std::vector<double>> attention_rows(const SeenAttention& seen, const Query& query);

/// The image in gray, and the probabilities of a row as colors over the pixels of its keys.
/// @param row (N)
data::Image draw_attention(const View& view, const Query& query, const std::vector<double>& row,
                           const ColorScale& scale);
/// The row of the query's head, or the mean over the heads.
std::vector<double> chosen_row(const SeenAttention& seen, const Query& query);

/// Adds `attention` to the JSON.
ExplainedPart attention_part(const layers::ModelConfig& model, const View& view,
                             const SeenAttention& seen, const Query& query, base::Json& json);
/// Adds `relative_position_bias` to the JSON.
/// @param table (positions, heads)
ExplainedPart bias_part(const layers::ModelConfig& model, const Tensor& table, const Query& query,
                        base::Json& json);
/// Adds `mixing` to the JSON.
/// @param weight of a SpatialMlp: (heads · N, N, 1)
ExplainedPart mixing_part(const layers::ModelConfig& model, const Tensor& weight,
                          const Query& query, base::Json& json);

}  // namespace swin::trainers
