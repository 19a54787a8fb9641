// What this process may use of its machine, whoever limits it: processors (affinity, the quota of
// control groups) and memory (control groups, `ulimit -v`).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace swin::base {

struct Limits {
  int cores = 1;                      ///< by the affinity mask
  std::optional<double> quota_cores;  ///< processor time of the control groups: 0.5 is half a core
  std::optional<int64_t> machine_bytes;        ///< memory that is installed
  std::optional<int64_t> group_bytes;          ///< memory of the control groups
  std::optional<int64_t> address_space_bytes;  ///< `ulimit -v`

  /// The quota, rounded up, from 1 to the cores.
  int threads() const;
  /// The smallest of the three; nothing if none is known.
  std::optional<int64_t> memory_bytes() const;
};

/// Reads the limits. Groups nest: the smallest limit of a group and of all above it counts. Both
/// versions of control groups are read: cpu.cfs_quota_us / cpu.cfs_period_us and
/// memory.limit_in_bytes, cpu.max and memory.max.
/// @param root replaces "/" in the paths of /proc and of the groups' mount points, for tests.
/// Source: Linux, Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst; proc(5) on mountinfo.
Limits read_limits(const std::string& root = "");

/// Those of this process, read once.
const Limits& limits();

/// Memory that this process could still get: what the machine has available, and what is left of
/// its groups' limits (pages of files, which are given back, count as free) and of `ulimit -v`.
/// Nothing if no one says it, as without /proc.
std::optional<int64_t> available_memory_bytes(const std::string& root = "");

/// Whether `bytes` more fit into the control groups' memory and swap. Beyond it the system ends the
/// process without a word.
bool has_memory_for(int64_t bytes, const Limits& of = limits());
/// @param what the text of the error: what needs the memory.   @param remedy as of errors.
/// @throws MemoryError if has_memory_for(bytes) is false.
void require_memory(int64_t bytes, const std::string& what, const std::string& remedy,
                    const Limits& of = limits());

}  // namespace swin::base
