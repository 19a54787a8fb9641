// Generated numbers: weights, images and labels as functions of (seed, name). A golden that holds
// none of them is filled on both sides from the counter-based generator; scripts/reference/
// generated.py draws the same bits (docs/numerics.md, "Generated weights").
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layers/scope.h"

namespace swin::weights {

using autograd::Shape;

using layers::Parameters;

/// The generated values of the parameter of this official name and shape, row-major. With u the
/// uniform draw of (seed, name, element) and v = 2u − 1:
///   position tables and tokens  v
///   logit_scale                 ln 10 + 1.5v
///   one-dimensional             1 + 0.3v where the name ends in .weight, else 0.3v
///   all else                    v · √3 · s / √fan_in, s = 2 in "qkv", else 1
/// Numbers that act: attention is not uniform, and no norm, bias or table is where it starts.
std::vector<float> generated_values(uint64_t seed, std::string_view name, const Shape& shape);

/// Gives every parameter its generated values.
void fill_generated(Parameters& parameters, uint64_t seed);

/// Images of deviation 1: element i is v · √3 of the stream's draw i, in the order the caller
/// means (goldens: B, C, H, W).
std::vector<float> generated_images(uint64_t seed, std::string_view stream, int64_t numel);

/// Labels below `num_classes`.
std::vector<int64_t> generated_labels(uint64_t seed, std::string_view stream, int64_t count,
                                      int64_t num_classes);

/// v of the stream's draws, in [−1, 1).
std::vector<double> generated_numbers(uint64_t seed, std::string_view stream, int64_t count);

/// The flat indices at which a sampled golden holds the values of `tensor`: min(numel, 256) draws,
/// in their order; one may come twice.
std::vector<int64_t> sample_places(uint64_t seed, const std::string& tensor, int64_t numel);

/// The seed of "counted:SEED"; empty where `text` is something else, such as the name of a file.
/// @throws base::UsageError where "counted:" is not followed by a whole number.
std::optional<uint64_t> generated_seed(const std::string& text);

}  // namespace swin::weights
