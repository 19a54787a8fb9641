#include "weights/dialects_conventions.h"

#include "weights/dialects_derived.h"

namespace swin::weights {

namespace {

using layers::PadMode;
using layers::WindowShrink;

std::string listed(const std::vector<int64_t>& stages) {
  std::string text = stages.size() == 1 ? "in stage " : "in stages ";
  for (size_t i = 0; i < stages.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(stages[i]);
  return text;
}

// What a pad_mode does, as a verb.
const char* done_by(PadMode mode) {
  switch (mode) {
    case PadMode::pad_then_roll:
      return "pads, then rolls";
    case PadMode::roll_then_pad:
      return "rolls, then pads";
    case PadMode::masked:
      return "masks what it pads";
    case PadMode::reject:
      break;
  }
  return "pads nothing";
}

// The shift of a stage's odd blocks, if it has any.
Size2 shift_of(const WindowLayout& windows, const ModelConfig& config, int64_t stage) {
  return config.depths[static_cast<size_t>(stage)] > 1 ? windows.shift : Size2{};
}

// If nothing is rolled, the order of roll and padding does not matter.
bool same_padding(PadMode ours, PadMode theirs, bool shifts) {
  if (ours == theirs) return true;
  return !shifts && ours != PadMode::masked && theirs != PadMode::masked;
}

}  // namespace

Conventions conventions_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::official:
    case Dialect::huggingface:
      break;
    case Dialect::timm:
      return {WindowShrink::per_dimension, PadMode::roll_then_pad};
    case Dialect::torchvision:
    case Dialect::mm:
      return {WindowShrink::never, PadMode::pad_then_roll};
  }
  return {};
}

std::vector<std::string> computed_otherwise(Dialect dialect, const ModelConfig& config) {
  std::vector<std::string> sentences;
  const std::string library = name_of(dialect);
  if (config.qk_scale && config.name != "swin_v2" && dialect != Dialect::official)
    sentences.push_back(library + " has no qk_scale, so its logits differ");
  if (config.name == "vit") return sentences;
  const Conventions conventions = conventions_of(dialect);
  ModelConfig theirs = config;
  theirs.window_shrink = conventions.window_shrink;
  std::vector<int64_t> other_windows, other_padding, padded;
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    const WindowLayout here = stage_windows(config, stage), there = stage_windows(theirs, stage);
    const Size2 shift = shift_of(here, config, stage);
    if (here.window != there.window || shift != shift_of(there, theirs, stage))
      other_windows.push_back(stage);
    else if (here.padded != here.map)
      (same_padding(config.pad_mode, conventions.pad_mode, shift != Size2{}) ? padded
                                                                             : other_padding)
          .push_back(stage);
  }
  if (!other_windows.empty())
    sentences.push_back(library + " treats windows that are larger than the map otherwise " +
                        listed(other_windows) + " (model.window_shrink), so its logits can differ");
  if (dialect == Dialect::official) {
    padded.insert(padded.end(), other_padding.begin(), other_padding.end());
    if (!padded.empty())
      sentences.push_back("the official code refuses maps that its windows do not divide");
  } else if (!other_padding.empty()) {
    sentences.push_back(library + " " + done_by(conventions.pad_mode) + " " +
                        listed(other_padding) + ", this model " + done_by(config.pad_mode) +
                        " (model.pad_mode), so its logits can differ");
  }
  return sentences;
}

std::vector<std::string> computed_otherwise(Dialect dialect, const DetectorHeads& heads) {
  const bool torchvision = dialect == Dialect::torchvision;
  std::vector<std::string> sentences;
  if (torchvision != heads.torchvision)
    sentences.push_back(std::string(torchvision ? "torchvision" : "mmdetection") +
                        " computes anchors, RoIAlign and masks otherwise than this model "
                        "(task.convention), so its answers differ");
  if (torchvision)
    sentences.push_back(
        "torchvision has no feature pyramid on Swin: these are the names of its MaskRCNN or "
        "FasterRCNN with a backbone whose `body` is the official SwinTransformer and whose `fpn` "
        "is torchvision's FeaturePyramidNetwork");
  return sentences;
}

}  // namespace swin::weights
