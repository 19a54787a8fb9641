// The tape: ops append to it while a recording is open; backward walks it in reverse.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// What a node's backward is given: the gradient of the node's output.
class OutputGradient {
 public:
  explicit OutputGradient(const Gradient& gradient) : gradient_(gradient) {}
  operator const real*() const { return gradient_.data(); }
  /// For inputs whose contribution is dy itself: they take over its memory.
  void hand_on(const Gradient& input) const { input.accept(gradient_); }

 private:
  const Gradient& gradient_;
};

using Backward = std::function<void(const OutputGradient& dy)>;

struct Node {
  const char* op = "";
  std::string path;  ///< of the layer that called the op
  int64_t macs = 0;  ///< of the forward
  Gradient output;
  std::vector<Gradient> inputs;
  Backward backward;
};

/// Watches a backward pass. Profiles, histograms and gradient buckets are observers.
class Observer {
 public:
  virtual ~Observer() = default;
  /// The node's backward has run, in `seconds`; its closure and gradient still exist.
  virtual void node_done(const Node& node, double seconds) {
    static_cast<void>(node);
    static_cast<void>(seconds);
  }
  /// A slab gradient (a parameter's) has had the last of its uses on this tape.
  virtual void gradient_ready(const Gradient& gradient) { static_cast<void>(gradient); }
};

class Tape {
 public:
  /// While one is open, ops of this thread append to its tape. Recordings nest.
  class Recording {
   public:
    explicit Recording(Tape& tape);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

   private:
    Tape* outer_;
  };
  /// The tape of this thread's innermost recording; null where none is open.
  static Tape* current();

  void append(Node node) { nodes_.push_back(std::move(node)); }
  const std::vector<Node>& nodes() const { return nodes_; }

  /// Gradients of the scalar `loss`. Every node's memory returns to the pool once it has run; the
  /// tape is empty after. @throws ShapeError unless loss has one element.
  void backward(const Tensor& loss, Observer* observer = nullptr);
  /// Gradients of Σ y · dy. @param dy as many numbers as y.
  void backward(const Tensor& y, const Tensor& dy, Observer* observer = nullptr);

 private:
  void run(Observer* observer);
  std::vector<Node> nodes_;
};

}  // namespace swin::autograd
