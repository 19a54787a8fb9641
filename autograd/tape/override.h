// Variables and modes of a thread that are set while an object lives.
#pragma once
#include <utility>

namespace swin::autograd {

/// Sets a variable while it lives, and restores it afterwards.
template <class T>
class Override {
 public:
  Override(T& variable, T value) : variable_(variable), outer_(std::exchange(variable, value)) {}
  ~Override() { variable_ = outer_; }
  Override(const Override&) = delete;
  Override& operator=(const Override&) = delete;

 private:
  T& variable_;
  T outer_;
};

/// The base of a mode of the calling thread, which is on while an object of it lives.
template <class Mode>
class ThreadMode {
 public:
  static bool active() { return active_; }

 private:
  static inline thread_local bool active_ = false;
  const Override<bool> on_{active_, true};
};

}  // namespace swin::autograd
