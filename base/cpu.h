// What the processor supports, detected at run time.
#pragma once
#include <cstdint>
#include <string>

namespace swin::base {

struct Cpu {
  std::string model;  ///< "model name" of /proc/cpuinfo; "unknown" if it does not say
  bool avx2 = false, fma = false, avx512 = false, avx512_bf16 = false, amx_bf16 = false;
  bool x86_64_v2 = false, x86_64_v3 = false, x86_64_v4 = false;  ///< levels of the x86-64 psABI
};
const Cpu& cpu();

/// The features that are present, separated by spaces, for `swin info` and logs.
std::string cpu_features();
/// @throws UsageError if this is an x86-64 processor without SSE4.2, which no kernel is compiled
/// for.
void require_supported_cpu();

/// Peak resident memory of this process, in bytes.
int64_t peak_memory_bytes();

}  // namespace swin::base
