// Weights by name, from files into a model's parameters.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/named_array.h"
#include "layers/scope.h"

namespace swin::layers {

/// Whether a name is of a table that files of other programs hold beside the parameters and that
/// the model derives from its sizes: relative_position_index, attn_mask, relative_coords_table.
bool is_derived_table(std::string_view name);

/// The weights in a file, in official names: all arrays of a .safetensors file, or /model of a
/// checkpoint (told apart by their first bytes).
/// @throws base::WeightError where the file is missing or damaged.
std::vector<files::NamedArray> read_weights(const std::filesystem::path& file);

/// Copies arrays into the parameters of their names; float32, bfloat16 and float16 are widened.
/// Derived tables are passed over. Nothing is changed unless everything fits.
/// @param where the file, for errors.
/// @throws base::WeightError naming the parameters that are missing, unknown or of another shape or
/// type.
void load_weights(Parameters& parameters, std::span<const files::NamedArray> arrays,
                  const std::string& where);
/// read_weights and load_weights in one.
void load_weights(Parameters& parameters, const std::filesystem::path& file);

}  // namespace swin::layers
