// Recompute: a segment that runs again in the backward pass gives the same bits and the same calls
// of observers as one whose values are saved. Also: backward records nothing by itself.
#include "autograd/tape/recompute.h"

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/pool.h"
#include "tests/autograd/tape_support.h"

namespace swin::autograd {
namespace {

class RecomputeTest : public oracle::EngineTest {
 protected:
  RecomputeTest() { base::set_num_threads(1); }  // too little work for several threads
};

/// Three layers of GELU(x · weightᵀ + bias), whose weights and biases lie in a slab. The first and
/// the last layer have the same weight.
class Layers {
 public:
  static constexpr int64_t kDim = 24, kRows = 7;
  explicit Layers(bool first_frozen = false) {
    slab_.resize(static_cast<size_t>(3 * kDim * (kDim + 1)));
    for (int64_t i = 0; i < 3; ++i) {
      real* memory = base::DryRun::active() ? nullptr : slab_.data() + i * kDim * (kDim + 1);
      Tensor w({kDim, kDim}), b({kDim});
      for (int64_t j = 0; b.data() && j < kDim; ++j)
        b.mutable_data()[j] = static_cast<real>((j + i) % 5) / 7;
      for (int64_t j = 0; w.data() && j < w.numel(); ++j)
        w.mutable_data()[j] = static_cast<real>((j * 31 + i) % 17 - 8) / 30;
      if (i > 0 || !first_frozen) {
        w.set_gradient(Gradient::in_slab(memory, kDim * kDim));
        b.set_gradient(Gradient::in_slab(memory ? memory + kDim * kDim : nullptr, kDim));
      }
      weights.push_back(w), biases.push_back(b);
    }
    weights[2] = weights[0];
  }
  Tensor operator()(size_t i, const Tensor& x) const {
    const NamedScope named(names[i]);
    return dropout(gelu(linear(x, weights[i], biases[i])), real{0.25}, {1, 2, 3, i});
  }
  Values gradients() const { return slab_; }

  const std::vector<std::string> names = {"layers.0", "layers.1", "layers.2"};
  std::vector<Tensor> weights, biases;

 private:
  Values slab_;
};

/// What an observer is told, with parameters as names.
struct Log : Observer {
  explicit Log(const Layers& layers) : layers_(layers) {}
  void node_done(const Node& node, double) override {
    lines.push_back(NamedScope::path_of(node.path, node.op) + " " + std::to_string(node.macs));
  }
  void gradient_ready(const Gradient& gradient) override {
    for (size_t i = 0; i < 3; ++i) {
      if (i < 2 && gradient.id() == layers_.weights[i].gradient().id())
        lines.push_back("weight " + std::to_string(i));
      if (gradient.id() == layers_.biases[i].gradient().id())
        lines.push_back("bias " + std::to_string(i));
    }
  }
  std::vector<std::string> lines;

 private:
  const Layers& layers_;
};

struct Result {
  Values y, dx, slab;
  std::vector<std::string> lines;
  size_t saved_bytes = 0;
  int64_t macs = 0;
  friend bool operator==(const Result& a, const Result& b) {
    return a.y == b.y && a.dx == b.dx && a.slab == b.slab && a.lines == b.lines && a.macs == b.macs;
  }
};

using Forward = std::function<Tensor(const Layers&, const Tensor& x)>;

Result run(const Forward& forward, bool first_frozen = false, bool input_needs_gradient = true) {
  struct Macs : ForwardObserver {
    int64_t total = 0;
    void op_done(const OpDone& done) override { total += done.macs; }
  } macs;
  const Layers layers(first_frozen);
  Tensor x = Tensor::filled({Layers::kRows, Layers::kDim}, static_cast<real>(0.3));
  if (input_needs_gradient) x = x.as_leaf();
  const Tensor dy = Tensor::filled(x.shape(), static_cast<real>(1.5));
  Result result;
  Log log(layers);
  Tape tape;
  const size_t before = base::pool_statistics().bytes_in_use;
  const Tensor y = record(tape, [&] { return scale(forward(layers, x), 3); });
  result.saved_bytes = base::pool_statistics().bytes_in_use - before;
  tape.backward(y, dy, &log);
  EXPECT_TRUE(tape.nodes().empty());
  if (y.data()) result.y = y.values();
  result.dx = gradient_of(x);
  result.slab = layers.gradients();
  result.lines = log.lines;
  result.macs = macs.total;
  return result;
}

Tensor saved(const Layers& layers, const Tensor& x) { return layers(2, layers(1, layers(0, x))); }
Tensor each_again(const Layers& layers, Tensor x) {
  for (size_t i = 0; i < 3; ++i) x = recompute([&layers, i, x] { return layers(i, x); });
  return x;
}
Tensor all_again(const Layers& layers, const Tensor& x) {
  return recompute([&layers, x] { return saved(layers, x); });
}
Tensor nested(const Layers& layers, const Tensor& x) {
  return recompute([&layers, x] { return layers(2, each_again(layers, x)); });
}
Tensor nested_saved(const Layers& layers, const Tensor& x) { return layers(2, saved(layers, x)); }

TEST_F(RecomputeTest, TheSameBitsAndObserverCallsAsWithSavedValues) {
  for (const bool frozen : {false, true})
    for (const bool leaf : {false, true}) {
      const Result expected = run(saved, frozen, leaf), each = run(each_again, frozen, leaf),
                   all = run(all_again, frozen, leaf);
      EXPECT_EQ(each, expected);
      EXPECT_EQ(all, expected);
      EXPECT_EQ(each.lines, expected.lines);
      EXPECT_LT(each.saved_bytes, expected.saved_bytes);
      EXPECT_LT(all.saved_bytes, each.saved_bytes);
    }
  // The weight of the first and the last layer is complete after the first layer, not before.
  const std::vector<std::string> lines = run(each_again).lines;
  ASSERT_EQ(lines.size(), 15u);
  EXPECT_EQ(lines[3], "layers.2/linear 4032");
  EXPECT_EQ(lines[4], "bias 2");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "weight 0"), 1);
  EXPECT_EQ(lines[12], "layers.0/linear 4032");
}

TEST_F(RecomputeTest, SegmentsMayContainSegments) {
  const Result expected = run(nested_saved), found = run(nested);
  EXPECT_EQ(found, expected);
  EXPECT_LT(found.saved_bytes, expected.saved_bytes);
}

TEST_F(RecomputeTest, ADryRunCountsTheSameOps) {
  const base::DryRun dry;
  const Result expected = run(saved, false, false), found = run(each_again, false, false);
  EXPECT_EQ(found.lines, expected.lines);
  EXPECT_EQ(found.lines.size(), 15u);
  EXPECT_EQ(found.macs, expected.macs);
  EXPECT_LT(found.saved_bytes, expected.saved_bytes);
}

TEST_F(RecomputeTest, ABranchThatIsNotUsedReportsItsParameters) {
  const auto forward = [](bool again) {
    return [again](const Layers& layers, const Tensor& x) {
      const auto unused = [&layers, x] { return layers(1, x); };
      again ? recompute(unused) : unused();
      return layers(0, x);
    };
  };
  EXPECT_EQ(run(forward(true)).lines.size(), run(forward(false)).lines.size());
}

TEST_F(RecomputeTest, WithoutGradientsNothingIsRecorded) {
  const Tensor x = vector_of({1, 2});
  Tape tape;
  const Tensor y = record(tape, [&] { return recompute([&] { return gelu(x); }); });
  EXPECT_TRUE(tape.nodes().empty());
  EXPECT_FALSE(y.gradient().needed());
  EXPECT_FALSE(recompute([&] { return gelu(x.as_leaf()); }).gradient().needed());
}

TEST_F(RecomputeTest, ASegmentMayReturnItsInput) {
  const Tensor x = vector_of({1, 2}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    const Tensor same = recompute([x] {
      gelu(x);
      return x;
    });
    return add(scale(same, 2), x);
  });
  tape.backward(y, vector_of({1, 10}));
  EXPECT_EQ(gradient_of(x), (Values{3, 30}));
}

TEST_F(RecomputeTest, ASegmentKeepsThePathOfItsCall) {
  const std::string path = "layers.7";
  const Tensor x = vector_of({1, 2}).as_leaf();
  struct Paths : Observer {
    std::string path;
    void node_done(const Node& node, double) override { path = node.path; }
  } paths;
  Tape tape;
  const Tensor y = record(tape, [&] {
    const NamedScope named(path);
    return recompute([x] { return gelu(x); });
  });
  tape.backward(y, vector_of({1, 1}), &paths);
  EXPECT_EQ(paths.path, path);
}

TEST_F(RecomputeTest, BackwardSuspendsRecording) {
  const Tensor x = vector_of({1, 2}).as_leaf();
  Tape tape;
  const Tape::Recording recording(tape);
  size_t recorded = 9, in_own_tape = 9;
  Op op("calls_ops");
  Tensor y = op.record(vector_of({1, 2}), {x}, [&, dx = x.gradient()](const OutputGradient& dy) {
    EXPECT_EQ(Tape::current(), nullptr);
    EXPECT_FALSE(gelu(x).gradient().needed());
    recorded = tape.nodes().size();
    Tape own;
    const Tensor z = record(own, [&] { return scale(x.detached().as_leaf(), 2); });
    in_own_tape = own.nodes().size();
    EXPECT_EQ(Tape::current(), nullptr);
    dy.pass_to(dx);
  });
  tape.backward(y, vector_of({1, 10}));
  EXPECT_EQ(recorded, 0u);
  EXPECT_EQ(in_own_tape, 1u);
  EXPECT_EQ(Tape::current(), &tape);
  gelu(x);
  EXPECT_EQ(tape.nodes().size(), 1u);
  // Restored after an error, too.
  y = op.record(vector_of({1, 2}), {x},
                [](const OutputGradient&) { throw std::runtime_error(""); });
  EXPECT_THROW(tape.backward(y, vector_of({1, 1})), std::runtime_error);
  EXPECT_EQ(Tape::current(), &tape);
}

}  // namespace
}  // namespace swin::autograd
