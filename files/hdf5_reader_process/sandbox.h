// The sandbox of a process that reads files which may crash it. Only sandbox.cpp uses libseccomp.
#pragma once
#include <cstdint>
#include <string>

namespace swin::files {

struct SandboxLimits {
  int64_t memory_bytes = int64_t{1} << 30;  ///< beyond what the process has when it enters
  int64_t cpu_seconds = 5;                  ///< beyond what it has used; may be raised from outside
};

/// From now on this process may compute, allocate memory up to a limit, read `file` at any offset
/// (pread), and read and write `channel`; every other system call ends it. This cannot be undone.
/// In builds with sanitizers, whose runtimes open files of their own, only CPU time and writing
/// files are limited: see sandbox_is_whole().
/// @return empty, or why this system offers no such sandbox.
std::string enter_sandbox(int file, int channel, const SandboxLimits& limits);

/// Whether this build's sandbox also restricts system calls and memory.
bool sandbox_is_whole();

}  // namespace swin::files
