// The pre-processing that models were published with, for weights that do not say theirs.
#pragma once
#include <optional>
#include <string>

#include "weights/dialects.h"
#include "weights/preprocess.h"

namespace swin::weights {

/// The pre-processing of the published model of this library and size; `where` is its name, as
/// "torchvision's Swin-T". Empty if that library published no such model. The number of classes may
/// be another one: a fine-tuning usually keeps the pre-processing.
std::optional<Preprocess> published_preprocess(Dialect dialect, const ModelConfig& config);

/// Likewise for UPerNet, whose published models differ by library alone.
/// Source: upernet_swin_*.py on ADE20K (test_pipeline); transformers' SegformerImageProcessor.
Preprocess published_segmenter_preprocess(Dialect dialect);

/// Likewise for Mask R-CNN and Faster R-CNN, on COCO in every library.
/// Source: coco_instance.py of mmdetection (test_pipeline); torchvision's GeneralizedRCNNTransform.
Preprocess published_detector_preprocess(Dialect dialect);

}  // namespace swin::weights
