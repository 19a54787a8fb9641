// From official names to those of another library.
#include <algorithm>
#include <map>

#include "base/errors.h"
#include "base/size2.h"
#include "weights/dense_names.h"
#include "weights/detector_names.h"
#include "weights/dialects_conventions.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_rows.h"
#include "weights/layouts.h"
#include "weights/parameter_names.h"

namespace swin::weights {

namespace {

constexpr int64_t kMostTokens = 4096;  // per window; its index then takes 134 MB per block

const char* huggingface_prefix(unsigned model) {
  return model == kVit ? "vit." : model == kSwinV2 ? "swinv2." : "swin.";
}

// norm0 … norm3
bool is_stage_norm(std::string_view name) {
  Binding binding;
  return match(kStageNorm, name, binding);
}

// Does the work of to_dialect. Its errors name --dialect, because another dialect may work.
class Writer {
 public:
  Writer(std::span<const NamedArray> arrays, Dialect dialect, const ModelConfig& config)
      : dialect_(dialect),
        backbone_dialect_(dialect),
        config_(config),
        model_(model_bit(config.name)),
        where_(std::string("--dialect ") + name_of(dialect)) {
    if (model_ == kSwinMlp && dialect != Dialect::official)
      throw base::UsageError(
          where_,
          "found a Swin-MLP, expected a model that this library has (only official has Swin-MLP)",
          "use --dialect official");
    for (const NamedArray& array : arrays) {
      dense_ |= array.name.starts_with(kBackbonePrefix);
      detector_ |= is_detector_head(array.name);
    }
    if (detector_) choose_detector();
    for (const NamedArray& array : backbone_of(arrays)) backbone_ |= is_stage_norm(array.name);
    for (const NamedArray& array : arrays) {
      if (is_derived_table(array.name)) continue;
      simmim_ |= array.name.starts_with(kEncoderPrefix) || array.name.starts_with("decoder.");
      arrays_.push_back(array);
    }
    if (simmim_)
      for (NamedArray& array : arrays_)
        if (array.name.starts_with(kEncoderPrefix)) array.name.erase(0, kEncoderPrefix.size());
    if (dense_)
      for (NamedArray& array : arrays_)
        if (array.name.starts_with(kBackbonePrefix)) array.name.erase(0, kBackbonePrefix.size());
    if (dialect == Dialect::mm && !backbone_)
      throw base::UsageError(where_,
                             "found a model without norm0 … norm3, expected a backbone, a "
                             "segmenter or a detector, which alone are written with mm's names",
                             "use another dialect, or train a segmenter or a detector from it");
    rows_ = rows_of(backbone_dialect_, model_, detector_ ? std::optional(dialect) : std::nullopt);
  }

  std::vector<NamedArray> write() {
    require_names();
    require_sizes();
    std::map<TableEntry, std::vector<const NamedArray*>> parts;
    for (const NamedArray& array : arrays_) {
      const std::optional<Found> found = find_row(rows_, &Row::ours, array.name);
      if (!found)
        throw base::UsageError(where_,
                               "found " + array.name + ", expected names that " +
                                   name_of(dialect_) + "'s " + config_.name + " has",
                               "use --dialect official, which has them all");
      std::vector<const NamedArray*>& wholes = parts[found->entry];
      wholes.resize(rows_[found->entry.row].ours.size());
      wholes[found->part] = &array;
      if (std::find(wholes.begin(), wholes.end(), nullptr) == wholes.end())
        emit(rows_[found->entry.row], found->entry.binding, wholes);
    }
    for (const auto& [entry, wholes] : parts)
      for (size_t i = 0; i < wholes.size(); ++i)
        if (!wholes[i])
          throw base::UsageError(
              where_, "found no " + fill(rows_[entry.row].ours[i], entry.binding) +
                          ", expected it for " + fill(rows_[entry.row].theirs[0], entry.binding));
    if (model_ == kSwin || model_ == kSwinV2) add_tables();
    if (simmim_ && dialect_ == Dialect::official)
      for (NamedArray& array : written_)
        if (!array.name.starts_with("decoder.")) array.name.insert(0, kEncoderPrefix);
    if (dialect_ == Dialect::huggingface) add_prefix();
    if (dense_) name_dense();
    return std::move(written_);
  }

 private:
  const NamedArray* find(std::string_view name) const {
    for (const NamedArray& array : arrays_)
      if (array.name == name) return &array;
    return nullptr;
  }

  // torchvision's detectors take any backbone; that of published detectors is written.
  void choose_detector() {
    if (dialect_ == Dialect::torchvision)
      backbone_dialect_ = Dialect::official;
    else if (dialect_ == Dialect::timm || dialect_ == Dialect::huggingface)
      throw base::UsageError(
          where_, "found a detector, expected a model that this library has",
          "use --dialect official or mm (both generations of mmdetection), or torchvision");
  }

  void require_names() const {
    for (const NamePair& pair : table_of(backbone_dialect_).required)
      if ((pair.models & model_) && !find(pair.ours))
        throw base::UsageError(where_,
                               std::string("found no ") + pair.ours + ", expected it, as every " +
                                   config_.name + " of " + name_of(dialect_) + " has it",
                               "use --dialect official");
  }

  // Refuses sizes that a library does not let one choose.
  void require_sizes() const {
    if (backbone_dialect_ != Dialect::torchvision && dialect_ != Dialect::huggingface) return;
    const std::string library = name_of(dialect_);
    const std::vector<double>& ratios = config_.mlp_ratios;
    if (std::any_of(ratios.begin(), ratios.end(), [&](double r) { return r != ratios[0]; }))
      throw base::UsageError(
          where_,
          "found an mlp_ratio for each stage, expected one for all stages, as in " + library,
          "use --dialect official or timm");
    const NamedArray* patches = find("patch_embed.proj.weight");
    if (dialect_ == Dialect::torchvision && patches && patches->shape.size() == 4 &&
        patches->shape[1] != 3)
      throw base::UsageError(where_,
                             "found images of " + std::to_string(patches->shape[1]) +
                                 " channels, expected 3, as in every model of torchvision",
                             "use another dialect");
  }

  void emit(const Row& row, const Binding& binding, const std::vector<const NamedArray*>& wholes) {
    const auto add = [&](size_t part, NamedArray array) {
      array.name = fill(row.theirs[part], binding);
      written_.push_back(std::move(array));
    };
    const NamedArray& first = *wholes[0];
    switch (row.transform) {
      case Transform::same:
        add(0, is_first_generation() && is_called(first.name, "absolute_pos_embed")
                   ? position_map(first)
                   : first);
        break;
      case Transform::thirds: {
        require_thirds(first);
        const int64_t dim = first.shape[0] / 3;
        for (size_t part = 0; part < 3; ++part)
          add(part, rows_of_array(first, static_cast<int64_t>(part) * dim, dim));
        break;
      }
      case Transform::q_zero_v: {
        NamedArray zeros = first;
        const std::vector<std::byte> bytes(first.bytes.size());
        zeros.bytes = bytes;
        const NamedArray* thirds[] = {&first, &zeros, wholes[1]};
        if (wholes[1]->shape != first.shape || wholes[1]->dtype != first.dtype)
          throw base::UsageError(where_, "found " + first.name + " and " + wholes[1]->name +
                                             " of different shapes or types, expected equal ones");
        add(0, joined(thirds, {3 * first.num_elements()}));
        break;
      }
      case Transform::unfold:
        if (first.shape.empty() || first.shape.back() % 4 != 0)
          throw base::UsageError(where_, "found " + first.name + " of " +
                                             files::to_text(first.shape) +
                                             ", expected a last dim of four pixels");
        add(0, to_unfold_order(first));
        break;
      case Transform::background_last:
        require_rows(first);
        add(0, last_row_first(first));
        break;
      case Transform::box_slot:
      case Transform::mask_slot:
        require_rows(first);
        add(0, with_zero_rows_first(first, slot_of(row.transform)));
        break;
      case Transform::derived:
        throw base::InternalError(where_, "found a transform that is only read");
    }
  }

  /// Detectors and segmenters of microsoft/Swin-Transformer, whose position embedding is a map.
  /// They make the masks of shifted windows anew for each image.
  bool is_first_generation() const { return backbone_ && backbone_dialect_ == Dialect::official; }

  NamedArray position_map(const NamedArray& rows) const {
    const Size2 map = layers::stage_map(config_, 0);
    if (rows.shape.size() != 3 || rows.shape[0] != 1 || rows.shape[1] != map[0] * map[1])
      throw base::UsageError(where_,
                             "found " + rows.name + " of " + files::to_text(rows.shape) +
                                 ", expected one row for each of the " + base::size_text(map) +
                                 " patches of model.image_size",
                             "give the config of this file with --config");
    return positions_as_map(rows, map[0], map[1]);
  }

  void require_rows(const NamedArray& array) const {
    if (array.shape.empty() || array.shape[0] < 1 || array.num_elements() < 1)
      throw base::UsageError(where_, "found " + array.name + " of " + files::to_text(array.shape) +
                                         ", expected rows of classes");
  }

  void require_thirds(const NamedArray& array) const {
    if (array.shape.empty() || array.shape[0] % 3 != 0)
      throw base::UsageError(where_, "found " + array.name + " of " + files::to_text(array.shape) +
                                         ", expected three parts of equal size");
  }

  // A dialect's name of a derived table; empty if the dialect does not keep that table.
  std::string table_name(const char* ours, int64_t stage, int64_t block) const {
    const std::string name = fill(kBlock + std::string(ours), {{stage, block, -1}, -1});
    const std::optional<Found> found = find_row(rows_, &Row::ours, name);
    return found ? fill(rows_[found->entry.row].theirs[0], found->entry.binding) : "";
  }

  // The window of a stage's table. @throws base::UsageError if the library has another one there.
  Size2 window_of_table(int64_t stage, const WindowLayout& windows) const {
    const bool one_size = backbone_dialect_ != Dialect::official;
    const bool fixed = one_size || backbone_;  // it never shrinks
    if (one_size && stage > 0 && config_.window_of(stage) != config_.window_of(0))
      throw base::UsageError(where_,
                             "found windows that differ from stage to stage, expected one "
                             "size, as in " +
                                 std::string(name_of(dialect_)),
                             "use --dialect official or timm");
    const Size2 window = fixed ? config_.window_of(stage) : windows.window;
    require_table(stage, window,
                  one_size ? std::string(name_of(dialect_)) +
                                 " keeps its windows on small maps; use --dialect official or timm"
                           : "give the config of this file with --config");
    if (backbone_dialect_ == Dialect::torchvision && window != windows.window)
      throw base::UsageError(where_,
                             "found windows of " + base::size_text(windows.window) + " in stage " +
                                 std::to_string(stage) + ", expected " + base::size_text(window) +
                                 ", as torchvision keeps its windows on small maps",
                             "use --dialect official, timm or huggingface");
    return window;
  }

  // Swin's position bias table has a row for each pair of distances within the window.
  void require_table(int64_t stage, Size2 window, const std::string& remedy) const {
    const std::string name =
        "layers." + std::to_string(stage) + ".blocks.0.attn.relative_position_bias_table";
    const NamedArray* table = find(name);
    if (!table || table->shape.empty()) return;
    const int64_t rows = (2 * window[0] - 1) * (2 * window[1] - 1);
    if (table->shape[0] != rows)
      throw base::UsageError(where_,
                             "found " + name + " with " + std::to_string(table->shape[0]) +
                                 " rows, expected " + std::to_string(rows) + " for windows of " +
                                 base::size_text(window),
                             remedy);
  }

  // timm keeps no derived tables, but it shrinks windows to small maps in its own way.
  void require_timm_windows() const {
    ModelConfig theirs = config_;
    theirs.window_shrink = conventions_of(Dialect::timm).window_shrink;
    for (int64_t stage = 0; stage < config_.num_stages(); ++stage)
      require_table(stage, stage_windows(theirs, stage).window,
                    "timm shrinks each side of a window separately; use --dialect official");
  }

  void add_tables() {
    if (dialect_ == Dialect::timm) return require_timm_windows();
    for (int64_t stage = 0; stage < config_.num_stages(); ++stage) {
      const WindowLayout at = stage_windows(config_, stage);
      const Size2 window = window_of_table(stage, at);
      const int64_t area = window[0] * window[1];
      if (area > kMostTokens)
        throw base::UsageError(
            where_,
            "found windows of " + base::size_text(window) + " in stage " + std::to_string(stage) +
                ", expected at most " + std::to_string(kMostTokens) +
                " tokens, because their index has one element per pair of tokens",
            "use --dialect timm, whose files have no index");
      for (int64_t block = 0; block < config_.depths[static_cast<size_t>(stage)]; ++block) {
        if (const auto name = table_name("attn.relative_position_index", stage, block);
            !name.empty()) {
          // torchvision flattens it.
          std::vector<int64_t> shape{area, area};
          if (backbone_dialect_ == Dialect::torchvision) shape = {area * area};
          written_.push_back(owned(name, shape, relative_position_index(window)));
        }
        if (const auto name = table_name("attn.relative_coords_table", stage, block); !name.empty())
          written_.push_back(
              owned(name, {1, 2 * window[0] - 1, 2 * window[1] - 1, 2},
                    relative_coords_table(window, config_.pretrained_window_of(stage))));
        const bool shifted =
            block % 2 == 1 && at.shift[0] > 0 && at.shift[1] > 0 && !is_first_generation();
        if (const auto name = table_name("attn_mask", stage, block);
            !name.empty() && shifted && at.padded == at.map) {
          const std::vector<real> mask = autograd::attention_mask(at).values();
          written_.push_back(owned(name, {at.windows(), area, area},
                                   std::vector<float>(mask.begin(), mask.end())));
        }
      }
    }
  }

  // Hugging Face prefixes the names of a model with a head; a bare model and a backbone have no
  // prefix.
  void add_prefix() {
    bool inside = false;
    for (const NamedArray& array : written_)
      inside |= array.name.starts_with("classifier.") || array.name.starts_with("decoder.");
    if (!inside) return;
    for (NamedArray& array : written_)
      if (!array.name.starts_with("classifier.") && !array.name.starts_with("decoder."))
        array.name.insert(0, huggingface_prefix(model_));
  }

  // A backbone below heads has a prefix, the heads have none; each batch norm has its count.
  void name_dense() {
    const std::string_view prefix =
        dialect_ == Dialect::torchvision ? kBodyPrefix : kBackbonePrefix;
    constexpr std::string_view kVariance = "running_var";
    std::vector<NamedArray> counts;
    for (NamedArray& array : written_) {
      if (!is_dense_head(array.name)) array.name.insert(0, prefix);
      if (array.name.ends_with(kVariance))
        counts.push_back(owned<int64_t>(
            array.name.substr(0, array.name.size() - kVariance.size()) + "num_batches_tracked", {},
            {0}));
    }
    written_.insert(written_.end(), counts.begin(), counts.end());
  }

  Dialect dialect_;
  Dialect backbone_dialect_;  // the names of a detector's backbone in torchvision's dialect
  const ModelConfig& config_;
  unsigned model_;
  std::string where_;
  bool simmim_ = false, backbone_ = false, dense_ = false, detector_ = false;
  std::vector<NamedArray> arrays_, written_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<NamedArray> to_dialect(std::span<const NamedArray> arrays, Dialect dialect,
                                   const ModelConfig& config) {
  return Writer(arrays, dialect, config).write();
}

}  // namespace swin::weights
