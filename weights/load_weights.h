// Weights by name, from files into a model's parameters.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "files/named_array.h"
#include "layers/scope.h"
#include "weights/dialects.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Parameters;

/// The weights in a file of any format and dialect, in official names: read_weight_file(file).
/// @throws base::WeightError where the file is missing, damaged or in no known dialect.
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

/// Whether a file's weights are the parameters of that model (of its SimMIM or backbone form, as
/// file.kind says; a classifier may lack its head), names and shapes. Nothing is computed.
/// @param config num_classes 0 gives way to the file's head.
/// @throws base::WeightError as load_weights does; UsageError where the config asks for the
/// impossible.
void require_fit(const WeightFile& file, const ModelConfig& config);

}  // namespace swin::weights
