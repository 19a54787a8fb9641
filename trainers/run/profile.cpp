#include "trainers/run/profile.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "autograd/tape/op.h"
#include "base/stopwatch.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;

std::vector<autograd::Shape> shapes_of(const autograd::OpDone& done) {
  std::vector<autograd::Shape> shapes;
  for (const Tensor& input : done.inputs)
    if (input.defined()) shapes.push_back(input.shape());
  shapes.push_back(done.y.shape());
  return shapes;
}

std::string text_of(const std::vector<autograd::Shape>& shapes) {
  std::string text;
  for (size_t i = 0; i + 1 < shapes.size(); ++i) text += shapes[i].text() + " ";
  return text + "→ " + shapes.back().text();
}

// Writes down the calls of one step while it lives.
class Recorder : public autograd::ForwardObserver, public autograd::Observer {
 public:
  void op_done(const autograd::OpDone& done) override {
    if (!done.y.defined()) return;  // a correction of the count, no op
    const double now = watch_.seconds();
    if (const autograd::Gradient& dy = done.y.gradient(); dy.needed())
      by_output_[dy.id()] = {step_.calls.size(), !done.inputs[0].gradient().needed()};
    OpCall call;
    call.op = done.op;
    call.path = done.path;
    call.tensors = shapes_of(done);
    call.shapes = text_of(call.tensors);
    call.macs = done.macs;
    call.forward = {done.seconds, 2 * done.macs, done.bytes()};
    call.forward_start = std::max(0.0, now - done.seconds);
    step_.calls.push_back(std::move(call));
  }
  void node_done(const autograd::Node& node, double seconds) override {
    const double now = watch_.seconds();
    const auto found = by_output_.find(node.output.id());
    if (found == by_output_.end()) return;
    const auto [index, first_input_is_constant] = found->second;
    by_output_.erase(found);  // another gradient may get the same address
    OpCall& call = step_.calls[index];
    call.backward = {seconds, (first_input_is_constant ? 2 : 4) * node.macs, node.bytes()};
    call.backward_start = std::max(0.0, now - seconds);
  }
  ProfiledStep finish() {
    step_.seconds = watch_.seconds();
    return std::move(step_);
  }

 private:
  const base::Stopwatch watch_;
  ProfiledStep step_;
  std::unordered_map<const void*, std::pair<size_t, bool>> by_output_;  // of calls on the tape
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Adds the calls of each kind. Every step has the same calls, so all but the times comes from the
// first.
std::vector<ProfileRow> rows_of(const std::vector<ProfiledStep>& steps,
                                std::string (*kind)(const OpCall&), bool with_shapes) {
  struct Sum {
    ProfileRow row;
    std::vector<double> forward, backward;  // seconds in each step
  };
  std::map<std::string, Sum> sums;
  for (size_t i = 0; i < steps.size(); ++i)
    for (const OpCall& call : steps[i].calls) {
      Sum& sum = sums[kind(call)];
      sum.forward.resize(steps.size());
      sum.backward.resize(steps.size());
      sum.forward[i] += call.forward.seconds;
      if (call.backward) sum.backward[i] += call.backward->seconds;
      if (i > 0) continue;
      sum.row.op = call.op;
      if (with_shapes) {
        sum.row.shapes = call.shapes;
        sum.row.tensors = call.tensors;
      }
      ++sum.row.calls;
      sum.row.macs += call.macs;
      sum.row.forward += call.forward;
      if (call.backward) {
        ++sum.row.backward_calls;
        sum.row.backward += *call.backward;
      }
    }
  std::vector<ProfileRow> rows;
  for (auto& [name, sum] : sums) {
    sum.row.forward.seconds = median(sum.forward);
    sum.row.backward.seconds = median(sum.backward);
    rows.push_back(std::move(sum.row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ProfileRow& a, const ProfileRow& b) {
    return a.both().seconds > b.both().seconds;
  });
  return rows;
}

}  // namespace

OpWork& OpWork::operator+=(const OpWork& other) {
  seconds += other.seconds;
  flops += other.flops;
  bytes += other.bytes;
  return *this;
}
double OpWork::gflops() const {
  return seconds > 0 ? static_cast<double>(flops) / seconds / 1e9 : 0;
}
double OpWork::gb_per_second() const {
  return seconds > 0 ? static_cast<double>(bytes) / seconds / 1e9 : 0;
}

Profile profile(BenchmarkStep& step, double seconds) {
  std::vector<ProfiledStep> steps;
  const base::Stopwatch watch;
  while (steps.size() < 5 || watch.seconds() < seconds) {
    Recorder recorder;
    step(&recorder);
    steps.push_back(recorder.finish());
  }
  Profile result;
  result.by_op = rows_of(
      steps, [](const OpCall& call) { return call.op; }, false);
  result.by_shapes = rows_of(
      steps, [](const OpCall& call) { return call.op + " " + call.shapes; }, true);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(
      steps.begin(), middle, steps.end(),
      [](const ProfiledStep& a, const ProfiledStep& b) { return a.seconds < b.seconds; });
  result.typical = std::move(*middle);
  result.step_seconds = result.typical.seconds;
  return result;
}

}  // namespace swin::trainers
