#include "weights/dialects_head.h"

#include <algorithm>

namespace swin::weights {

namespace {

constexpr std::string_view kWeight = ".weight", kBias = ".bias";

/// Whether a name is of a head. `head` is of every dialect; the others are beside a backbone, or of
/// their own library.
bool is_of_head(const Item& item, Dialect dialect, bool vit) {
  const std::string& name = item.name;
  if (name.starts_with("head.")) return true;
  if (name.starts_with("classifier.")) return item.outer || dialect == Dialect::huggingface;
  if (name.starts_with("heads.")) return item.outer || (dialect == Dialect::torchvision && vit);
  return item.outer && name.starts_with("fc.");
}

}  // namespace

Head unusual_head(const std::vector<Item>& items, const std::vector<Row>& rows, Dialect dialect) {
  // The dialect's own names of the head.
  std::string weight, bias;
  bool vit = false;
  for (const Row& row : rows) {
    vit |= row.ours[0] == "pos_embed";
    if (row.ours[0] != "head.{p}" || !weight.empty()) continue;
    weight = fill(row.theirs[0], {.leaf = 0});
    bias = fill(row.theirs[0], {.leaf = 1});
  }
  Head head;
  bool usual = true, linear = true;
  for (size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (!is_of_head(item, dialect, vit)) continue;
    const bool is_weight = item.name.ends_with(kWeight), is_bias = item.name.ends_with(kBias);
    usual &= (item.name == weight || item.name == bias);
    linear &= is_bias || (is_weight && item.array.shape.size() == 2);
    const std::string layer = item.key.substr(0, item.key.rfind('.'));
    if (std::find(head.layers.begin(), head.layers.end(), layer) == head.layers.end())
      head.layers.push_back(layer);
    head.items.push_back(i);
    head.names.push_back(is_bias ? bias : weight);
  }
  if (usual && head.layers.size() <= 1) return {};
  head.is_linear = linear && head.layers.size() == 1;
  return head;
}

}  // namespace swin::weights
