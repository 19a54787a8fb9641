#include "base/cpu.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "base/errors.h"

namespace swin::base {
namespace {

#if defined(__x86_64__)
// Reads CPUID leaf 7. To use AMX, a process also needs the kernel's permission for the tile state.
bool has_amx_bf16() {
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (d >> 22) & 1u && (d >> 24) & 1u;
}
#endif

Cpu look() {
  Cpu result;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      result.model = line.substr(std::min(line.find(':') + 2, line.size()));
      break;
    }
  }
  if (result.model.empty()) result.model = "unknown";
#if defined(__x86_64__)
  __builtin_cpu_init();
  result.avx2 = __builtin_cpu_supports("avx2");
  result.fma = __builtin_cpu_supports("fma");
  result.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  result.avx512_bf16 = __builtin_cpu_supports("avx512bf16");
  result.amx_bf16 = has_amx_bf16();
  result.x86_64_v2 = __builtin_cpu_supports("x86-64-v2");
  result.x86_64_v3 = __builtin_cpu_supports("x86-64-v3");
  result.x86_64_v4 = __builtin_cpu_supports("x86-64-v4");
#endif
  return result;
}

}  // namespace

const Cpu& cpu() {
  static const Cpu instance = look();
  return instance;
}

std::string cpu_features() {
  std::string text;
  const Cpu& c = cpu();
  const auto add = [&](bool has, const char* name) {
    if (has) text += (text.empty() ? "" : " ") + std::string(name);
  };
  add(c.avx2, "avx2");
  add(c.fma, "fma");
  add(c.avx512, "avx512");
  add(c.avx512_bf16, "avx512_bf16");
  add(c.amx_bf16, "amx_bf16");
  return text;
}

void require_supported_cpu() {
#ifdef __x86_64__
  if (!cpu().x86_64_v2)
    throw UsageError("swin",
                     "found the processor " + cpu().model + " without SSE4.2, expected x86-64-v2",
                     "run it on a processor with SSE4.2");
#endif
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace swin::base
