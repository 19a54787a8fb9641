// Where the time of a step goes: each call of an op, forward and backward, with its arithmetic and
// the bytes that it moves at least, and sums over the calls.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainers/run/benchmark_step.h"

namespace swin::trainers {

/// Arithmetic and traffic are those of the definition, whatever an implementation adds (attention
/// computes its probabilities again in the backward).
struct OpWork {
  double seconds = 0;
  /// Forward: 2 per multiply-add. Backward: 4, for the gradients of both factors, or 2 where the
  /// first input needs none. Ops without multiply-adds count as 0.
  int64_t flops = 0;
  int64_t bytes = 0;  ///< autograd::OpDone::bytes, autograd::Node::bytes

  OpWork& operator+=(const OpWork& other);
  double gflops() const;         ///< per second; 0 where no time was measured
  double gb_per_second() const;  ///< 10⁹ bytes
};

struct OpCall {
  std::string op, path;
  std::string shapes;                    ///< "(8, 56, 56, 96) (288, 96) (288) → (8, 56, 56, 288)"
  std::vector<autograd::Shape> tensors;  ///< these
  int64_t macs = 0;                      ///< 0 where a segment runs again in the backward pass
  OpWork forward;
  double forward_start = 0;        ///< seconds since the step began
  std::optional<OpWork> backward;  ///< empty if the op was on no tape
  double backward_start = 0;
};

/// The calls of one step, in the order of their forwards.
struct ProfiledStep {
  double seconds = 0;  ///< of the whole step
  std::vector<OpCall> calls;
};

/// What the calls of one kind do in a step. The times are medians of the steps.
struct ProfileRow {
  std::string op;
  std::string shapes;                    ///< empty where the calls of all shapes are added
  std::vector<autograd::Shape> tensors;  ///< the same: of the inputs that are defined, and of y
  int64_t calls = 0, backward_calls = 0, macs = 0;
  OpWork forward, backward;

  OpWork both() const { return OpWork(forward) += backward; }
};

struct Profile {
  double step_seconds = 0;            ///< median
  std::vector<ProfileRow> by_op;      ///< slowest first
  std::vector<ProfileRow> by_shapes;  ///< a row for each op and shapes of its tensors
  ProfiledStep typical;               ///< the step of median time
};

/// Profiles at least 5 steps, and at least this long. Observers cost about a microsecond a call.
Profile profile(BenchmarkStep& step, double seconds);

}  // namespace swin::trainers
