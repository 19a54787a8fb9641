// Which arrays of a weight file are whose of a model of another task: part of weights/adapt.cpp.
#pragma once
#include <string>
#include <vector>

#include "weights/adapt.h"

namespace swin::weights {

/// The arrays of a file under the names of a model's parameters, and those that it has no place
/// for.
///   SimMIM's encoder → classifier    encoder.x → x; mask token and decoder are skipped
///   classifier → SimMIM's encoder    x → encoder.x
///   either, or a backbone → segmenter  x → backbone.x; a classifier's head and last norm are
///                                    skipped
///   segmenter → either               backbone.x → x; its heads are skipped
struct AdaptSource {
  std::vector<NamedArray> arrays;
  std::vector<AdaptedTensor> skipped;
};
AdaptSource arrays_for(const Parameters& parameters, const WeightFile& file);

/// Whether the parameters are those of a segmenter.
bool is_segmenter(const Parameters& parameters);

/// Why a parameter of a segmenter is no part of any file of this kind: "not in the file: …"; empty
/// if the file should have it.
std::string new_in_segmenter(const std::string& name, const WeightFile& file);

}  // namespace swin::weights
