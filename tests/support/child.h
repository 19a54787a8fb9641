// The real program as a child process, its output and exit code.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tests/support/temporary_directory.h"

namespace swin::test {

using Words = std::vector<std::string>;

struct Finished {
  int exit_code = -1;  ///< 128 + signal where a signal ended it
  std::string out, err;
};

/// A child that may still run; its output goes to files of `folder`.
class Child {
 public:
  struct Options {
    /// NAME, value; set in the child's environment.
    std::vector<std::pair<std::string, std::string>> environment;
    std::string stdout_path;     ///< instead of a file of ours, for example /dev/full
    std::string stderr_path;     ///< instead of a file of ours, for example a terminal
    bool close_stdout = false;   ///< starts without a descriptor 1
    bool leave_pipe = false;     ///< stdout is a pipe that nobody reads
    std::string working_folder;  ///< empty: the project
    long file_size_limit = -1;   ///< bytes; RLIMIT_FSIZE
  };
  /// Starts `swin` with these arguments.
  Child(const Words& arguments, const Options& options);
  explicit Child(const Words& arguments) : Child(arguments, Options{}) {}
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void send(int signal) const;
  Finished wait();

 private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

Finished swin(const Words& arguments, const Child::Options& options = {});

/// The document that `swin … --json` prints; the parser refuses anything before or after it. A
/// failure of the test where the exit code is another or stdout is none.
base::Json json_of(const Words& arguments, int exit_code = 0);
void expect_keys(const base::Json& json, std::initializer_list<const char*> keys);

/// Blocks until `name` is created in `folder`, which exists. Construct it before what creates the
/// file begins.
class Arrival {
 public:
  Arrival(const std::filesystem::path& folder, std::string name);
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
  /// @return false after a minute without it.
  bool wait();

 private:
  int file_ = -1;
  std::string name_;
};

/// Sets of a training run of a moment: one step of the micro config.
inline Words one_update() {
  return {"--set", "schedule.steps=1",      "--set", "schedule.warmup_steps=0",
          "--set", "data.train.samples=16", "--set", "data.validation.samples=8"};
}
inline Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace swin::test
