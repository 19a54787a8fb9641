#include "weights/adapt_source.h"

#include <algorithm>

#include "weights/dialects_rows.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

using Action = AdaptedTensor::Action;

constexpr std::string_view kAuxiliaryHead = "auxiliary_head.";

bool is_of_encoder(const NamedArray& array) { return array.name.starts_with(kEncoderPrefix); }

bool is_of_classifier_alone(const std::string& name) {
  return name.starts_with("head.") || name.starts_with("norm.");
}

}  // namespace

bool is_segmenter(const Parameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i)
    if (is_segmenter_head(parameters[i].name)) return true;
  return false;
}

AdaptSource arrays_for(const Parameters& parameters, const WeightFile& file) {
  const bool to_segmenter = is_segmenter(parameters);
  const bool to_encoder = parameters.size() > 0 && parameters[0].name.starts_with(kEncoderPrefix);
  const bool simmim = std::any_of(file.arrays.begin(), file.arrays.end(), is_of_encoder);
  AdaptSource source;
  const auto skip = [&](const std::string& name, const char* reason) {
    source.skipped.push_back({Action::skipped, name, reason});
  };
  if (file.kind == WeightKind::segmenter) {
    source.arrays = to_segmenter ? file.arrays : backbone_of(file.arrays);
    for (const NamedArray& array : file.arrays)
      if (!to_segmenter && is_segmenter_head(array.name)) skip(array.name, "of a segmenter's head");
    if (to_segmenter) return source;
  } else {
    source.arrays = to_encoder ? file.arrays : encoder_of(file.arrays);
  }
  if (simmim && !to_encoder)  // encoder_of leaves these out
    for (const NamedArray& array : file.arrays)
      if (!is_of_encoder(array) || array.name == "encoder.mask_token")
        skip(array.name, "of SimMIM's pretraining");
  if (to_segmenter)
    std::erase_if(source.arrays, [&](const NamedArray& array) {
      if (!is_of_classifier_alone(array.name)) return false;
      skip(array.name, array.name.starts_with("head.") ? "of a classifier's head"
                                                       : "of a classifier's last norm");
      return true;
    });
  for (NamedArray& array : source.arrays) {
    if (to_segmenter) array.name.insert(0, kBackbonePrefix);
    if (to_encoder && !simmim) array.name.insert(0, kEncoderPrefix);
  }
  return source;
}

std::string new_in_segmenter(const std::string& name, const WeightFile& file) {
  if (file.kind == WeightKind::segmenter) {
    const bool has_auxiliary =
        std::any_of(file.arrays.begin(), file.arrays.end(),
                    [](const NamedArray& array) { return array.name.starts_with(kAuxiliaryHead); });
    return name.starts_with(kAuxiliaryHead) && !has_auxiliary
               ? "not in the file: it has no auxiliary head"
               : "";
  }
  Binding binding;
  const bool stage_norm =
      file.kind != WeightKind::backbone && match("backbone.norm{k}.{p}", name, binding);
  return is_segmenter_head(name) || stage_norm ? "not in the file: a segmenter alone has it" : "";
}

}  // namespace swin::weights
