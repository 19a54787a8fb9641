#include "autograd/tape/recompute.h"

#include <algorithm>

#include "autograd/tape/op.h"

namespace swin::autograd {

Tensor recompute(std::function<Tensor()> segment) {
  Tape* tape = Tape::current();
  if (!tape) return segment();
  std::vector<Gradient> used;
  Tensor y;
  {
    const Tape::Recording none(nullptr, &used);
    y = segment();
  }
  Node node;
  for (const Gradient& gradient : used)
    if (std::none_of(node.inputs.begin(), node.inputs.end(),
                     [&](const Gradient& input) { return input.id() == gradient.id(); }))
      node.inputs.push_back(gradient);
  if (node.inputs.empty()) return y;
  node.op = "recompute";
  node.path = NamedScope::path();
  node.output = Gradient::pooled(y.numel());
  node.segment = std::move(segment);
  y.set_gradient(node.output);
  tape->append(std::move(node));
  return y;
}

}  // namespace swin::autograd
