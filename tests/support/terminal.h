// A terminal that a test holds the other end of.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace swin::test {

class Terminal {
 public:
  Terminal() : ours_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (ours_ < 0 || grantpt(ours_) != 0 || unlockpt(ours_) != 0)
      throw std::runtime_error("no terminal");
    path_ = ptsname(ours_);
    theirs_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 200;
    if (theirs_ < 0 || ioctl(theirs_, TIOCSWINSZ, &size) != 0)
      throw std::runtime_error("no terminal");
  }
  ~Terminal() {
    close(theirs_);
    close(ours_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int descriptor() const { return theirs_; }
  const std::string& path() const { return path_; }
  /// What was written to it since the last call; at most the few kilobytes that a terminal holds.
  std::string written() {
    std::string text;
    while (true) {
      int waiting = 0;
      if (ioctl(ours_, FIONREAD, &waiting) != 0 || waiting <= 0) return text;
      char bytes[1024];
      const ssize_t size = read(ours_, bytes, sizeof bytes);
      if (size <= 0) return text;
      text.append(bytes, static_cast<size_t>(size));
    }
  }

 private:
  int ours_, theirs_ = -1;
  std::string path_;
};

}  // namespace swin::test
