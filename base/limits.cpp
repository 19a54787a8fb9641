#include "base/limits.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/errors.h"

namespace swin::base {
namespace {

namespace fs = std::filesystem;

// Version 1 writes "none" as the largest number of whole pages.
constexpr int64_t kNoLimit = int64_t{1} << 60;

template <class Number>
void keep_smaller(std::optional<Number>& least, const std::optional<Number>& other) {
  if (other && (!least || *other < *least)) least = other;
}

// The number that a file starts with. Nothing if there is no such file, or it says "max".
std::optional<int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

// The number behind a word, as in memory.stat and /proc/meminfo.
std::optional<int64_t> number_after(const fs::path& path, const std::string& word) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    int64_t number = 0;
    if (words >> first >> number && first == word) return number;
  }
  return std::nullopt;
}

// Spaces and other bytes of paths are octal escapes in mountinfo: "\040".
std::string unescaped(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t k) { return i + k < text.size() ? text[i + k] - '0' : -1; };
    const bool octal = text[i] == '\\' && digit(1) >= 0 && digit(1) < 4 && digit(2) >= 0 &&
                       digit(2) < 8 && digit(3) >= 0 && digit(3) < 8;
    plain += octal ? static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3)) : text[i];
    if (octal) i += 3;
  }
  return plain;
}

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

// The path of this process's group below the root of a hierarchy: of a controller of version 1, or
// of version 2 (an empty name). Lines are ID:CONTROLLERS:PATH.
std::string group_of(const std::string& root, const std::string& controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : has_word(controllers, controller))
      return line.substr(second + 1);
  }
  return "/";
}

// The folders of this process's group and of all groups above it that are mounted.
std::vector<fs::path> groups_in(const std::string& root, const std::string& mount,
                                const std::string& mounted_group, const std::string& group) {
  // A container sees its own group as the root of the mount, but not always of the path.
  std::string below;
  if (mounted_group == "/")
    below = group;
  else if (group == mounted_group || group.starts_with(mounted_group + "/"))
    below = group.substr(mounted_group.size());
  const fs::path top = root + mount;
  std::vector<fs::path> folders = {top};
  for (const fs::path& name : fs::path(below).relative_path()) {
    if (name == ".." || name.empty()) return {top};  // outside of the namespace
    folders.push_back(folders.back() / name);
  }
  return folders;
}

struct Groups {
  std::vector<fs::path> cpu, memory;  // version 1
  std::vector<fs::path> unified;      // version 2
};

// Lines of mountinfo are ID PARENT DEVICE ROOT MOUNT OPTIONS … - TYPE SOURCE OPTIONS.
Groups find_groups(const std::string& root) {
  Groups groups;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream before(line), after(line.substr(separator + 3));
    std::string skipped, mounted_group, mount, type, options;
    before >> skipped >> skipped >> skipped >> mounted_group >> mount;
    after >> type >> skipped >> options;
    const auto add = [&](std::vector<fs::path>& to, const std::string& controller) {
      for (fs::path& folder :
           groups_in(root, unescaped(mount), unescaped(mounted_group), group_of(root, controller)))
        to.push_back(std::move(folder));
    };
    if (type == "cgroup2") add(groups.unified, "");
    if (type == "cgroup" && has_word(options, "cpu")) add(groups.cpu, "cpu");
    if (type == "cgroup" && has_word(options, "memory")) add(groups.memory, "memory");
  }
  return groups;
}

std::optional<double> share(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> quota_of(const Groups& groups) {
  std::optional<double> least;
  for (const fs::path& group : groups.cpu)
    keep_smaller(least, share(number_in(group / "cpu.cfs_quota_us"),
                              number_in(group / "cpu.cfs_period_us")));
  for (const fs::path& group : groups.unified) {
    std::ifstream file(group / "cpu.max");
    int64_t quota = 0, period = 0;
    if (file >> quota >> period) keep_smaller(least, share(quota, period));
  }
  return least;
}

struct MemoryGroup {
  int64_t limit_bytes = 0;
  std::optional<int64_t> used_bytes;
};

std::vector<MemoryGroup> memory_groups(const Groups& groups) {
  std::vector<MemoryGroup> found;
  const auto add = [&](std::optional<int64_t> limit, const fs::path& group, const char* usage,
                       const char* prefix) {
    if (!limit || *limit < 0 || *limit >= kNoLimit) return;
    MemoryGroup one{*limit, number_in(group / usage)};
    for (const char* files : {"active_file", "inactive_file"})
      if (one.used_bytes)
        *one.used_bytes -=
            number_after(group / "memory.stat", std::string(prefix) + files).value_or(0);
    found.push_back(one);
  };
  for (const fs::path& group : groups.memory) {
    add(number_in(group / "memory.limit_in_bytes"), group, "memory.usage_in_bytes", "total_");
    // Groups above the mounted one are not seen; their smallest limit stands here.
    add(number_after(group / "memory.stat", "hierarchical_memory_limit"), group, "", "");
  }
  for (const fs::path& group : groups.unified)
    add(number_in(group / "memory.max"), group, "memory.current", "");
  return found;
}

// The cores of the affinity mask, on machines of any size.
int cores_of_mask() {
  for (int most = 1024; most <= 1 << 20; most *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<size_t>(most));
    if (mask == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(most));
    const bool read = sched_getaffinity(0, bytes, mask) == 0;
    const int cores = read ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (read) return std::max(1, cores);
  }
  return 1;
}

std::optional<int64_t> address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      limit.rlim_cur >= static_cast<rlim_t>(kNoLimit))
    return std::nullopt;
  return static_cast<int64_t>(limit.rlim_cur);
}

// /proc/self/statm: size, resident and shared pages of this process.
struct Pages {
  int64_t size = 0, resident = 0, shared = 0;
};
std::optional<Pages> pages_of_process(const std::string& root) {
  std::ifstream file(root + "/proc/self/statm");
  Pages pages;
  if (!(file >> pages.size >> pages.resident >> pages.shared)) return std::nullopt;
  const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  return Pages{pages.size * page_bytes, pages.resident * page_bytes, pages.shared * page_bytes};
}

int64_t swap_bytes() {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return 0;
  return static_cast<int64_t>(info.totalswap) * info.mem_unit;
}

}  // namespace

int Limits::threads() const {
  if (!quota_cores || *quota_cores >= cores) return cores;
  // The files have whole microseconds: a quota of 1 core is not 1.0000001.
  return std::max(1, static_cast<int>(std::ceil(*quota_cores - 1e-6)));
}

std::optional<int64_t> Limits::memory_bytes() const {
  std::optional<int64_t> least = machine_bytes;
  keep_smaller(least, group_bytes);
  keep_smaller(least, address_space_bytes);
  return least;
}

Limits read_limits(const std::string& root) {
  Limits result;
  result.cores = cores_of_mask();
  const Groups groups = find_groups(root);
  result.quota_cores = quota_of(groups);
  for (const MemoryGroup& group : memory_groups(groups))
    keep_smaller(result.group_bytes, std::optional(group.limit_bytes));
  result.address_space_bytes = address_space_limit();
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  if (pages > 0) result.machine_bytes = pages * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
  // A limit above what there is limits nothing.
  if (result.group_bytes && result.machine_bytes && *result.group_bytes >= *result.machine_bytes)
    result.group_bytes.reset();
  return result;
}

const Limits& limits() {
  static const Limits instance = read_limits();
  return instance;
}

std::optional<int64_t> available_memory_bytes(const std::string& root) {
  std::optional<int64_t> least;
  if (const auto kilobytes = number_after(root + "/proc/meminfo", "MemAvailable:"))
    least = *kilobytes * 1024;
  for (const MemoryGroup& group : memory_groups(find_groups(root)))
    if (group.used_bytes)
      keep_smaller(least,
                   std::optional(std::max<int64_t>(0, group.limit_bytes - *group.used_bytes)));
  const std::optional<int64_t> limit = address_space_limit();
  if (const std::optional<Pages> pages = pages_of_process(root); pages && limit)
    keep_smaller(least, std::optional(std::max<int64_t>(0, *limit - pages->size)));
  return least;
}

namespace {

struct GroupUse {
  int64_t most = 0, used = 0;
};
GroupUse group_use(const Limits& of) {
  static const int64_t swap = swap_bytes();
  const std::optional<Pages> pages = pages_of_process("");
  return {*of.group_bytes + swap, pages ? pages->resident - pages->shared : 0};
}

}  // namespace

bool has_memory_for(int64_t bytes, const Limits& of) {
  if (!of.group_bytes) return true;
  const GroupUse use = group_use(of);
  return bytes <= use.most - use.used;
}

void require_memory(int64_t bytes, const std::string& what, const std::string& remedy,
                    const Limits& of) {
  if (has_memory_for(bytes, of)) return;
  const GroupUse use = group_use(of);
  throw MemoryError("memory",
                    "found no room for " + std::to_string(bytes) + " bytes of " + what +
                        " on top of " + std::to_string(use.used) +
                        " in use, expected no more than the " + std::to_string(use.most) +
                        " of this process's control group",
                    remedy);
}

}  // namespace swin::base
