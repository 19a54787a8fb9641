#include "files/hdf5_reader_process/sandbox.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SWIN_UNDER_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SWIN_UNDER_SANITIZER 1
#endif

namespace swin::files {
namespace {

#ifdef SWIN_UNDER_SANITIZER
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::string failure(const char* what, int error) {
  return std::string(what) + " (" + std::strerror(error) + ")";
}

// A lower limit that the process was started with (ulimit) stays: it cannot be raised.
bool limit(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return false;
  const rlimit value{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
  return setrlimit(resource, &value) == 0;
}

/// Address space of this process; 0 if it is not known.
rlim_t address_space_bytes() {
  unsigned long long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  const bool read = std::fscanf(file, "%llu", &pages) == 1;
  std::fclose(file);
  return read ? static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) : 0;
}

bool allow_all(scmp_filter_ctx filter) {
  // Memory without code, clocks and exit. Locks of libhdf5 and malloc need futex.
  constexpr int kHarmless[] = {
      SCMP_SYS(brk),           SCMP_SYS(munmap),       SCMP_SYS(mremap), SCMP_SYS(madvise),
      SCMP_SYS(futex),         SCMP_SYS(getrandom),    SCMP_SYS(exit),   SCMP_SYS(exit_group),
      SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),   SCMP_SYS(sched_yield),
      SCMP_SYS(rt_sigreturn),
  };
  for (const int call : kHarmless)
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) != 0) return false;
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                          SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

bool allow_on(scmp_filter_ctx filter, int call, int descriptor) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                          SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(descriptor))) == 0;
}

}  // namespace

bool sandbox_is_whole() { return !kSanitized; }

std::string enter_sandbox(int file, int channel, const SandboxLimits& limits) {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  const rlim_t now_bytes = address_space_bytes();
  const bool limited =
      limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_NPROC, 0, 0) &&
      limit(RLIMIT_CPU, static_cast<rlim_t>(used.tv_sec + limits.cpu_seconds), RLIM_INFINITY) &&
      (kSanitized || limit(RLIMIT_NOFILE, 0, 0));  // open descriptors stay usable
  if (!limited) return failure("resource limits were refused", errno);
  if (!kSanitized) {
    const rlim_t bytes = now_bytes + static_cast<rlim_t>(limits.memory_bytes);
    if (now_bytes == 0 || !limit(RLIMIT_AS, bytes, bytes))
      return failure("the memory limit was refused", errno);
  }

  const scmp_filter_ctx filter = seccomp_init(kSanitized ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return "libseccomp made no seccomp filter";
  const bool complete =
      kSanitized ||
      (allow_all(filter) && allow_on(filter, SCMP_SYS(pread64), file) &&
       allow_on(filter, SCMP_SYS(read), channel) && allow_on(filter, SCMP_SYS(write), channel));
  const int error = complete ? seccomp_load(filter) : -ENOMEM;
  seccomp_release(filter);
  return error == 0 ? "" : failure("the kernel refused the seccomp filter", -error);
}

}  // namespace swin::files
