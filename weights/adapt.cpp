#include "weights/adapt.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/errors.h"
#include "base/size2.h"
#include "base/text.h"
#include "weights/adapt_head.h"
#include "weights/adapt_source.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_rows.h"
#include "weights/load_weights.h"
#include "weights/mismatches.h"
#include "weights/parameter_names.h"
#include "weights/table_resize.h"

namespace swin::weights {

namespace {

using layers::ParameterEntry;
using layers::Slab;
using Action = AdaptedTensor::Action;

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob(pattern, name); });
}

class Adapter {
 public:
  Adapter(Parameters& parameters, const ModelConfig& config, const WeightFile& file,
          const std::optional<ModelConfig>& source, const AdaptOptions& options)
      : parameters_(parameters),
        config_(config),
        source_(source),
        options_(options),
        file_(file),
        dense_(is_dense(parameters)) {
    AdaptSource from = arrays_for(parameters, file);
    skipped_ = std::move(from.skipped);
    for (NamedArray& array : from.arrays) {
      order_.push_back(array.name);
      if (!by_name_.emplace(array.name, array).second)
        throw base::WeightError(file.where,
                                "found " + array.name + " twice, expected every name once");
    }
    for (const WeightFile::Skipped& skipped : file.skipped)
      skipped_.push_back({Action::skipped, skipped.key, skipped.reason});
  }

  AdaptReport run() {
    head_.emplace(parameters_, file_, options_,
                  [this](const std::string& name) { return find(name); });
    for (size_t i = 0; i < parameters_.size(); ++i) fit(parameters_[i]);
    const layers::Slab& buffers = parameters_.buffers();
    for (size_t i = 0; i < buffers.size(); ++i) fit(buffers[i]);
    for (const std::string& name : order_) {
      if (used_.contains(name)) continue;
      if (matches_any(options_.allow_unexpected, name))
        skip(name, "allowed by init.allow_unexpected");
      else if (is_called(name, "head.weight") || is_called(name, "head.bias"))
        skip(name, "the model has no head");
      else if (const std::string reason = not_in_model(name, parameters_); !reason.empty())
        skip(name, reason);
      else
        mismatches_.add("found " + name + ", expected no parameter of that name");
    }
    if (!mismatches_.none())
      mismatches_.raise(file_.where,
                        "correct the model section, or allow names in init.allow_missing and "
                        "init.allow_unexpected");
    copy();
    report_.tensors.insert(report_.tensors.end(), skipped_.begin(), skipped_.end());
    return std::move(report_);
  }

 private:
  const NamedArray* find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
  }
  void note(const ParameterEntry& entry, Action action, const std::string& detail = "") {
    report_.tensors.push_back({action, entry.name, detail});
  }
  void skip(const std::string& name, const std::string& reason) {
    skipped_.push_back({Action::skipped, name, reason});
  }
  void take(const ParameterEntry& entry, NamedArray array, Action action,
            const std::string& detail = "") {
    if (array.dtype != files::DType::f32 && array.dtype != files::DType::bf16 &&
        array.dtype != files::DType::f16) {
      mismatches_.add("found " + entry.name + " of type " + files::name_of(array.dtype) +
                      ", expected f32, bf16 or f16");
      return;
    }
    taken_.emplace_back(&entry, std::move(array));
    note(entry, action, detail);
  }
  /// Takes computed values. They are rounded to float in both builds, so that both start from the
  /// same weights.
  void take(const ParameterEntry& entry, const std::vector<double>& values, Action action,
            const std::string& detail) {
    take(entry,
         owned(entry.name, entry.shape.dims(), std::vector<float>(values.begin(), values.end())),
         action, detail);
  }

  // ---- The head: the layers whose rows are the classes

  /// The initial values of a parameter.
  std::vector<double> initial_values(const ParameterEntry& entry) const {
    const real* data = parameters_.slab();
    if (!data) return std::vector<double>(static_cast<size_t>(entry.numel()));  // in a dry run
    return {data + entry.offset, data + entry.offset + entry.numel()};
  }

  void fit_head(const ParameterEntry& entry, const NamedArray* array) {
    if (!head_->reason().empty()) return note(entry, Action::reinitialized, head_->reason());
    if (!array) return absent(entry);
    if (head_->as_they_are()) {
      const bool named = !options_.class_names.empty(), theirs = !file_.class_names.empty();
      if (entry.shape.dims().size() == 1 || named == theirs) return fit_exactly(entry, *array);
      return fit_exactly(entry, *array,
                         named ? "rows by number: the file has no class names"
                               : "rows by number: the data have class numbers, the file has names");
    }
    const std::vector<int64_t> expected = entry.shape.dims();
    if (array->shape.size() != expected.size() ||
        !std::equal(expected.begin() + 1, expected.end(), array->shape.begin() + 1))
      return mismatch(entry, *array);
    const std::vector<int64_t> rows = head_->of(entry.name, expected[0], array->shape[0]);
    if (rows.empty()) return fit_exactly(entry, *array);
    const std::vector<double> from = values_of(*array, file_.where);
    const auto width = static_cast<size_t>(entry.numel() / expected[0]);
    std::vector<double> to = initial_values(entry);
    for (size_t k = 0; k < rows.size(); ++k)
      if (rows[k] >= 0)
        std::copy_n(from.begin() + rows[k] * static_cast<int64_t>(width), width,
                    to.begin() + static_cast<std::ptrdiff_t>(k * width));
    take(entry, to, Action::adapted, head_->detail());
  }

  // ---- One parameter

  void absent(const ParameterEntry& entry) {
    if (dense_ && options_.head != HeadInit::keep)
      if (const std::string reason = new_in_dense(entry.name, file_, parameters_); !reason.empty())
        return note(entry, Action::reinitialized, reason);
    if (matches_any(options_.allow_missing, entry.name))
      return note(entry, Action::missing, "keeps its initial values: not in the file");
    std::string name = entry.name;
    for (const WeightFile::Missing& missing : file_.missing)
      if (missing.name == name && missing.key != name) {
        name += " (" + missing.key + " in the file)";
        break;
      }
    mismatches_.add("found no " + name + ", expected it with shape " + entry.shape.text());
  }
  void mismatch(const ParameterEntry& entry, const NamedArray& array, const std::string& why = "") {
    mismatches_.add("found " + entry.name + " with shape " + files::to_text(array.shape) +
                    ", expected " + entry.shape.text() + (why.empty() ? "" : " (" + why + ")"));
  }
  void fit_exactly(const ParameterEntry& entry, const NamedArray& array,
                   const std::string& detail = "") {
    if (array.shape != entry.shape.dims()) return mismatch(entry, array);
    take(entry, array, Action::loaded, detail);
  }

  void fit(const ParameterEntry& entry) {
    const NamedArray* array = find(entry.name);
    if (array) used_.insert(entry.name);
    if (class_rows_of(entry.name)) return fit_head(entry, array);
    if (!array) return absent(entry);
    if (is_called(entry.name, "relative_position_bias_table")) return fit_table(entry, *array);
    if (is_called(entry.name, "absolute_pos_embed") || is_called(entry.name, "pos_embed"))
      return fit_embedding(entry, *array);
    if (is_called(entry.name, "patch_embed.proj.weight") && array->shape != entry.shape.dims())
      return fit_channels(entry, *array);
    fit_exactly(entry, *array);
  }

  void fit_table(const ParameterEntry& entry, const NamedArray& array) {
    const int64_t stage = stage_of(entry.name), heads = entry.shape[1];
    const Size2 window = stage_windows(config_, stage).window;
    if (array.shape.size() != 2 || array.shape[1] != heads) return mismatch(entry, array);
    Size2 from = window;
    if (source_ && stage < source_->num_stages()) {
      from = stage_windows(*source_, stage).window;
      if ((2 * from[0] - 1) * (2 * from[1] - 1) != array.shape[0])
        return mismatch(entry, array, "the file's config has windows of " + base::size_text(from));
    } else if (array.shape[0] != entry.shape[0]) {
      const auto side = square_side(array.shape[0]);
      if (!side || *side % 2 == 0)
        return mismatch(entry, array,
                        "no square window has a table of this size, and the file has no "
                        "config that gives its window");
      from = {(*side + 1) / 2, (*side + 1) / 2};
    }
    if (from == window) return fit_exactly(entry, array);
    const bool bicubic = options_.position_resize == PositionResize::bicubic;
    const std::vector<double> resized =
        resize_grid(values_of(array, file_.where), {2 * from[0] - 1, 2 * from[1] - 1},
                    {2 * window[0] - 1, 2 * window[1] - 1}, heads,
                    bicubic ? GridResize::bicubic : GridResize::geometric);
    take(entry, resized, Action::resized,
         "windows of " + base::size_text(from) + " → " + base::size_text(window) +
             (bicubic ? ", bicubic" : ", geometric progression"));
  }

  void fit_embedding(const ParameterEntry& entry, const NamedArray& array) {
    const bool vit = is_called(entry.name, "pos_embed");
    const int64_t channels = entry.shape[2];
    const auto& shape = array.shape;
    if (shape.size() != 3 || shape[0] != 1 || shape[2] != channels) return mismatch(entry, array);
    // Rows of the class token: they come before the map and are never resized.
    const int64_t here = parameters_.find("cls_token") ? 1 : 0, there = find("cls_token") ? 1 : 0;
    const Size2 map = layers::stage_map(config_, 0);
    const int64_t tokens = shape[1] - there;
    Size2 from = map;
    if (source_) {
      from = layers::stage_map(*source_, 0);
    } else if (tokens != map[0] * map[1]) {
      const auto side = square_side(tokens);
      if (!side)
        return mismatch(entry, array,
                        "no square map has so many tokens, and the file has no "
                        "config that gives its map");
      from = {*side, *side};
    }
    if (from[0] * from[1] != tokens)
      return mismatch(entry, array, "the file's config has a map of " + base::size_text(from));
    if (here > there) return mismatch(entry, array, "the file has no class token");
    if (from == map && here == there) return fit_exactly(entry, array);
    const bool antialias = vit || options_.position_resize == PositionResize::timm;
    const std::vector<double> values = values_of(array, file_.where);
    const std::span<const double> grid =
        std::span(values).subspan(static_cast<size_t>(there * channels));
    std::vector<double> result(values.begin(), values.begin() + here * channels);
    const std::vector<double> resized =
        from == map ? std::vector<double>(grid.begin(), grid.end())
                    : resize_grid(grid, from, map, channels,
                                  antialias ? GridResize::bicubic_antialias : GridResize::bicubic);
    result.insert(result.end(), resized.begin(), resized.end());
    std::string detail = "map of " + base::size_text(from) + " → " + base::size_text(map) +
                         ", bicubic" + (antialias ? " with antialiasing" : "");
    if (from == map) detail = "without the class token's row";
    take(entry, result, from == map ? Action::adapted : Action::resized, detail);
  }

  void fit_channels(const ParameterEntry& entry, const NamedArray& array) {
    const std::vector<int64_t> expected = entry.shape.dims();
    if (array.shape.size() != 4 || array.shape[0] != expected[0] || array.shape[2] != expected[2] ||
        array.shape[3] != expected[3])
      return mismatch(entry, array);
    const int64_t from = array.shape[1], to = expected[1], area = expected[2] * expected[3];
    if (from != 1 && from != 3)
      return mismatch(entry, array,
                      "only weights for 1 or 3 channels can be adapted to another number");
    const std::vector<double> values = values_of(array, file_.where);
    std::vector<double> result(static_cast<size_t>(entry.numel()));
    for (int64_t o = 0; o < expected[0]; ++o)
      for (int64_t c = 0; c < to; ++c)
        for (int64_t p = 0; p < area; ++p) {
          const auto at = [&](int64_t channel) {
            return values[static_cast<size_t>((o * from + channel) * area + p)];
          };
          double sum = 0;
          if (to == 1)
            for (int64_t channel = 0; channel < from; ++channel) sum += at(channel);
          else
            sum = at(c % from) * static_cast<double>(from) / static_cast<double>(to);
          result[static_cast<size_t>((o * to + c) * area + p)] = sum;
        }
    take(entry, result, Action::adapted,
         std::to_string(from) + " → " + std::to_string(to) +
             (to == 1 ? " input channels, summed" : " input channels, repeated and scaled"));
  }

  void copy() {
    for (const auto& [entry, array] : taken_) {
      const bool buffer = parameters_.buffers().find(entry->name) == entry;
      layers::Slab& slab = buffer ? parameters_.buffers() : parameters_;
      if (real* data = slab.write(entry->offset, entry->offset + entry->numel()))
        read_values(array, file_.where, {data, static_cast<size_t>(entry->numel())});
    }
  }

  Parameters& parameters_;
  const ModelConfig& config_;
  const std::optional<ModelConfig>& source_;
  const AdaptOptions& options_;
  const WeightFile& file_;
  const bool dense_;
  std::unordered_map<std::string, NamedArray> by_name_;
  std::vector<std::string> order_;
  std::unordered_set<std::string> used_;
  std::optional<HeadRows> head_;
  Mismatches mismatches_;
  std::vector<std::pair<const ParameterEntry*, NamedArray>> taken_;
  std::vector<AdaptedTensor> skipped_;
  AdaptReport report_;
};

}  // namespace

const char* name_of(Action action) {
  static constexpr const char* kNames[] = {"loaded",         "resized", "adapted",
                                           "re-initialised", "missing", "skipped"};
  return kNames[static_cast<size_t>(action)];
}

int64_t AdaptReport::count(Action action) const {
  return std::count_if(tensors.begin(), tensors.end(),
                       [&](const AdaptedTensor& tensor) { return tensor.action == action; });
}

AdaptReport adapt_weights(Parameters& parameters, const ModelConfig& config, const WeightFile& file,
                          const std::optional<ModelConfig>& source, const AdaptOptions& options) {
  if (file.model != config.name)
    throw base::WeightError(file.where,
                            "found weights of a " + file.model + ", expected a " + config.name,
                            "set model.name to \"" + file.model + "\" or choose another file");
  // The windows of a backbone never shrink.
  ModelConfig here = config;
  std::optional<ModelConfig> there = source;
  if (is_dense(parameters)) here.window_shrink = layers::WindowShrink::always_shift;
  if (there && (is_dense(file) || file.kind == WeightKind::backbone))
    there->window_shrink = layers::WindowShrink::always_shift;
  return Adapter(parameters, here, file, there, options).run();
}

}  // namespace swin::weights
