// Which arrays of a weight file are whose of a model of another task: part of weights/adapt.cpp.
#pragma once
#include <string>
#include <vector>

#include "weights/adapt.h"

namespace swin::weights {

/// The arrays of a file under the names of a model's parameters, and those that it has no place
/// for. A dense model is a segmenter or a detector.
///   SimMIM's encoder → classifier    encoder.x → x; mask token and decoder are skipped
///   classifier → SimMIM's encoder    x → encoder.x
///   either, or a backbone → dense model  x → backbone.x; a classifier's head and last norm are
///                                    skipped
///   dense model → either             backbone.x → x; its heads are skipped
///   segmenter ↔ detector             backbone.x is kept; the heads are skipped
struct AdaptSource {
  std::vector<NamedArray> arrays;
  std::vector<AdaptedTensor> skipped;
};
AdaptSource arrays_for(const Parameters& parameters, const WeightFile& file);

/// Whether they are those of a segmenter or a detector.
bool is_dense(const Parameters& parameters);
bool is_dense(const WeightFile& file);

/// Why a parameter of a segmenter or a detector is no part of such a file: "not in the file: …";
/// empty if the file should have it.
std::string new_in_dense(const std::string& name, const WeightFile& file,
                         const Parameters& parameters);
/// Why the model has no parameter of this name, which another of its kind may have: "the model has
/// no auxiliary head"; empty if it is unknown.
std::string not_in_model(const std::string& name, const Parameters& parameters);

}  // namespace swin::weights
