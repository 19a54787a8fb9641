#include "weights/plain_vit.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"

namespace swin::weights {

void require_plain_vit(std::span<const std::string_view> keys, const std::string& where) {
  static constexpr std::pair<const char*, const char*> kOthers[] = {
      {"dist_token", "a distilled DeiT"},
      {"distillation_token", "a distilled DeiT"},
      {"reg_token", "a ViT with register tokens"},
      {".ls1.", "a ViT with LayerScale"},
      {".attn.q_norm.", "a ViT that normalizes queries and keys"},
      {"norm_pre.", "a ViT with a norm before its blocks"},
      {"attn_pool.", "a ViT that pools by attention"},
  };
  const auto refuse = [&](const std::string& key, const std::string& what) {
    throw base::WeightError(
        where,
        "found " + key + ", so " + what +
            ", expected the plain ViT, with either a class token or mean pooling",
        "this model is not supported");
  };
  const auto has = [&](std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  for (const std::string_view key : keys)
    for (const auto& [part, what] : kOthers)
      if (key.find(part) != std::string_view::npos) refuse(std::string(key), what);
  if (has("cls_token") && has("fc_norm.weight")) refuse("cls_token and fc_norm", "a ViT with both");
}

}  // namespace swin::weights
