// Checks of base/simd.h that are compiled for each instruction set, with GoogleTest's expectations
// inside.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace swin::simd_checks {

using Check = base::Kernel<void()>;
/// The bytes of a vector.
extern const base::Kernel<int64_t()> vector_bytes;
/// Each checks vectors of float and of double.
extern const Check lanes_and_rounding, partial_loads_and_stores, order_of_sums, largest_lane,
    rounding_of_fma, smaller_and_larger, square_roots, transposition, accuracy_of_exp,
    accuracy_of_normal_distribution;

}  // namespace swin::simd_checks
