// What the processor can do, asked at run time.
#pragma once
#include <cstdint>
#include <string>

namespace swin::base {

struct Cpu {
  std::string model;  ///< as the kernel names it
  bool avx2 = false, fma = false, avx512 = false, avx512_bf16 = false, amx_bf16 = false;
  int cores = 1;  ///< this process may use
};
const Cpu& cpu();

/// Features separated by spaces, for `swin info` and logs.
std::string cpu_features();
/// Throws UsageError when this binary was built for instructions that the processor lacks.
void require_built_for_this_cpu();
/// The vector instructions the kernels were compiled for: "avx512", "avx2" or "generic".
const char* kernel_level();

/// The high-water mark of this process's memory, in bytes.
int64_t peak_memory_bytes();

}  // namespace swin::base
