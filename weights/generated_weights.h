// Generated weights, images and labels: functions of (seed, name) by the counter-based generator. A
// golden does not need to store them; scripts/reference/generated.py draws the same bits
// (docs/numerics.md, "Generated weights").
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layers/scope.h"

namespace swin::weights {

/// The generated values of the parameter with this official name and shape, row-major. With u the
/// uniform draw of (seed, name, element) and v = 2u − 1:
///   position tables and tokens  v
///   logit_scale                 ln 10 + 1.5v
///   one-dimensional             1 + 0.3v where the name ends in .weight or .running_var, else 0.3v
///   all else                    v · √3 · s / √fan_in, s = 2 in "qkv", else 1
/// With these values attention is not uniform, and no norm, bias or table has its initial value.
std::vector<float> generated_values(uint64_t seed, std::string_view name,
                                    const autograd::Shape& shape);

/// Gives every parameter and buffer its generated values.
void fill_generated(layers::Parameters& parameters, uint64_t seed);

/// Images with standard deviation 1: element i is v · √3 with v from draw i of the stream. The
/// caller chooses the layout (goldens: B, C, H, W).
std::vector<float> generated_images(uint64_t seed, std::string_view stream, int64_t numel);

/// Labels from 0 to num_classes − 1.
std::vector<int64_t> generated_labels(uint64_t seed, std::string_view stream, int64_t count,
                                      int64_t num_classes);

/// v of the first `count` draws of the stream, in [−1, 1).
std::vector<double> generated_numbers(uint64_t seed, std::string_view stream, int64_t count);

/// The flat indices of the elements that a sampled golden holds of `tensor`: min(numel, 256) draws,
/// in their order; an index may occur twice.
std::vector<int64_t> sample_indices(uint64_t seed, const std::string& tensor, int64_t numel);

/// The seed of "counted:SEED"; empty if `text` does not start with "counted:".
/// @throws base::UsageError if "counted:" is not followed by a whole number.
std::optional<uint64_t> generated_seed(const std::string& text);

}  // namespace swin::weights
