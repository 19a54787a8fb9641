// What every op begins and ends with. Name, path, time, arithmetic, finite check and dry run meet
// here.
#pragma once
#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include "autograd/tape/tape.h"

namespace swin::autograd {

/// Names the layer that is running: ops inside carry its path, which must outlive this object.
class NamedScope {
 public:
  explicit NamedScope(const std::string& path);
  explicit NamedScope(std::string&&) = delete;
  ~NamedScope();
  NamedScope(const NamedScope&) = delete;
  NamedScope& operator=(const NamedScope&) = delete;
  static const std::string& path();
  /// "path/op", or only the op outside every layer.
  static std::string path_of(const std::string& path, const char* op) {
    return path.empty() ? op : path + "/" + op;
  }

 private:
  const std::string* outer_;
};

/// Collects what forwards do: one line an op. Installed for the calling thread while it lives.
class ForwardObserver {
 public:
  ForwardObserver();
  virtual ~ForwardObserver();
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;
  virtual void op_done(const char* op, const std::string& path, const Tensor& y, int64_t macs,
                       double seconds) = 0;
  static ForwardObserver* current();

 private:
  ForwardObserver* outer_;
};

/// While one lives, ops of this thread state no multiply-adds: the published flops() leave some
/// arithmetic out (the position-bias MLP of Swin V2), and what is stated here must equal them.
class Uncounted {
 public:
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;

 private:
  bool outer_;
};

/// Multiply-adds that the published flops() count and no op states (or, negative, too many stated):
/// reported to the current ForwardObserver under the running layer's path, as an op without output.
/// @param what as an op's name; lives as long as the program.
void state_macs(const char* what, int64_t macs);

/// While one lives, the output of every op and every gradient is checked; the first that is not
/// finite throws DivergedError naming op and path. A normal step pays nothing: the trainer replays
/// a bad one.
class FiniteCheck {
 public:
  FiniteCheck();
  ~FiniteCheck();
  FiniteCheck(const FiniteCheck&) = delete;
  FiniteCheck& operator=(const FiniteCheck&) = delete;
  static bool active();

 private:
  bool outer_;
};
bool all_finite(const real* data, int64_t numel);

class Op {
 public:
  explicit Op(const char* name);

  /// @throws ShapeError "path/op: found, expected …" unless ok. The text is only made when it
  /// fails.
  template <class Text>
  void check(bool ok, Text&& text) const {
    if (!ok) fail(text());
  }
  /// States the multiply-adds of the forward.
  void macs(int64_t n);

  /// Ends the op: y needs a gradient if an input does, and then `backward` runs with dy.
  Tensor record(Tensor y, std::initializer_list<Tensor> inputs, Backward backward) {
    return finish(std::move(y), inputs.begin(), inputs.size(), std::move(backward));
  }
  Tensor record(Tensor y, const std::vector<Tensor>& inputs, Backward backward) {
    return finish(std::move(y), inputs.data(), inputs.size(), std::move(backward));
  }
  /// Whether record() will keep the backward of these inputs: what only backward reads need not be
  /// saved else.
  static bool will_record(std::initializer_list<Tensor> inputs);

 private:
  [[noreturn]] void fail(const std::string& text) const;
  Tensor finish(Tensor y, const Tensor* inputs, size_t num_inputs, Backward backward);
  const char* name_;
  int64_t macs_ = 0;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace swin::autograd
