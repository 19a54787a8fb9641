// Helpers for the tests of the tape.
#pragma once
#include <vector>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"

namespace swin::autograd {

using Values = std::vector<real>;

inline Tensor vector_of(const Values& values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}
inline Values gradient_of(const Tensor& x) {
  if (!x.gradient().data()) return {};
  return {x.gradient().data(), x.gradient().data() + x.numel()};
}
template <class F>
Tensor record(Tape& tape, F&& f) {
  const Tape::Recording recording(tape);
  return f();
}

}  // namespace swin::autograd
