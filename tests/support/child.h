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
  int exit_code = -1;  ///< 128 + signal if a signal ended it
  std::string out, err;
};

/// A child that may still run; its output goes to files of `folder`.
class Child {
 public:
  struct Options {
    std::vector<std::string>
        runner;  ///< a program and arguments that start `swin`: an emulator, ld.so
    /// NAME, value; set in the child's environment.
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::string> unset;  ///< names removed from it first
    std::string stdout_path;         ///< instead of a file in `folder`, for example /dev/full
    std::string stderr_path;         ///< instead of a file in `folder`, for example a terminal
    bool close_stdout = false;       ///< starts without a descriptor 1
    bool leave_pipe = false;         ///< stdout is a pipe without a reader
    std::string working_folder;      ///< empty: the project
    long file_size_limit = -1;       ///< bytes; RLIMIT_FSIZE
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

/// The document that `swin … --json` prints; the parser refuses anything before or after it. Fails
/// the test if the exit code differs or stdout is not JSON.
base::Json json_of(const Words& arguments, int exit_code = 0);
void expect_keys(const base::Json& json, std::initializer_list<const char*> keys);

/// Waits until `name` is created in an existing `folder`. Construct it before the file can be
/// created.
class Arrival {
 public:
  Arrival(const std::filesystem::path& folder, std::string name);
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
  /// @return whether the file came within a minute.
  bool wait();

 private:
  int file_ = -1;
  std::string name_;
};

/// Overrides for a short training run: one step of the micro config.
inline Words one_step() {
  return {"--set", "schedule.steps=1",      "--set", "schedule.warmup_steps=0",
          "--set", "data.train.samples=16", "--set", "data.validation.samples=8"};
}
inline Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace swin::test
