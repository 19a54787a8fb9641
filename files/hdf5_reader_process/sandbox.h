// The walls around a process that reads what may crash its reader. The only door to libseccomp.
#pragma once
#include <cstdint>
#include <string>

namespace swin::files {

struct SandboxLimits {
  int64_t memory_bytes = int64_t{1} << 30;  ///< beyond what the process has when it enters
  int64_t cpu_seconds = 5;                  ///< beyond what it has used; may be raised from outside
};

/// From here on this process may compute, take memory up to a limit, read `file` at any place
/// (pread) and talk through `channel` (read, write); every other system call ends it. There is no
/// way back. A build with sanitizers, whose runtimes open files of their own, has the limits of
/// time and writing only: sandbox_is_whole() tells.
/// @return empty, or why this system has no such walls.
std::string enter_sandbox(int file, int channel, const SandboxLimits& limits);

/// Whether this build's sandbox keeps system calls and memory.
bool sandbox_is_whole();

}  // namespace swin::files
