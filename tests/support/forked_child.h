// Code that runs in a child process, because it ends or limits its process.
#pragma once
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/errors.h"
#include "base/parallel.h"

namespace swin::test {

/// Runs `body` in a child process.
/// @return its exit code, which is that of a base::Error if one is thrown; −signal if one ended it
inline int run_in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    // The threads of the parent's OpenMP pool do not exist in a child; a region would wait for
    // them.
    base::set_num_threads(1);
    int code = 99;
    try {
      code = body();
    } catch (const base::Error& error) {
      code = static_cast<int>(error.code());
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Limits the size of the files that this process writes, as a full disk would. A process cannot
/// lift the limit again.
inline void limit_file_size(rlim_t bytes) {
  const struct rlimit limit { bytes, bytes };
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace swin::test
