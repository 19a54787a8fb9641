// What forwards and backwards of a model show on one image: the attention of a block, the gradient
// of a class, attention rollout. Observers read it; the model knows nothing of them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/transforms/geometry.h"
#include "layers/window_layout.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {

using autograd::Tensor;
using autograd::WindowLayout;
using base::Size2;

/// @param where file or layer   @param what is looked at: "the weight head.bias"
/// @throws DivergedError if a value is NaN or infinite.
void require_finite(const std::string& where, const std::string& what, const Tensor& values);
/// The same for every weight of a model.
void require_finite(const std::string& checkpoint, const layers::Parameters& weights);

struct BlockPlace {
  int64_t stage = 0, block = 0;  ///< block: within the stage
};
/// "layers.1.blocks.0", or "blocks.3" of a ViT: the path of a block in a classifier.
std::string block_path(const layers::ModelConfig& model, BlockPlace place);

/// An image as the model gets it.
struct ModelInput {
  data::PreparedImage prepared;
  data::Geometry geometry;  ///< from the image file to the input
  data::Image seen;         ///< the input before its normalization, of three channels
  Tensor images;            ///< (1, padded size, channels)
  tasks::ImageInfo info() const {
    return {.real_sizes = {&prepared.real_size, 1}, .original_sizes = {&prepared.original_size, 1}};
  }
};
/// @param image with the channels of the model
ModelInput input_of(const Config& config, const data::Image& image);

/// The attention of one block on one image.
struct SeenAttention {
  Tensor probabilities;  ///< (windows, heads, N, N): softmax(scale · q kᵀ + B + mask), each query's
                         ///< row over the keys of its window; ViT: one window of all tokens
  Tensor values;  ///< v (windows, heads, N, head_dim)
  Tensor table;   ///< of position biases, (positions, heads); undefined: the model has none
  Tensor fused;   ///< what the kernel makes of the same image: (1, padded map, C) or (1, N, C)
};

/// Two forwards: one with the kernel that `predict` runs, and one with autograd::PlainOps, whose
/// softmax has the probabilities.
/// @throws InternalError if the block has no attention.
SeenAttention see_attention(const tasks::Task& task, const ModelInput& input, BlockPlace place);

/// probabilities · v of every window, put back to where their tokens are in the padded map: what
/// `fused` is, up to rounding. Plain loops.
/// @return (padded map · C), or (N · C) of a ViT
std::vector<float> attention_output(const SeenAttention& seen, const WindowLayout& layout);
/// The largest difference between attention_output and `fused`, over the largest entry of `fused`.
double difference_to_kernel(const SeenAttention& seen, const WindowLayout& layout);

/// Grad-CAM: relu(Σ_c α_c A_c) for the map A of a layer and α_c, the mean over its tokens of the
/// gradient of the class's logit.
/// Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
struct ClassMap {
  std::string layer;  ///< whose output A is: "layers.3.blocks.1.norm2"
  int64_t class_index = 0;
  double logit = 0;
  Size2 map{};
  std::vector<double> values;  ///< (map), at least 0
  tasks::Outputs outputs;      ///< of the forward
};
/// The layer is norm2 of the last block. In a ViT with a class token it is norm1: after the last
/// attention the other tokens have no influence on the class.
/// @param class_index absent: that of the largest logit
ClassMap class_map(const tasks::Task& classifier, const ModelInput& input,
                   std::optional<int64_t> class_index);

/// Attention rollout of a ViT: the rows of Π (½ mean over heads + ½ identity), from the last block
/// to the first, of the class token, or the mean over the tokens where there is none.
/// Source: Abnar and Zuidema 2020, arXiv:2005.00928, section 3.
/// @return (map): how much of the answer comes from each patch; the rest is the class token's own
std::vector<double> attention_rollout(const tasks::Task& classifier, const ModelInput& input);

}  // namespace swin::trainers
