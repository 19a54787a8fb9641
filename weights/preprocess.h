// How images were prepared for a model, as files of other libraries say it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/size2.h"

namespace swin::weights {

/// What a source says of the way from a decoded image to the model's input. A field that it does
/// not say is empty.
struct Preprocess {
  struct Resize {
    /// Short side before a crop in the middle; empty: straight to the size of the model's input.
    std::optional<int64_t> short_side;
    /// If set, there is no crop: images keep their ratio, and this side is at most so long.
    std::optional<int64_t> long_side = {};
  };
  std::string where;                      ///< the source, for errors and notes
  std::optional<base::Size2> input_size;  ///< height and width of the model's input
  std::optional<Resize> resize;
  /// Instead of `resize`: the short side is int(short side of the input / crop_pct).
  std::optional<double> crop_pct;
  std::string interpolation;       ///< bilinear | bicubic | lanczos
  std::vector<double> mean, std;   ///< one for all channels or one for each, of pixels in 0 … 1
  std::vector<std::string> notes;  ///< what was read otherwise than written, one sentence each
};

}  // namespace swin::weights
