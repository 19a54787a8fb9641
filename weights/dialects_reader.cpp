// From the names of one model, in any dialect, to the official ones.
#include "weights/dialects_reader.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "weights/dense_names.h"
#include "weights/detector_names.h"
#include "weights/dialects_head.h"
#include "weights/layouts.h"
#include "weights/parameter_names.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

std::vector<std::string_view> names_of(const std::vector<Item>& items) {
  std::vector<std::string_view> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
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

std::string first_key(const std::vector<const Item*>& items) {
  for (const Item* item : items)
    if (item) return item->key;
  return "";
}

}  // namespace

DialectReader::DialectReader(std::vector<Item> items, std::string outer, std::string prefix,
                             const std::string& where, const ReadOptions& options)
    : outer_(std::move(outer)),
      prefix_(std::move(prefix)),
      options_(options),
      items_(std::move(items)) {
  file_.where = where;
  for (Item& item : items_)  // in a backbone of the hub only swin.layernorm has it
    for (const std::string_view root : {"swin.", "swinv2."})
      if (item.name.starts_with(root)) item.name.erase(0, root.size());
  unflatten();
}

Survey DialectReader::survey() {
  Survey survey;
  if (!recognize()) return survey;
  unwrap_head();
  sort_into_rows();
  survey.dialect = file_.dialect;
  survey.model = file_.model;
  survey.missing = missing();
  survey.num_unexpected = static_cast<int64_t>(unexpected_.size() + twice_.size());
  return survey;
}

WeightFile DialectReader::read() {
  if (!recognize()) refuse_dialect();
  if (file_.model == "vit") require_plain_vit(names_of(items_), file_.where);
  unwrap_head();
  if (!head_layers_.empty()) refuse_head(head_layers_);
  sort_into_rows();
  if (!twice_.empty())
    throw base::WeightError(file_.where, "found " + twice_[0] + ", expected every name once",
                            "choose one with --prefix (init.prefix)");
  if (!unexpected_.empty()) refuse_unexpected();
  file_.missing = missing();
  for (const TableEntry& entry : order_) emit(entry);
  name_last_norm();
  find_kind();
  flatten_positions();
  require_distinct();
  round_doubles();
  return std::move(file_);
}

// timm's features_only model calls stage i layers_i.
void DialectReader::unflatten() {
  constexpr std::string_view kFlat = "layers_";
  for (Item& item : items_) {
    const size_t end = item.name.find_first_not_of("0123456789", kFlat.size());
    if (item.name.starts_with(kFlat) && end != std::string::npos && end > kFlat.size() &&
        item.name[end] == '.')
      item.name[kFlat.size() - 1] = '.';
  }
}

/// The heads of other segmenters than UPerNet and other detectors than Mask R-CNN, Faster R-CNN and
/// their cascade are left out: what is beside them is a backbone.
void DialectReader::leave_other_heads() {
  if (std::any_of(items_.begin(), items_.end(), [](const Item& item) {
        return item.outer && (is_upernet(item.name) || is_box_head(item.name));
      }))
    return;
  std::erase_if(items_, [&](const Item& item) {
    const bool other = item.outer && is_dense_head(item.name);
    if (other) file_.skipped.push_back({item.key, kNotOfBackbone});
    return other;
  });
}

bool DialectReader::recognize() {
  leave_other_heads();
  const std::vector<std::string_view> names = names_of(items_);
  const std::optional<Dialect> dialect = dialect_of(names);
  if (!dialect) return false;
  file_.dialect = backbone_ = *dialect;
  file_.model = model_of(names);
  std::optional<Dialect> heads;
  if (has_heads_of_torchvision()) file_.dialect = *(heads = Dialect::torchvision);
  rows_ = rows_of(backbone_, model_bit(file_.model), heads);
  return true;
}

bool DialectReader::has_heads_of_torchvision() const {
  return std::any_of(items_.begin(), items_.end(), [](const Item& item) {
    return item.outer && is_torchvision_detector(item.name);
  });
}

void DialectReader::refuse_dialect() const {
  for (const Item& item : items_)
    if (const char* other = other_network(item.key))
      throw base::WeightError(file_.where,
                              "found " + base::printable(item.key) + ", so " + other +
                                  ", expected one on Swin, Swin V2, Swin-MLP or ViT",
                              "this model is not supported");
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

/// Gives the one linear layer of a head its usual name. A head of other layers is left out where
/// the options allow that, else remembered for the error.
void DialectReader::unwrap_head() {
  const Head head = unusual_head(items_, rows_, backbone_);
  if (head.layers.empty()) return;
  if (head.is_linear) {
    for (size_t i = 0; i < head.items.size(); ++i) items_[head.items[i]].name = head.names[i];
    file_.notes.push_back("the head is " + head.layers[0]);
    return;
  }
  if (!options_.any_head) head_layers_ = head.layers;
  for (size_t i = head.items.size(); i-- > 0;) {
    const auto item = items_.begin() + static_cast<std::ptrdiff_t>(head.items[i]);
    file_.skipped.push_back({item->key, "of a head of other layers"});
    items_.erase(item);
  }
}

void DialectReader::refuse_head(const std::vector<std::string>& layers) const {
  // Everything that begins as the first layer does, up to the outermost name of a head.
  const std::string path = "." + layers[0] + ".";
  size_t end = path.size();
  for (const std::string head : {".head.", ".heads.", ".classifier.", ".fc."}) {
    const size_t at = path.find(head, layers[0].starts_with(prefix_) ? prefix_.size() : 0);
    if (at != std::string::npos) end = std::min(end, at + head.size());
  }
  const std::string pattern = path.substr(1, end - 1) + "*";
  throw base::WeightError(
      file_.where,
      "found a head of " + std::to_string(layers.size()) +
          (layers.size() == 1 ? " layer that is not linear (" : " layers (") +
          base::listing(layers, 4) + "), expected one linear layer",
      "begin with a new head (swin train CONFIG --init FILE --set init.head=reset), or leave it "
      "out (swin convert FILE OUT.safetensors --allow '" +
          base::printable(pattern) + "')");
}

void DialectReader::sort_into_rows() {
  for (size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    const std::optional<Found> found = find_row(rows_, &Row::theirs, item.name);
    if (is_batch_count(item.name)) {
      file_.skipped.push_back({item.key, "a count of steps"});
    } else if (is_derived_table(item.name)) {
      file_.skipped.push_back({item.key, "derived from the sizes"});
      if (found) {
        item.array.name = fill(rows_[found->entry.row].ours[0], found->entry.binding);
        file_.derived.push_back(item.array);
      }
    } else if (item.name.starts_with("pooler.")) {
      file_.skipped.push_back({item.key, "not of this model"});
    } else if (!found) {
      unexpected_.push_back(i);
    } else {
      std::vector<const Item*>& parts = parts_[found->entry];
      if (parts.empty()) order_.push_back(found->entry);
      parts.resize(rows_[found->entry.row].theirs.size());
      if (parts[found->part])
        twice_.push_back(item.key + " and " + parts[found->part]->key);
      else
        parts[found->part] = &item;
    }
  }
}

void DialectReader::refuse_unexpected() const {
  // Only the first are shown; a hostile file may have many long keys.
  constexpr size_t kShown = 3, kShownBytes = 200;
  std::vector<std::string> keys;
  for (const size_t i : unexpected_) {
    const Item& item = items_[i];
    const bool shown = keys.size() < kShown && item.key.size() < kShownBytes;
    keys.push_back(shown ? item.key + " (nearest: " + nearest_name(rows_, item.name) + ")"
                         : item.key);
  }
  throw base::WeightError(
      file_.where,
      "found " + base::listing(keys) + ", expected only names of " + file_.model + " in " +
          name_of(file_.dialect) + "'s dialect",
      "remove them, or allow them by name (--allow, in a training init.allow_unexpected)");
}

std::vector<WeightFile::Missing> DialectReader::missing() const {
  std::vector<WeightFile::Missing> missing;
  std::set<std::string> names;
  for (const auto& [entry, parts] : parts_) {
    const Row& row = rows_[entry.row];
    for (const std::string& ours : row.ours) {
      const std::string name = fill(ours, entry.binding);
      names.insert(name);
      for (size_t i = 0; i < parts.size(); ++i)
        if (!parts[i]) missing.push_back({name, in_file(fill(row.theirs[i], entry.binding))});
    }
  }
  for (std::string& name : missing_names(names, file_.model)) {
    std::string key = key_of(name);
    missing.push_back({std::move(name), std::move(key)});
  }
  return missing;
}

/// The key of a name in the file's dialect.
std::string DialectReader::in_file(const std::string& name) const {
  return (is_dense_head(name) ? outer_ : prefix_) + name;
}

/// What the file would call a parameter; several rows may have it, and the file uses one of them.
std::string DialectReader::key_of(const std::string& official) const {
  std::string key;
  for (size_t row = 0; row < rows_.size(); ++row)
    for (const std::string& ours : rows_[row].ours) {
      Binding binding;
      if (!match(ours, official, binding)) continue;
      const bool used = std::any_of(parts_.begin(), parts_.end(),
                                    [&](const auto& part) { return part.first.row == row; });
      if (key.empty() || used) key = in_file(fill(rows_[row].theirs[0], binding));
      if (used) return key;
    }
  return key;
}

void DialectReader::emit(const TableEntry& entry) {
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
        if (part->shape != parts[0]->shape || part->dtype != parts[0]->dtype || part->shape.empty())
          throw base::WeightError(
              file_.where, "found " + keys[0] + " of " + files::to_text(parts[0]->shape) + " and " +
                               part->name + " of " + files::to_text(part->shape) +
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
      add(0, from_unfold_order(*parts[0]));
      break;
    case Transform::background_last:
      require_rows(*parts[0], 2, keys[0]);
      add(0, first_row_last(*parts[0]));
      break;
    case Transform::box_slot:
    case Transform::mask_slot: {
      const int64_t slot = slot_of(row.transform);
      require_rows(*parts[0], 2 * slot, keys[0]);
      add(0, rows_of_array(*parts[0], slot, parts[0]->shape[0] - slot));
      break;
    }
    case Transform::derived:
      break;
  }
}

void DialectReader::require_rows(const NamedArray& array, int64_t least,
                                 const std::string& key) const {
  if (array.shape.empty() || array.shape[0] < least)
    throw base::WeightError(file_.where, "found " + key + " of " + files::to_text(array.shape) +
                                             ", expected rows for the background and one class");
}

void DialectReader::require_multiple(const NamedArray& array, size_t axis, int64_t factor,
                                     const std::string& key) const {
  if (array.shape.empty() || array.shape[axis] % factor != 0)
    throw base::WeightError(file_.where, "found " + key + " of " + files::to_text(array.shape) +
                                             ", expected dim " + std::to_string(axis) +
                                             " to be a multiple of " + std::to_string(factor));
}

// mmpretrain's classifier names the last norm after its stage.
void DialectReader::name_last_norm() {
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

void DialectReader::find_kind() {
  bool simmim = false, backbone = false, segmenter = false, detector = false;
  for (const NamedArray& array : file_.arrays) {
    simmim |= array.name == "mask_token" || array.name.starts_with("decoder.");
    backbone |= array.name.starts_with("norm") && array.name[4] != '.';
    segmenter |= is_segmenter_head(array.name);
    detector |= is_detector_head(array.name);
  }
  file_.kind = detector    ? WeightKind::detector
               : segmenter ? WeightKind::segmenter
               : simmim    ? WeightKind::simmim
               : backbone  ? WeightKind::backbone
                           : WeightKind::model;
  if ((backbone || segmenter || detector) && backbone_ == Dialect::huggingface) drop_last_norm();
  if (segmenter || detector) name_backbone();
  if (file_.kind != WeightKind::simmim) return;
  for (auto* list : {&file_.arrays, &file_.derived})
    for (NamedArray& array : *list)
      if (!array.name.starts_with("decoder.")) array.name.insert(0, kEncoderPrefix);
  for (size_t i = 0; i < file_.arrays.size(); ++i) file_.loaded[i].name = file_.arrays[i].name;
}

// The hub's backbones contain the classifier's last norm but do not use it.
void DialectReader::drop_last_norm() {
  for (size_t i = file_.arrays.size(); i-- > 0;) {
    if (!file_.arrays[i].name.starts_with("norm.")) continue;
    file_.skipped.push_back({file_.loaded[i].keys[0], "not used by a backbone"});
    file_.arrays.erase(file_.arrays.begin() + static_cast<std::ptrdiff_t>(i));
    file_.loaded.erase(file_.loaded.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

/// The first generation of detectors and segmenters keeps the position embedding as a map,
/// (1, C, H, W); its classifiers keep rows, (1, H·W, C), and so does everything here.
void DialectReader::flatten_positions() {
  for (NamedArray& array : file_.arrays)
    if (is_called(array.name, "absolute_pos_embed") && array.shape.size() == 4 &&
        array.shape[0] == 1 && array.num_elements() > 0)
      array = positions_as_rows(array);
}

void DialectReader::name_backbone() {
  const auto rename = [](std::string& name) {
    if (!is_dense_head(name)) name.insert(0, kBackbonePrefix);
  };
  for (NamedArray& array : file_.arrays) rename(array.name);
  for (NamedArray& array : file_.derived) rename(array.name);
  for (WeightFile::Loaded& entry : file_.loaded) rename(entry.name);
  for (WeightFile::Missing& entry : file_.missing) rename(entry.name);
}

void DialectReader::require_distinct() const {
  std::map<std::string_view, size_t> first;
  for (size_t i = 0; i < file_.arrays.size(); ++i)
    if (const auto [at, is_new] = first.emplace(file_.arrays[i].name, i); !is_new)
      throw base::WeightError(file_.where, "found " + file_.loaded[at->second].keys[0] + " and " +
                                               file_.loaded[i].keys[0] + ", which are both " +
                                               file_.arrays[i].name + ", expected one of them");
}

void DialectReader::round_doubles() {
  std::set<std::string> rounded;
  for (size_t i = 0; i < file_.arrays.size(); ++i) {
    NamedArray& array = file_.arrays[i];
    if (array.dtype != files::DType::f64) continue;
    const std::vector<std::string>& keys = file_.loaded[i].keys;
    rounded.insert(keys.begin(), keys.end());
    const std::string name = std::exchange(array.name, keys[0]);  // for an error
    array = files::rounded_to_float32(array, file_.where);
    array.name = name;
  }
  if (!rounded.empty())
    file_.notes.push_back(std::to_string(rounded.size()) +
                          (rounded.size() == 1 ? " tensor" : " tensors") +
                          " of float64 rounded to float32");
}

}  // namespace swin::weights
