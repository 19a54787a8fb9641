// Weights by name, from files into a model's parameters.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "files/checkpoint_file.h"
#include "files/named_array.h"
#include "layers/scope.h"
#include "weights/dialects.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Parameters;

/// The weights in a file of any format and dialect, in official names: read_weight_file(file).
/// @throws base::WeightError if the file is missing, damaged or in no known dialect.
std::vector<files::NamedArray> read_weights(const std::filesystem::path& file);

/// Copies arrays into the parameters and buffers of the same names. bfloat16 and float16 are
/// widened; derived tables are ignored. If anything does not fit, no parameter changes.
/// @param where the file, for errors.
/// @throws base::WeightError naming the parameters that are missing, unknown or of another shape or
///     type.
void load_weights(Parameters& parameters, std::span<const files::NamedArray> arrays,
                  const std::string& where);
/// read_weights, then load_weights.
void load_weights(Parameters& parameters, const std::filesystem::path& file);
/// The same for the arrays model/<name> of a checkpoint, which are read one by one.
/// @param unused says of a name that the model may lack it, such as a head that is switched off.
void load_weights(Parameters& parameters, const files::CheckpointFile& file,
                  const std::function<bool(const std::string& name)>& unused = {});
/// The same for the arrays <group>/<name> of a checkpoint and another slab of the parameters'
/// layout, such as "optimizer/exp_avg".
void load_slab(const Parameters& layout, real* slab, const files::CheckpointFile& file,
               const std::string& group);

/// Copies an array of f32, f16 or bf16 into `values`, as files::read_float32.
void read_values(const files::NamedArray& array, const std::string& where, std::span<real> values);

/// Checks that a file's weights have the names and shapes of the model's parameters. file.kind
/// selects the model: a classifier, which may lack its head, SimMIM, a backbone, a segmenter or a
/// detector; the sizes of its heads are those of the file. Nothing is
/// computed.
/// @param config of the model; num_classes 0 is replaced by the size of the file's head.
/// @throws base::WeightError as load_weights does; base::UsageError if the config is invalid.
void require_fit(const WeightFile& file, const ModelConfig& config);

}  // namespace swin::weights
