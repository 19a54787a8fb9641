// What names tell: the library, the model, and which names are missing.
#pragma once
#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/dialects_rows.h"

namespace swin::weights {

template <class Keys>
bool any_has(const Keys& keys, std::string_view part) {
  return std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
    return std::string_view(key).find(part) != std::string_view::npos;
  });
}
template <class Keys>
bool any_starts(const Keys& keys, std::string_view part) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const auto& key) { return std::string_view(key).starts_with(part); });
}

/// The dialect of names without the prefixes of wrappers; empty if it is none.
std::optional<Dialect> dialect_of(const std::vector<std::string_view>& names);
/// ModelConfig::name of the model with these names, in any dialect.
const char* model_of(const std::vector<std::string_view>& names);

/// What a file is of, if a key tells that it is a well-known network without patches, "a detector
/// on a ResNet"; else null.
const char* other_network(std::string_view key);

/// Refuses ViT variants that compute more than the plain ViT; to ignore such a name would give
/// wrong logits.
/// @throws base::WeightError that names what it is.
void require_plain_vit(std::span<const std::string_view> names, const std::string& where);

/// The official names that a model lacks: each block has what every block of it has, each stage but
/// the last its patch merging, and a weight its bias. A head and a norm may be absent as a whole.
/// Shapes are not looked at: weights/load_weights compares the rest with a model.
std::vector<std::string> missing_names(const std::set<std::string>& names, std::string_view model);

}  // namespace swin::weights
