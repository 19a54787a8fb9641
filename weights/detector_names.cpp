#include "weights/detector_names.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace swin::weights {

namespace {

using enum Transform;

// {i} is a level, a convolution or a linear layer, {k} the stage of a cascade.
struct Names {
  const char* ours;
  const char* torchvision = "";           // empty: it has no such layer
  const char* before = "";                // its name before version 0.14
  Transform transform = Transform::same;  // to torchvision
};
constexpr Names kNames[] = {
    {"neck.lateral_convs.{i}.conv.{p}", "backbone.fpn.inner_blocks.{i}.0.{p}",
     "backbone.fpn.inner_blocks.{i}.{p}"},
    {"neck.fpn_convs.{i}.conv.{p}", "backbone.fpn.layer_blocks.{i}.0.{p}",
     "backbone.fpn.layer_blocks.{i}.{p}"},
    {"rpn_head.rpn_conv.{p}", "rpn.head.conv.0.0.{p}", "rpn.head.conv.{p}"},
    {"rpn_head.rpn_cls.{p}", "rpn.head.cls_logits.{p}"},
    {"rpn_head.rpn_reg.{p}", "rpn.head.bbox_pred.{p}"},
    {"roi_head.bbox_head.shared_fcs.0.{p}", "roi_heads.box_head.fc6.{p}"},
    {"roi_head.bbox_head.shared_fcs.1.{p}", "roi_heads.box_head.fc7.{p}"},
    {"roi_head.bbox_head.fc_cls.{p}", "roi_heads.box_predictor.cls_score.{p}", "", background_last},
    {"roi_head.bbox_head.fc_reg.{p}", "roi_heads.box_predictor.bbox_pred.{p}", "", box_slot},
    {"roi_head.mask_head.convs.{i}.conv.{p}", "roi_heads.mask_head.{i}.0.{p}",
     "roi_heads.mask_head.mask_fcn{i+1}.{p}"},
    {"roi_head.mask_head.upsample.{p}", "roi_heads.mask_predictor.conv5_mask.{p}"},
    {"roi_head.mask_head.conv_logits.{p}", "roi_heads.mask_predictor.mask_fcn_logits.{p}", "",
     mask_slot},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.conv.weight"},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.conv.bias"},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.bn.{p}"},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.bn.running_mean"},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.bn.running_var"},
    {"roi_head.bbox_head.{k}.shared_convs.{i}.gn.{p}"},
    {"roi_head.bbox_head.{k}.shared_fcs.{i}.{p}"},
    {"roi_head.bbox_head.{k}.fc_cls.{p}"},
    {"roi_head.bbox_head.{k}.fc_reg.{p}"},
    {"roi_head.mask_head.{k}.convs.{i}.conv.{p}"},
    {"roi_head.mask_head.{k}.upsample.{p}"},
    {"roi_head.mask_head.{k}.conv_logits.{p}"},
};

// Parts of names after "bbox_head." and "mask_head.", which in a cascade stand after its number.
constexpr const char *kBoxClasses = "fc_cls.{p}", *kBoxDeltas = "fc_reg.{p}",
                     *kMaskLogits = "conv_logits.{p}";
constexpr const char *kBoxHead = "roi_head.bbox_head.", *kInCascade = "{k}.";

constexpr int64_t kMostLayers = 64;  // names of a hostile file may have any numbers

bool matches(const std::string& pattern, std::string_view name) {
  Binding binding;
  return match(pattern, name, binding);
}

/// Whether a name is this layer's of the head, or of a cascade's heads.
bool is_layer(std::string_view head, const char* layer, std::string_view name) {
  return name.starts_with(head) && (matches(std::string(head) + layer, name) ||
                                    matches(std::string(head) + kInCascade + layer, name));
}

/// One more than the largest number {i} (`letter` 0) or {k} (2) of the names that begin as the
/// pattern says; 0 if there is none.
int64_t count_of(const std::set<std::string>& names, const std::string& pattern, size_t letter) {
  int64_t count = 0;
  for (const std::string& name : names) {
    Binding binding;
    if (match(pattern, name, binding))
      count = std::max(count, std::min(binding.numbers[letter] + 1, kMostLayers));
  }
  return count;
}

/// Collects the names that are not among those of a file.
class Requirements {
 public:
  explicit Requirements(const std::set<std::string>& names) : names_(names) {}

  /// Both leaves of a layer.
  void layer(const std::string& path) {
    for (const char* leaf : {"weight", "bias"}) require(path + "." + leaf);
  }
  /// `least` layers, and more if a name has a larger number.
  /// @param pattern of their paths, with {i}.
  void layers(const std::string& path, const std::string& pattern, int64_t least) {
    const int64_t count = std::max(least, number(path + pattern + ".{p}"));
    for (int64_t i = 0; i < count; ++i) layer(fill(path + pattern, {.numbers = {i, -1, -1}}));
  }
  /// Convolutions without a bias, each with its batch norm or group norm.
  void normed_convolutions(const std::string& path) {
    const int64_t count = number(path + "shared_convs.{i}.conv.weight");
    const bool group = number(path + "shared_convs.{i}.gn.{p}") > 0;
    const bool batch = number(path + "shared_convs.{i}.bn.{p}") > 0;
    for (int64_t i = 0; i < count; ++i) {
      const std::string convolution = path + "shared_convs." + std::to_string(i);
      require(convolution + ".conv.weight");
      if (!group && !batch) require(convolution + ".conv.bias");
      if (group) layer(convolution + ".gn");
      if (!batch) continue;
      layer(convolution + ".bn");
      for (const char* held : {".bn.running_mean", ".bn.running_var"}) require(convolution + held);
    }
  }
  int64_t number(const std::string& pattern) const { return count_of(names_, pattern, 0); }
  std::vector<std::string> missing() { return std::move(missing_); }

 private:
  void require(std::string name) {
    if (!names_.contains(name)) missing_.push_back(std::move(name));
  }
  const std::set<std::string>& names_;
  std::vector<std::string> missing_;
};

}  // namespace

bool is_torchvision_detector(std::string_view name) {
  return name.starts_with("backbone.fpn.") || name.starts_with("rpn.") ||
         name.starts_with("roi_heads.");
}

bool is_detector_head(std::string_view name) {
  return name.starts_with("neck.") || name.starts_with("rpn_head.") ||
         name.starts_with("roi_head.") || is_torchvision_detector(name);
}

bool is_box_head(std::string_view name) {
  return name.starts_with("roi_heads.box_head.fc6.") ||
         is_layer(kBoxHead, "shared_fcs.{i}.{p}", name);
}

std::vector<Row> detector_rows(Dialect dialect) {
  std::vector<Row> rows;
  const bool torchvision = dialect == Dialect::torchvision;
  if (!torchvision && dialect != Dialect::official && dialect != Dialect::mm) return rows;
  for (const Names& names : kNames) {
    if (!torchvision) {
      rows.push_back({{names.ours}, {names.ours}, same});
      continue;
    }
    for (const char* theirs : {names.torchvision, names.before})
      if (*theirs) rows.push_back({{names.ours}, {theirs}, names.transform});
  }
  return rows;
}

std::optional<ClassRowsOf> detector_class_rows(std::string_view name) {
  if (is_layer(kBoxHead, kBoxClasses, name)) return ClassRowsOf{1, true};
  if (is_layer(kBoxHead, kBoxDeltas, name)) return ClassRowsOf{4, false};
  if (is_layer(kMaskHead, kMaskLogits, name)) return ClassRowsOf{1, false};
  return std::nullopt;
}

std::string detector_name(const WeightFile& file) {
  const bool masks =
      std::any_of(file.arrays.begin(), file.arrays.end(),
                  [](const NamedArray& array) { return array.name.starts_with(kMaskHead); });
  const bool cascade = file.find(detector_classes(true));
  return std::string(cascade ? "Cascade " : "") + (masks     ? "Mask R-CNN"
                                                   : cascade ? "R-CNN"
                                                             : "Faster R-CNN");
}

std::string detector_classes(bool cascade) {
  return std::string(kBoxHead) + (cascade ? "0." : "") + "fc_cls.weight";
}

std::vector<std::string> missing_detector_names(const std::set<std::string>& names,
                                                int64_t num_stages) {
  Requirements required(names);
  required.layers("neck.", "lateral_convs.{i}.conv", num_stages);
  required.layers("neck.", "fpn_convs.{i}.conv", num_stages);
  for (const char* layer : {"rpn_conv", "rpn_cls", "rpn_reg"})
    required.layer(std::string("rpn_head.") + layer);
  const int64_t stages =
      std::max(count_of(names, std::string(kBoxHead) + "{k}." + kBoxClasses, 2),
               count_of(names, std::string(kBoxHead) + "{k}.shared_fcs.{i}.{p}", 2));
  const bool masks = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with(kMaskHead);
  });
  for (int64_t k = 0; k < std::max<int64_t>(stages, 1); ++k) {
    const std::string number = stages > 0 ? std::to_string(k) + "." : "";
    const std::string box = kBoxHead + number, mask = std::string(kMaskHead) + number;
    if (stages > 0) required.normed_convolutions(box);
    required.layers(box, "shared_fcs.{i}", stages > 0 ? 1 : 2);
    for (const char* layer : {"fc_cls", "fc_reg"}) required.layer(box + layer);
    if (!masks) continue;
    required.layers(mask, "convs.{i}.conv", 0);
    for (const char* layer : {"upsample", "conv_logits"}) required.layer(mask + layer);
  }
  return required.missing();
}

}  // namespace swin::weights
