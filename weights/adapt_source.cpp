#include "weights/adapt_source.h"

#include <algorithm>

#include "weights/dense_names.h"
#include "weights/detector_names.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

using Action = AdaptedTensor::Action;

/// Layers that a model of its kind may have or not.
struct OptionalHead {
  std::string_view prefix;
  const char* what;
};
constexpr OptionalHead kOptionalHeads[] = {{"auxiliary_head.", "auxiliary head"},
                                           {kMaskHead, "mask head"}};

bool is_of_encoder(const NamedArray& array) { return array.name.starts_with(kEncoderPrefix); }

bool is_of_classifier_alone(const std::string& name) {
  return name.starts_with("head.") || name.starts_with("norm.");
}

/// The kind of a dense model; else WeightKind::model.
WeightKind kind_of(const Parameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (is_segmenter_head(parameters[i].name)) return WeightKind::segmenter;
    if (is_box_head(parameters[i].name)) return WeightKind::detector;
  }
  return WeightKind::model;
}

bool has_prefix(const WeightFile& file, std::string_view prefix) {
  return std::any_of(file.arrays.begin(), file.arrays.end(),
                     [&](const NamedArray& array) { return array.name.starts_with(prefix); });
}

bool has_prefix(const Parameters& parameters, std::string_view prefix) {
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name.starts_with(prefix)) return true;
  return false;
}

}  // namespace

bool is_dense(const Parameters& parameters) { return kind_of(parameters) != WeightKind::model; }

bool is_dense(const WeightFile& file) {
  return file.kind == WeightKind::segmenter || file.kind == WeightKind::detector;
}

AdaptSource arrays_for(const Parameters& parameters, const WeightFile& file) {
  const WeightKind kind = kind_of(parameters);
  const bool to_dense = kind != WeightKind::model;
  const bool to_encoder = parameters.size() > 0 && parameters[0].name.starts_with(kEncoderPrefix);
  const bool simmim = std::any_of(file.arrays.begin(), file.arrays.end(), is_of_encoder);
  AdaptSource source;
  const auto skip = [&](const std::string& name, const std::string& reason) {
    source.skipped.push_back({Action::skipped, name, reason});
  };
  if (file.kind == kind && to_dense) {
    source.arrays = file.arrays;
    return source;
  }
  if (is_dense(file)) {
    source.arrays = backbone_of(file.arrays);
    for (const NamedArray& array : file.arrays)
      if (is_dense_head(array.name))
        skip(array.name, std::string("of a ") + name_of(file.kind) + "'s head");
  } else {
    source.arrays = to_encoder ? file.arrays : encoder_of(file.arrays);
  }
  if (simmim && !to_encoder)  // encoder_of leaves these out
    for (const NamedArray& array : file.arrays)
      if (!is_of_encoder(array) || array.name == "encoder.mask_token")
        skip(array.name, "of SimMIM's pretraining");
  if (to_dense)
    std::erase_if(source.arrays, [&](const NamedArray& array) {
      if (!is_of_classifier_alone(array.name)) return false;
      skip(array.name, array.name.starts_with("head.") ? "of a classifier's head"
                                                       : "of a classifier's last norm");
      return true;
    });
  for (NamedArray& array : source.arrays) {
    if (to_dense) array.name.insert(0, kBackbonePrefix);
    if (to_encoder && !simmim) array.name.insert(0, kEncoderPrefix);
  }
  return source;
}

std::string new_in_dense(const std::string& name, const WeightFile& file,
                         const Parameters& parameters) {
  const WeightKind kind = kind_of(parameters);
  if (file.kind == kind) {
    for (const OptionalHead& head : kOptionalHeads)
      if (name.starts_with(head.prefix) && !has_prefix(file, head.prefix))
        return std::string("not in the file: it has no ") + head.what;
    return "";
  }
  Binding binding;
  const bool stage_norm = file.kind != WeightKind::backbone && !is_dense(file) &&
                          match(std::string(kBackbonePrefix) + kStageNorm, name, binding);
  return is_dense_head(name) || stage_norm
             ? std::string("not in the file: a ") + name_of(kind) + " alone has it"
             : "";
}

std::string not_in_model(const std::string& name, const Parameters& parameters) {
  for (const OptionalHead& head : kOptionalHeads)
    if (name.starts_with(head.prefix) && is_dense(parameters) &&
        !has_prefix(parameters, head.prefix))
      return std::string("the model has no ") + head.what;
  return "";
}

}  // namespace swin::weights
