// The section residual.cpp of ops.h, whose conventions hold here: the two halves of a block, each
// of them one op. See OpByOp and PlainOps for the ops that they consist of.
#pragma once
#include "autograd/kernels/window_layout.h"
#include "autograd/ops/kept_samples.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

struct AttentionOptions;

/// The parameters of a layer_norm.
struct NormWeights {
  Tensor weight, bias;  ///< (dim)
  real epsilon = static_cast<real>(1e-5);
};

/// The parameters of a linear layer.
struct LinearWeights {
  Tensor weight;  ///< (out, in)
  Tensor bias;    ///< (out), or undefined
};

/// Whether x or the result of the branch is normalized (Swin, or the res-post-norm of Swin V2).
enum class NormPlace { before, after };

/// y = x + factor · fc2(GELU(fc1(norm(x)))), or y = x + factor · norm(fc2(GELU(fc1(x)))), for the
/// kept samples, with kept.factor; y = x for the others, which cost nothing.
/// @param x (B, …, dim)
/// @param fc1 from dim to hidden
/// @param fc2 from hidden to dim
/// @param kept of a batch of B
/// Saves, of the kept samples: the output of fc1, the mean and 1/√(variance + epsilon) of each row,
/// and, with the norm after, the output of fc2; and x. The backward pass computes the normalized
/// rows and GELU again.
/// Source: Liu et al. 2021, arXiv:2103.14030, equation 3; Liu et al. 2022, arXiv:2111.09883, figure
/// 1.
Tensor mlp_residual(const Tensor& x, const NormWeights& norm, const LinearWeights& fc1,
                    const LinearWeights& fc2, NormPlace place, const KeptSamples& kept);

/// y = x + factor · proj(window_attention(qkv(norm(x)))) for the kept samples, with kept.factor;
/// y = x for the others, which cost nothing.
/// @param x (B, H, W, C); H × W is the padded map of the layout
/// @param qkv from C to 3C
/// @param table and options: see window_attention
/// @param proj from C to C
/// @param kept of a batch of B
/// Saves, of the kept samples: what window_attention saves and its output, and the mean and
/// 1/√(variance + epsilon) of each row; and x. The backward pass computes the normalized rows
/// again.
/// Source: Liu et al. 2021, arXiv:2103.14030, equation 3.
Tensor attention_residual(const Tensor& x, const NormWeights& norm, const LinearWeights& qkv,
                          const Tensor& table, const LinearWeights& proj,
                          const WindowLayout& layout, const AttentionOptions& options,
                          const KeptSamples& kept);

}  // namespace swin::autograd
