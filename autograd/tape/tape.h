// The tape: ops append nodes to it while a recording is open; backward() runs them in reverse
// order.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "autograd/tape/override.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// The gradient of a node's output, as its backward function gets it.
class OutputGradient {
 public:
  explicit OutputGradient(const Gradient& gradient) : gradient_(gradient) {}
  operator const real*() const { return gradient_.data(); }
  /// For an input whose gradient is dy itself: it shares dy's memory instead of copying it.
  void pass_to(const Gradient& input) const { input.accept(gradient_); }

 private:
  const Gradient& gradient_;
};

using Backward = std::function<void(const OutputGradient& dy)>;

struct Node {
  const char* op = "";
  std::string path;  ///< path of the layer that called the op
  int64_t macs = 0;  ///< multiply-adds of the forward pass
  /// Of the inputs, where `backward` reads them. An op that saves its output instead (exp, softmax)
  /// has an input of that size.
  int64_t read_bytes = 0;
  Gradient output;
  std::vector<Gradient> inputs;
  Backward backward;
  /// Of recompute() alone: to be run again, with recording, instead of `backward`.
  std::function<Tensor()> segment;

  /// What `backward` has read and written at least: dy, `read_bytes` and the gradients of the
  /// inputs, each once. A gradient that shares dy's memory moves nothing.
  int64_t bytes() const;
};

/// Watches a backward pass, for profiles, histograms or gradient buckets.
class Observer {
 public:
  virtual ~Observer() = default;
  /// The node's backward function has run, in `seconds`. Its closure and gradient still exist.
  virtual void node_done(const Node& /*node*/, double /*seconds*/) {}
  /// The gradient of a parameter (in a slab) is complete: its last use on this tape has run.
  virtual void gradient_ready(const Gradient& /*gradient*/) {}
};

class Tape {
 public:
  /// While one lives, the ops of this thread append to its tape. Recordings may nest.
  class Recording {
   public:
    explicit Recording(Tape& tape) : Recording(&tape) {}
    /// @param tape null: ops append to no tape and save nothing
    /// @param used then gets the gradients of these ops' inputs, as often as they are used
    explicit Recording(Tape* tape, std::vector<Gradient>* used = nullptr);

   private:
    Override<Tape*> tape_;
    Override<std::vector<Gradient>*> used_;
    Override<bool> open_;
  };
  /// The tape of this thread's innermost recording; null without one.
  static Tape* current();
  /// Whether this thread is in a recording, even in one without a tape. If not, what it computes is
  /// not trained: inference or evaluation.
  static bool recording();
  /// That recording's `used`.
  static std::vector<Gradient>* used();

  void append(Node node) { nodes_.push_back(std::move(node)); }
  const std::vector<Node>& nodes() const { return nodes_; }

  /// Computes the gradients of the scalar `loss`. The memory of each node returns to the pool as
  /// soon as it has run; afterwards the tape is empty. Meanwhile nothing is recorded: ops that a
  /// backward function runs are on a tape only if it opens a Recording.
  /// @throws ShapeError unless loss has one element
  void backward(const Tensor& loss, Observer* observer = nullptr);
  /// Computes the gradients of Σ y · dy.
  /// @param dy with as many elements as y
  /// @throws ShapeError otherwise
  void backward(const Tensor& y, const Tensor& dy, Observer* observer = nullptr);

 private:
  void run(Observer* observer);
  /// Puts the nodes of the node's segment on the tape, and passes its output's gradient to them.
  void record_again(const Node& node);
  std::vector<Node> nodes_;
};

}  // namespace swin::autograd
