// A pseudo-terminal for tests: the program writes to one end, the test reads from the other.
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
  explicit Terminal(unsigned short columns = 200, unsigned short rows = 24)
      : rows_(rows), columns_(columns), ours_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (ours_ < 0 || grantpt(ours_) != 0 || unlockpt(ours_) != 0)
      throw std::runtime_error("no terminal");
    path_ = ptsname(ours_);
    open_theirs();
  }
  ~Terminal() {
    close(theirs_);
    close(ours_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int descriptor() const { return theirs_; }
  void resize(unsigned short columns) {
    columns_ = columns;
    set_size();
  }
  const std::string& path() const { return path_; }
  /// The output since the last call, at most the few kilobytes that a terminal buffers. No other
  /// process may have the terminal open.
  std::string written() {
    close(theirs_);  // then reading fails at the end of the output instead of waiting for more
    std::string text;
    char bytes[1024];
    for (ssize_t size; (size = read(ours_, bytes, sizeof bytes)) > 0;)
      text.append(bytes, static_cast<size_t>(size));
    open_theirs();
    return text;
  }

 private:
  void open_theirs() {
    theirs_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (theirs_ < 0) throw std::runtime_error("no terminal");
    set_size();
  }
  void set_size() const {
    winsize size{};
    size.ws_row = rows_;
    size.ws_col = columns_;
    if (ioctl(theirs_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("no terminal");
  }

  unsigned short rows_, columns_;
  int ours_, theirs_ = -1;
  std::string path_;
};

}  // namespace swin::test
