// What the processor supports, detected at run time.
#pragma once
#include <cstdint>
#include <string>

namespace swin::base {

struct Cpu {
  std::string model;  ///< "model name" of /proc/cpuinfo
  bool avx2 = false, fma = false, avx512 = false, avx512_bf16 = false, amx_bf16 = false;
  int cores = 1;  ///< that this process may use
};
const Cpu& cpu();

/// The features that are present, separated by spaces, for `swin info` and logs.
std::string cpu_features();
/// @throws UsageError when this binary was built for instructions that the processor lacks.
void require_built_for_this_cpu();
/// The vector instructions the kernels were compiled for: "avx512", "avx2" or "generic".
const char* kernel_level();

/// Peak resident memory of this process, in bytes.
int64_t peak_memory_bytes();

}  // namespace swin::base
