#include "tests/support/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/places.h"

namespace swin::test {

namespace fs = std::filesystem;

base::Json json_of(const Words& arguments, int exit_code) {
  const Finished result = swin(arguments + Words{"--json"});
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  try {
    return base::parse_json(result.out, "stdout");
  } catch (const base::JsonSyntaxError& error) {
    ADD_FAILURE() << error.what << " in: " << result.out;
    return base::Json::object();
  }
}

void expect_keys(const base::Json& json, std::initializer_list<const char*> keys) {
  for (const char* key : keys) EXPECT_NE(json.find(key), nullptr) << key;
}

Child::Child(const std::vector<std::string>& arguments, const Options& options) {
  std::string pattern = (fs::temp_directory_path() / "swin_child_XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
  folder_ = pattern;
  const std::string out =
      options.stdout_path.empty() ? (folder_ / "out").string() : options.stdout_path;
  const std::string err =
      options.stderr_path.empty() ? (folder_ / "err").string() : options.stderr_path;
  const std::string working =
      options.working_folder.empty() ? source_dir() : options.working_folder;
  std::vector<std::string> words = options.runner;
  words.push_back(SWIN_PROGRAM);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == -1) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  // The child. gtest's parent is single-threaded here, so ordinary calls are fine.
  setenv("OMP_NUM_THREADS", "1", 1);  // other tests run at the same time
  for (const std::string& name : options.unset) unsetenv(name.c_str());
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  const int err_file = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0600);
  dup2(err_file, STDERR_FILENO);
  close(err_file);
  if (options.close_stdout) {
    close(STDOUT_FILENO);
  } else if (options.leave_pipe) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) _exit(127);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
  } else {
    const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out_file, STDOUT_FILENO);
    close(out_file);
  }
  if (chdir(working.c_str()) != 0) _exit(127);
  if (options.file_size_limit >= 0) {
    const rlimit limit{static_cast<rlim_t>(options.file_size_limit),
                       static_cast<rlim_t>(options.file_size_limit)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  execvp(argv[0], argv.data());
  _exit(127);
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    wait();
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Child::send(int signal) const { kill(pid_, signal); }

Finished Child::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
  Finished finished;
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  finished.out = read_text(folder_ / "out");
  finished.err = read_text(folder_ / "err");
  return finished;
}

Finished swin(const std::vector<std::string>& arguments, const Child::Options& options) {
  return Child(arguments, options).wait();
}

Arrival::Arrival(const fs::path& folder, std::string name)
    : file_(inotify_init1(IN_CLOEXEC)), name_(std::move(name)) {
  if (inotify_add_watch(file_, folder.c_str(), IN_CREATE | IN_MOVED_TO) == -1)
    throw std::runtime_error("cannot watch " + folder.string());
}
Arrival::~Arrival() { close(file_); }

bool Arrival::wait() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd ready{file_, POLLIN, 0};
    if (poll(&ready, 1, 60'000) <= 0) return false;
    const ssize_t bytes = read(file_, buffer.data(), buffer.size());
    for (ssize_t at = 0; at < bytes;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if (event->len > 0 && name_ == event->name) return true;
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    }
  }
  return false;
}

}  // namespace swin::test
