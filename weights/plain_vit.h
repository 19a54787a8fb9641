// Which ViTs are not the plain one.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace swin::weights {

/// @param keys of a ViT's weights, in any dialect, without the prefixes of wrappers.
/// @throws base::WeightError naming the key of a model that computes more than the ViT here:
/// without
///     it the logits would be wrong.
void require_plain_vit(std::span<const std::string_view> keys, const std::string& where);

}  // namespace swin::weights
