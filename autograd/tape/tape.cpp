#include "autograd/tape/tape.h"

#include <algorithm>
#include <unordered_map>

#include "autograd/tape/op.h"
#include "base/errors.h"
#include "base/stopwatch.h"

namespace swin::autograd {
namespace {
thread_local Tape* current_tape = nullptr;
thread_local std::vector<Gradient>* current_used = nullptr;
thread_local bool recording_open = false;
}  // namespace

int64_t Node::bytes() const {
  int64_t elements = 0;
  for (const Gradient& input : inputs)
    if (!input.data() || input.data() != output.data()) elements += input.numel();
  if (elements == 0) return 0;
  return read_bytes + (elements + output.numel()) * static_cast<int64_t>(sizeof(real));
}

Tape::Recording::Recording(Tape* tape, std::vector<Gradient>* used)
    : tape_(current_tape, tape), used_(current_used, used), open_(recording_open, true) {}
Tape* Tape::current() { return current_tape; }
bool Tape::recording() { return recording_open; }
std::vector<Gradient>* Tape::used() { return current_used; }

void Tape::backward(const Tensor& loss, Observer* observer) {
  if (loss.numel() != 1)
    throw base::ShapeError(
        "backward", "found a loss of shape " + loss.shape().text() + ", expected one element",
        "reduce it, or give dy");
  backward(loss, Tensor::filled(loss.shape(), 1), observer);
}

void Tape::backward(const Tensor& y, const Tensor& dy, Observer* observer) {
  if (y.numel() != dy.numel())
    throw base::ShapeError("backward",
                           "found dy " + dy.shape().text() + ", expected " + y.shape().text());
  const GradientTarget seed = y.gradient().target();
  if (seed) std::copy_n(dy.data(), dy.numel(), seed.data);
  run(observer);
}

void Tape::run(Observer* observer) {
  const Recording suspended(nullptr);
  // The remaining uses of each slab gradient, to tell the observer when one is complete.
  std::unordered_map<const void*, int64_t> uses;
  const auto count_uses = [&](size_t first_node) {
    for (size_t i = first_node; observer && i < nodes_.size(); ++i)
      for (const Gradient& input : nodes_[i].inputs)
        if (input.in_slab()) ++uses[input.id()];
  };
  count_uses(0);

  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    if (node.output.written() && node.segment) {
      const size_t first_node = nodes_.size();
      record_again(node);
      count_uses(first_node);
    } else if (node.output.written()) {
      const base::Stopwatch watch;
      node.backward(OutputGradient(node.output));
      if (FiniteCheck::active())
        for (const Gradient& input : node.inputs)
          if (input.data() && !all_finite(input.data(), input.numel()))
            throw base::DivergedError(
                NamedScope::path_of(node.path, node.op),
                "found a gradient that is not finite in the backward pass, expected finite");
      if (observer) observer->node_done(node, watch.seconds());
    }
    if (observer)
      for (const Gradient& input : node.inputs)
        if (input.in_slab() && --uses[input.id()] == 0) observer->gradient_ready(input);
    node.output.release();
  }
}

void Tape::record_again(const Node& node) {
  const Recording recording(this);
  const Recomputing recomputing;
  const NamedScope named(node.path);
  node.segment().gradient().accept(node.output);
}

}  // namespace swin::autograd
