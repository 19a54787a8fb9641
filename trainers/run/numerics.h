// What the bits of a run depend on in addition to its config.
#pragma once
#include <string>

#include "base/json.h"

namespace swin::trainers {

/// {blas, blas_core, onednn, onednn_isa, kernel_level, kernel_revision, precision, compiler}. Two
/// runs of equal config and equal numerics have equal bits.
base::Json numerics(const std::string& precision = "fp32");

/// The fields in which the two differ, as "blas_core is Zen, was SkylakeX"; empty if none.
std::string numerics_difference(const base::Json& now, const base::Json& before);

}  // namespace swin::trainers
