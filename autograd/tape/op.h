// The frame of every op: its name and path, shape checks, timing, multiply-adds, bytes, the check
// for finite values, and recording on the tape.
#pragma once
#include <chrono>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "autograd/tape/override.h"
#include "autograd/tape/tape.h"

namespace swin::autograd {

/// While one lives, `path` is the path of the ops that run on this thread, for errors and profiles.
/// The string must outlive this object.
class NamedScope {
 public:
  explicit NamedScope(const std::string& path);
  explicit NamedScope(std::string&&) = delete;
  static const std::string& path();
  /// "path/op", or just "op" outside of all layers.
  static std::string path_of(const std::string& path, const char* op) {
    return path.empty() ? op : path + "/" + op;
  }

 private:
  Override<const std::string*> current_;
};

/// A forward op that has run. The references are valid during the call of the observer.
struct OpDone {
  const char* op;
  const std::string& path;
  const Tensor& y;                 ///< with its gradient if the op is on the tape
  std::span<const Tensor> inputs;  ///< which may get gradients; some may be undefined
  int64_t macs = 0;                ///< multiply-adds
  double seconds = 0;

  /// What the op reads and writes at least: its inputs and y, each once; nothing if y is a view of
  /// an input. Constant arguments (targets, masks, index tables) and what is saved for the backward
  /// are not counted.
  int64_t bytes() const;
};

/// Watches the forward ops of the calling thread while it lives. The innermost observer is called.
class ForwardObserver {
 public:
  ForwardObserver();
  virtual ~ForwardObserver() = default;
  virtual void op_done(const OpDone& done) = 0;
  static ForwardObserver* current();

 private:
  Override<ForwardObserver*> current_;
};

/// While one lives, the multiply-adds of this thread's ops count as zero. Our counts must equal the
/// published flops(), which omit some layers (the position-bias MLP of Swin V2).
class Uncounted : public ThreadMode<Uncounted> {};

/// While one lives, a segment runs again (see recompute): observers of the forward are told no
/// multiply-adds, which they have counted, and a Pass takes no statistics.
class Recomputing : public ThreadMode<Recomputing> {};

/// Corrects the counted multiply-adds to equal the published flops(): reports `macs`, which may be
/// negative, to the current ForwardObserver as an op with an undefined y, under the current path.
/// @param what the name of that op, a string literal
void state_macs(const char* what, int64_t macs);

/// While one lives, the output of every op and every gradient is checked. The first one that is not
/// finite throws DivergedError with op and path. Not used in normal training steps: the trainer
/// repeats a step with this check if its loss or gradient is not finite.
class FiniteCheck : public ThreadMode<FiniteCheck> {};
bool all_finite(const real* data, int64_t numel);

class Op {
 public:
  explicit Op(const char* name);

  /// @param text a function that returns "found …, expected …"; called only on failure
  /// @throws ShapeError "path/op: found …, expected …" unless ok
  template <class Text>
  void check(bool ok, Text&& text) const {
    if (!ok) fail(text());
  }
  /// Adds to the multiply-adds of the forward pass.
  void macs(int64_t n);
  /// The backward reads dy and no input ("Saves: nothing", or index tables, in ops.h): an input
  /// does not count in its bytes.
  void saves_nothing() { saves_nothing_ = true; }

  /// Ends the op. If an input needs a gradient, so does y, and `backward` is recorded on the tape,
  /// to be called with the gradient dy of y.
  Tensor record(Tensor y, std::initializer_list<Tensor> inputs, Backward backward) {
    return finish(std::move(y), inputs.begin(), inputs.size(), std::move(backward));
  }
  Tensor record(Tensor y, const std::vector<Tensor>& inputs, Backward backward) {
    return finish(std::move(y), inputs.data(), inputs.size(), std::move(backward));
  }
  /// Whether record() with these inputs will record: if not, nothing need be saved for backward.
  static bool will_record(std::initializer_list<Tensor> inputs);

 private:
  [[noreturn]] void fail(const std::string& text) const;
  Tensor finish(Tensor y, const Tensor* inputs, size_t num_inputs, Backward backward);
  void put_on_tape(Tensor& y, std::span<const Tensor> inputs, Backward backward) const;
  const char* name_;
  int64_t macs_ = 0;
  bool saves_nothing_ = false;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace swin::autograd
