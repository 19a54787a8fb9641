// Refuses ViT variants that the model here does not compute.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace swin::weights {

/// @param keys of a ViT's weights, in any dialect, without the prefixes of wrappers.
/// @throws base::WeightError naming the first key of a variant that computes more than the plain
/// ViT.
///     Ignoring such a key would give wrong logits.
void require_plain_vit(std::span<const std::string_view> keys, const std::string& where);

}  // namespace swin::weights
