#include "autograd/tape/op.h"

#include <atomic>
#include <cmath>

#include "base/errors.h"
#include "base/parallel.h"

namespace swin::autograd {
namespace {
const std::string kNoPath;
thread_local const std::string* current_path = &kNoPath;
thread_local ForwardObserver* current_observer = nullptr;

int64_t bytes_of(std::span<const Tensor> tensors) {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors)
    if (tensor.defined()) bytes += tensor.numel() * static_cast<int64_t>(sizeof(real));
  return bytes;
}
}  // namespace

NamedScope::NamedScope(const std::string& path) : current_(current_path, &path) {}
const std::string& NamedScope::path() { return *current_path; }

ForwardObserver::ForwardObserver() : current_(current_observer, this) {}
ForwardObserver* ForwardObserver::current() { return current_observer; }

int64_t OpDone::bytes() const {
  for (const Tensor& input : inputs)
    if (input.data() && input.data() == y.data()) return 0;
  return bytes_of(inputs) + bytes_of({&y, 1});
}

void state_macs(const char* what, int64_t macs) {
  if (current_observer && !Uncounted::active() && !Recomputing::active())
    current_observer->op_done({what, *current_path, {}, {}, macs});
}

bool all_finite(const real* data, int64_t numel) {
  constexpr int64_t kTile = 1 << 16;
  std::atomic<bool> finite{true};
  base::parallel_ranges(numel, kTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (!std::isfinite(data[i])) finite = false;
  });
  return finite;
}

Op::Op(const char* name) : name_(name) {
  if (current_observer) start_ = std::chrono::steady_clock::now();
}

void Op::fail(const std::string& text) const {
  throw base::ShapeError(NamedScope::path_of(*current_path, name_), text);
}

bool Op::will_record(std::initializer_list<Tensor> inputs) {
  if (!Tape::current()) return false;
  for (const Tensor& input : inputs)
    if (input.gradient().needed()) return true;
  return false;
}

void Op::macs(int64_t n) {
  if (!Uncounted::active()) macs_ += n;
}

Tensor Op::finish(Tensor y, const Tensor* inputs, size_t num_inputs, Backward backward) {
  std::chrono::duration<double> took{};
  if (current_observer) took = std::chrono::steady_clock::now() - start_;
  if (FiniteCheck::active() && y.data() && !all_finite(y.data(), y.numel()))
    throw base::DivergedError(NamedScope::path_of(*current_path, name_),
                              "found an output that is not finite, expected finite");
  put_on_tape(y, {inputs, num_inputs}, std::move(backward));
  if (current_observer)
    current_observer->op_done({name_,
                               *current_path,
                               y,
                               {inputs, num_inputs},
                               Recomputing::active() ? 0 : macs_,
                               took.count()});
  return y;
}

void Op::put_on_tape(Tensor& y, std::span<const Tensor> inputs, Backward backward) const {
  Tape* tape = Tape::current();
  std::vector<Gradient>* used = Tape::used();
  if (!tape && !used) return;
  Node node;
  for (const Tensor& input : inputs)
    if (input.gradient().needed()) node.inputs.push_back(input.gradient());
  if (used) used->insert(used->end(), node.inputs.begin(), node.inputs.end());
  if (!tape || node.inputs.empty()) return;
  node.op = name_;
  node.path = *current_path;
  node.macs = macs_;
  node.read_bytes = saves_nothing_ ? 0 : bytes_of(inputs);
  node.output = Gradient::pooled(y.numel());
  node.backward = std::move(backward);
  y.set_gradient(node.output);
  tape->append(std::move(node));
}

}  // namespace swin::autograd
