#include "weights/dialects_recognition.h"

#include <array>

#include "base/errors.h"
#include "weights/dense_names.h"

namespace swin::weights {

std::optional<Dialect> dialect_of(const std::vector<std::string_view>& keys) {
  if (any_starts(keys, "features.0.0.") || any_starts(keys, "conv_proj.") ||
      any_has(keys, "encoder_layer_"))
    return Dialect::torchvision;
  if (any_starts(keys, "embeddings.")) return Dialect::huggingface;
  if (any_starts(keys, "patch_embed.projection.") || any_has(keys, ".attn.w_msa."))
    return Dialect::mm;
  if (!any_starts(keys, "patch_embed.proj.")) return std::nullopt;
  // Officially patch merging is the end of a stage; in timm it is the start of the next one.
  if (any_starts(keys, "layers.0.downsample.")) return Dialect::official;
  if (any_has(keys, ".downsample.") || any_starts(keys, "head.fc.")) return Dialect::timm;
  return Dialect::official;
}

const char* model_of(const std::vector<std::string_view>& keys) {
  if (any_has(keys, ".logit_scale")) return "swin_v2";
  if (any_has(keys, ".spatial_mlp.")) return "swin_mlp";
  for (const char* sign : {"blocks.", "pos_embed", "encoder.pos_embedding", "conv_proj.",
                           "embeddings.cls_token", "encoder.layer."})
    if (any_starts(keys, sign)) return "vit";
  return "swin";
}

const char* other_network(std::string_view key) {
  const bool resnet = key.find("layer1.0.conv1.") != std::string_view::npos;
  if (key.find("backbone.bottom_up.") != std::string_view::npos) return "a model of detectron2";
  if (resnet && key.find("backbone.") != std::string_view::npos)
    return "a detector or a segmenter on a ResNet";
  return resnet ? "a ResNet" : nullptr;
}

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

namespace {

// Far above every published model; names of a hostile file may have any numbers.
constexpr int64_t kMostStages = 64, kMostBlocks = 1024;
constexpr size_t kStage = 0, kBlock = 1;  // of Binding::numbers: {i} and {j}

bool has(std::string_view pattern, std::string_view part) {
  return pattern.find(part) != std::string_view::npos;
}

/// The blocks of each stage, counted by the largest numbers.
std::vector<int64_t> blocks_of(const std::vector<Row>& rows, const std::set<std::string>& names) {
  std::vector<int64_t> blocks;
  for (const std::string& name : names) {
    const std::optional<Found> found = find_row(rows, &Row::ours, name);
    if (!found) continue;
    const std::string& pattern = rows[found->entry.row].ours[found->part];
    if (is_dense_head(pattern)) continue;
    const auto& numbers = found->entry.binding.numbers;
    if (numbers[kStage] >= kMostStages || numbers[kBlock] >= kMostBlocks) return {};
    // A patch merging in stage i says that there is a stage i + 1.
    const bool in_block = has(pattern, "{j}");
    if (!in_block && !has(pattern, "{i}")) continue;
    const auto stage = static_cast<size_t>(std::max<int64_t>(numbers[kStage], 0));
    const size_t stages = stage + (in_block ? 1 : 2);
    if (blocks.size() < stages) blocks.resize(stages, 1);
    if (in_block) blocks[stage] = std::max(blocks[stage], numbers[kBlock] + 1);
  }
  return blocks;
}

}  // namespace

std::vector<std::string> missing_names(const std::set<std::string>& names, std::string_view model) {
  const std::vector<Row> rows = rows_of(Dialect::official, model_bit(model));
  const std::vector<int64_t> blocks = blocks_of(rows, names);
  std::set<std::string> seen, patterns;  // patterns that some block has; those already looked at
  for (const std::string& name : names)
    if (const std::optional<Found> found = find_row(rows, &Row::ours, name))
      seen.insert(rows[found->entry.row].ours[found->part] +
                  std::to_string(found->entry.binding.leaf));
  std::vector<std::string> missing;
  const auto require = [&](const std::string& pattern, const Binding& binding) {
    std::string name = fill(pattern, binding);
    if (!names.contains(name)) missing.push_back(std::move(name));
  };
  const auto has_name = [&](const char* name) { return names.contains(name); };
  const bool mean_pooled = has_name("fc_norm.weight");
  const auto is_required = [&](const std::string& pattern) {
    if (pattern == "patch_embed.proj.{p}" || pattern == "pos_embed") return true;
    if (pattern == "cls_token") return !mean_pooled;
    // mm's classifiers name the last norm after its stage.
    return pattern == "norm.{p}" && has_name("head.weight") && !mean_pooled &&
           !any_starts(names, "norm");
  };
  for (const Row& row : rows) {
    const std::string& pattern = row.ours[0];
    if (row.transform == Transform::derived || !patterns.insert(pattern).second) continue;
    if (is_dense_head(pattern)) continue;
    const bool pair = has(pattern, "{p}");
    for (int leaf = pair ? 0 : -1; leaf < (pair ? 2 : 0); ++leaf) {
      const bool is_seen = seen.contains(pattern + std::to_string(leaf));
      if (has(pattern, "{j}")) {
        const bool bias = leaf == 1 && pattern.ends_with("attn.qkv.{p}");
        if (!is_seen && (bias || pattern.ends_with("q_bias") || pattern.ends_with("v_bias")))
          continue;  // a model without qkv_bias
        for (size_t i = 0; i < blocks.size(); ++i)
          for (int64_t j = 0; j < blocks[i]; ++j)
            require(pattern, {.numbers = {static_cast<int64_t>(i), j, -1}, .leaf = leaf});
      } else if (has(pattern, "{i}")) {
        for (size_t i = 0; i + 1 < blocks.size(); ++i)
          require(pattern, {.numbers = {static_cast<int64_t>(i), -1, -1}, .leaf = leaf});
      } else if (!has(pattern, "{k}")) {
        const bool other = pair && seen.contains(pattern + std::to_string(1 - leaf));
        if (!is_seen && (other || is_required(pattern))) require(pattern, {.leaf = leaf});
      }
    }
  }
  if (std::none_of(names.begin(), names.end(), is_dense_head)) return missing;
  const auto num_stages = static_cast<int64_t>(blocks.size());
  for (int64_t k = 0; k < num_stages; ++k)
    for (int leaf = 0; leaf < 2; ++leaf)
      require(kStageNorm, {.numbers = {-1, -1, k}, .leaf = leaf});
  for (std::string& name : missing_dense_names(names, num_stages))
    missing.push_back(std::move(name));
  return missing;
}

}  // namespace swin::weights
