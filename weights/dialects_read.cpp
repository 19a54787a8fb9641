// From a file's names to the official ones.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/errors.h"
#include "base/text.h"
#include "files/weight_file.h"
#include "weights/descriptions.h"
#include "weights/dialects_rows.h"

namespace swin::weights {

namespace {

constexpr std::string_view kBackbone = "backbone.";
const char* const kHuggingfacePrefixes[] = {"swin.", "swinv2.", "vit."};

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

// An array, its key in the file, and its name so far.
struct Item {
  std::string key, name;
  NamedArray array;
};

std::vector<std::string_view> names_of(const std::vector<Item>& items) {
  std::vector<std::string_view> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

void strip(std::vector<Item>& items, std::string_view prefix) {
  for (Item& item : items)
    if (item.name.starts_with(prefix)) item.name.erase(0, prefix.size());
}

// What DataParallel, torch.compile and Lightning put before every key.
void strip_wrappers(std::vector<Item>& items) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : {"module.", "model.", "_orig_mod."})
      if (!items.empty() && std::all_of(items.begin(), items.end(), [&](const Item& item) {
            return item.name.starts_with(prefix);
          })) {
        strip(items, prefix);
        again = true;
      }
  }
}

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

// Refuses ViT variants that compute more than the plain ViT; ignoring such a key would give wrong
// logits. `keys` are in any dialect, without the prefixes of wrappers.
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

// Reorders the last dim, 4C, from torch.nn.Unfold's order, channel · 4 + row · 2 + column, to the
// official one, (column · 2 + row) · C + channel.
NamedArray folded(const NamedArray& array) {
  const size_t last = static_cast<size_t>(array.shape.back()), channels = last / 4;
  const size_t element_bytes = static_cast<size_t>(files::size_bytes_of(array.dtype));
  auto bytes = std::make_shared<std::vector<std::byte>>(array.bytes.size());
  const size_t lines = last ? array.bytes.size() / (last * element_bytes) : 0;
  for (size_t line = 0; line < lines; ++line)
    for (size_t row = 0; row < 2; ++row)
      for (size_t column = 0; column < 2; ++column)
        for (size_t channel = 0; channel < channels; ++channel) {
          const size_t from = line * last + channel * 4 + row * 2 + column;
          const size_t to = line * last + (column * 2 + row) * channels + channel;
          std::memcpy(bytes->data() + to * element_bytes, array.bytes.data() + from * element_bytes,
                      element_bytes);
        }
  NamedArray result = array;
  result.bytes = *bytes;
  result.owner = std::move(bytes);
  return result;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// The nearest name in the table, with the numbers of `key`.
std::string nearest_name(const std::vector<Row>& rows, const std::string& key) {
  std::vector<std::string> names;
  for (const Row& row : rows)
    for (const std::string& pattern : row.theirs) names.push_back(fill_like(pattern, key));
  return base::nearest(key, names);
}

bool is_head_of(std::string_view key) { return key.starts_with("head."); }

// Does the work of to_official.
class Reader {
 public:
  Reader(std::vector<NamedArray> arrays, const std::string& where,
         std::span<const std::string> allowed) {
    file_.where = where;
    for (NamedArray& array : arrays) {
      std::string key = array.name;
      const bool skip = std::any_of(allowed.begin(), allowed.end(),
                                    [&](const std::string& p) { return glob(p, key); });
      if (skip)
        file_.skipped.push_back({key, "allowed by name"});
      else if (key == "n_averaged" || key == "steps")  // of PyTorch's and mmengine's averages
        file_.skipped.push_back({key, "a count of steps"});
      else
        items_.push_back({key, key, std::move(array)});
    }
  }

  WeightFile read() {
    unwrap();
    recognize();
    if (file_.model == "vit") require_plain_vit(names_of(items_), file_.where);
    sort_into_rows();
    for (const TableEntry& entry : order_) emit(entry);
    name_last_norm();
    find_kind();
    require_distinct();
    return std::move(file_);
  }

 private:
  void unwrap() {
    strip_wrappers(items_);
    // Of a detector, segmenter or mmpretrain classifier, keep the backbone and a classifier's head.
    if (any_starts(names_of(items_), kBackbone)) {
      std::erase_if(items_, [&](const Item& item) {
        const bool keep = item.name.starts_with(kBackbone) || is_head_of(item.name);
        if (!keep) file_.skipped.push_back({item.key, "not of the backbone"});
        return !keep;
      });
      strip(items_, kBackbone);
    }
    if (any_starts(names_of(items_), "encoder.patch_embed.")) strip(items_, kEncoderPrefix);
    for (const char* prefix : kHuggingfacePrefixes)
      if (any_starts(names_of(items_), prefix + std::string("embeddings."))) strip(items_, prefix);
    strip(items_, "swin.");  // in a backbone of the hub only swin.layernorm has it
    strip(items_, "swinv2.");
    unflatten();
  }

  // timm's features_only model calls stage i layers_i.
  void unflatten() {
    constexpr std::string_view kFlat = "layers_";
    for (Item& item : items_) {
      const size_t end = item.name.find_first_not_of("0123456789", kFlat.size());
      if (item.name.starts_with(kFlat) && end != std::string::npos && end > kFlat.size() &&
          item.name[end] == '.')
        item.name[kFlat.size() - 1] = '.';
    }
  }

  void recognize() {
    const std::vector<std::string_view> keys = names_of(items_);
    const std::optional<Dialect> dialect = dialect_of(keys);
    if (!dialect) {
      std::vector<std::string> sample;
      for (const Item& item : items_) sample.push_back(item.key);
      throw base::WeightError(
          file_.where,
          "found " +
              (sample.empty() ? "no arrays"
                              : "keys of no known dialect, such as " + base::listing(sample)) +
              ", expected names of official, timm, torchvision, huggingface or mm",
          "give a file of Swin, Swin V2, Swin-MLP or ViT weights");
    }
    file_.dialect = *dialect;
    file_.model = model_of(keys);
    rows_ = rows_of(*dialect, model_bit(file_.model));
  }

  void sort_into_rows() {
    std::vector<std::string> unexpected;
    for (size_t i = 0; i < items_.size(); ++i) {
      Item& item = items_[i];
      const std::optional<Found> found = find_row(rows_, &Row::theirs, item.name);
      if (is_derived_table(item.name)) {
        file_.skipped.push_back({item.key, "derived from the sizes"});
        if (found) {
          item.array.name = fill(rows_[found->entry.row].ours[0], found->entry.binding);
          file_.derived.push_back(item.array);
        }
      } else if (item.name.starts_with("pooler.")) {
        file_.skipped.push_back({item.key, "not of this model"});
      } else if (!found) {
        // Only the first are shown; a hostile file may have many long keys.
        const bool shown = unexpected.size() < 3 && item.key.size() < 200;
        unexpected.push_back(shown ? item.key + " (nearest: " + nearest_name(rows_, item.name) + ")"
                                   : item.key);
      } else {
        std::vector<const Item*>& parts = parts_[found->entry];
        if (parts.empty()) order_.push_back(found->entry);
        parts.resize(rows_[found->entry.row].theirs.size());
        if (parts[found->part])
          throw base::WeightError(file_.where, "found " + item.key + " and " +
                                                   parts[found->part]->key +
                                                   ", expected every name once");
        parts[found->part] = &item;
      }
    }
    if (!unexpected.empty())
      throw base::WeightError(file_.where,
                              "found " + base::listing(unexpected) + ", expected only names of " +
                                  file_.model + " in " + name_of(file_.dialect) + "'s dialect",
                              "remove them, or allow them by name");
  }

  void emit(const TableEntry& entry) {
    const Row& row = rows_[entry.row];
    const std::vector<const Item*>& items = parts_.at(entry);
    std::vector<std::string> keys;
    std::vector<const NamedArray*> parts;
    for (size_t i = 0; i < items.size(); ++i) {
      if (!items[i])
        throw base::WeightError(file_.where, "found no " + fill(row.theirs[i], entry.binding) +
                                                 ", expected it together with " + first_key(items));
      keys.push_back(items[i]->key);
      parts.push_back(&items[i]->array);
    }
    const auto add = [&](size_t part, NamedArray array) {
      array.name = fill(row.ours[part], entry.binding);
      file_.loaded.push_back({array.name, keys});
      file_.arrays.push_back(std::move(array));
    };
    switch (row.transform) {
      case Transform::same:
        add(0, *parts[0]);
        break;
      case Transform::thirds: {
        for (const NamedArray* part : parts)
          if (part->shape != parts[0]->shape || part->dtype != parts[0]->dtype ||
              part->shape.empty())
            throw base::WeightError(
                file_.where, "found " + keys[0] + " of " + files::to_text(parts[0]->shape) +
                                 " and " + part->name + " of " + files::to_text(part->shape) +
                                 ", expected equal shapes and types");
        std::vector<int64_t> shape = parts[0]->shape;
        shape[0] *= 3;
        add(0, joined(parts, std::move(shape)));
        break;
      }
      case Transform::q_zero_v: {
        const NamedArray& whole = *parts[0];
        require_multiple(whole, 0, 3, keys[0]);
        const int64_t dim = whole.shape[0] / 3;
        if (!all_zero(rows_of_array(whole, dim, dim).bytes))
          file_.notes.push_back(keys[0] +
                                ": its part for the keys was dropped; torchvision sets it to zero "
                                "in every forward");
        add(0, rows_of_array(whole, 0, dim));
        add(1, rows_of_array(whole, 2 * dim, dim));
        break;
      }
      case Transform::unfold:
        require_multiple(*parts[0], parts[0]->shape.size() - 1, 4, keys[0]);
        add(0, folded(*parts[0]));
        break;
      case Transform::derived:
        break;
    }
  }

  void require_multiple(const NamedArray& array, size_t axis, int64_t factor,
                        const std::string& key) const {
    if (array.shape.empty() || array.shape[axis] % factor != 0)
      throw base::WeightError(file_.where, "found " + key + " of " + files::to_text(array.shape) +
                                               ", expected dim " + std::to_string(axis) +
                                               " to be a multiple of " + std::to_string(factor));
  }

  static std::string first_key(const std::vector<const Item*>& items) {
    for (const Item* item : items)
      if (item) return item->key;
    return "";
  }

  // mmpretrain's classifier names the last norm after its stage.
  void name_last_norm() {
    if (file_.dialect != Dialect::mm || !file_.find("head.weight") || file_.find("norm.weight"))
      return;
    std::set<std::string> norms;
    for (const NamedArray& array : file_.arrays)
      if (array.name.starts_with("norm")) norms.insert(array.name.substr(0, array.name.find('.')));
    if (norms.size() != 1) return;
    for (size_t i = 0; i < file_.arrays.size(); ++i)
      if (file_.arrays[i].name.starts_with("norm"))
        file_.loaded[i].name = file_.arrays[i].name =
            "norm" + file_.arrays[i].name.substr(file_.arrays[i].name.find('.'));
  }

  void find_kind() {
    bool simmim = false, backbone = false;
    for (const NamedArray& array : file_.arrays) {
      simmim |= array.name == "mask_token" || array.name.starts_with("decoder.");
      backbone |= array.name.starts_with("norm") && array.name[4] != '.';
    }
    file_.kind = simmim ? WeightKind::simmim : backbone ? WeightKind::backbone : WeightKind::model;
    if (file_.kind == WeightKind::backbone && file_.dialect == Dialect::huggingface)
      drop_last_norm();
    if (!simmim) return;
    for (auto* list : {&file_.arrays, &file_.derived})
      for (NamedArray& array : *list)
        if (!array.name.starts_with("decoder.")) array.name.insert(0, kEncoderPrefix);
    for (size_t i = 0; i < file_.arrays.size(); ++i) file_.loaded[i].name = file_.arrays[i].name;
  }

  // The hub's backbones contain the classifier's last norm but do not use it.
  void drop_last_norm() {
    for (size_t i = file_.arrays.size(); i-- > 0;) {
      if (!file_.arrays[i].name.starts_with("norm.")) continue;
      file_.skipped.push_back({file_.loaded[i].keys[0], "not used by a backbone"});
      file_.arrays.erase(file_.arrays.begin() + static_cast<std::ptrdiff_t>(i));
      file_.loaded.erase(file_.loaded.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void require_distinct() const {
    std::map<std::string_view, size_t> first;
    for (size_t i = 0; i < file_.arrays.size(); ++i)
      if (const auto [at, is_new] = first.emplace(file_.arrays[i].name, i); !is_new)
        throw base::WeightError(file_.where, "found " + file_.loaded[at->second].keys[0] + " and " +
                                                 file_.loaded[i].keys[0] + ", which are both " +
                                                 file_.arrays[i].name + ", expected one of them");
  }

  WeightFile file_;
  std::vector<Item> items_;
  std::vector<Row> rows_;
  std::map<TableEntry, std::vector<const Item*>> parts_;
  std::vector<TableEntry> order_;  // keys of parts_, in the order of the file
};

}  // namespace

WeightFile to_official(std::vector<NamedArray> arrays, const std::string& where,
                       std::span<const std::string> allowed) {
  return Reader(std::move(arrays), where, allowed).read();
}

WeightFile read_weight_file(const std::filesystem::path& path, std::span<const std::string> allowed,
                            files::WeightSet set) {
  files::RawWeights raw = files::read_raw_weights(path, set);
  WeightFile file;
  if (raw.format == "checkpoint") {  // written by this program, in official names
    file.where = path.string();
    std::vector<std::string_view> keys;
    for (const NamedArray& array : raw.arrays) {
      file.loaded.push_back({array.name, {array.name}});
      keys.push_back(array.name);
    }
    file.model = model_of(keys);
    file.arrays = std::move(raw.arrays);
  } else {
    file = to_official(std::move(raw.arrays), path.string(), allowed);
  }
  file.format = raw.format;
  add_descriptions(file, raw);
  for (std::string& key : raw.ignored) file.skipped.push_back({std::move(key), "no weights"});
  for (files::TorchFile::OtherSet& other : raw.other_sets)
    file.skipped.push_back(
        {std::move(other.key), other.averaged ? "averaged weights, swin convert --ema takes "
                                                "them"
                                              : "another dict of tensors"});
  if (!raw.key.empty()) file.notes.push_back("the weights are under \"" + raw.key + "\"");
  return file;
}

}  // namespace swin::weights
