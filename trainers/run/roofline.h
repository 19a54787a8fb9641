// What the machine allows an op: its rate of matrix products and its memory bandwidth.
#pragma once
#include <cstdint>

#include "trainers/run/profile.h"

namespace swin::trainers {

/// Source: Williams et al. 2009, "Roofline: an insightful visual performance model".
struct Roofline {
  double gflops = 0;         ///< the best 2048³ product on all threads
  double gb_per_second = 0;  ///< the triad a = b + s · c on all threads, 10⁹ bytes
  int64_t triad_bytes = 0;   ///< of its three arrays

  /// What the work reaches of min(gflops, flops / bytes · gb_per_second): the seconds that the
  /// roofline allows over those measured. More than 1 where tensors stay in a cache. 0 if the work
  /// is nothing or took no time.
  double share(const OpWork& work) const;
};

/// Takes some seconds. The arrays of the triad take twice the last cache, but at least 256 MB and
/// at most 1 GB. As in STREAM, each array counts once, though a write may read its line first.
Roofline measure_roofline();

}  // namespace swin::trainers
