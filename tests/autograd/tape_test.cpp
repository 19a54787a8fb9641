// The tape: what it records, saves, releases, reports to observers and refuses.
#include "autograd/tape/tape.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/errors.h"
#include "base/pool.h"
#include "tests/autograd/tape_support.h"

namespace swin::autograd {
namespace {

class TapeTest : public oracle::EngineTest {};
std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}
size_t bytes_in_use() { return base::pool_statistics().bytes_in_use; }

TEST_F(TapeTest, WithoutATapeThereIsNoGradient) {
  const Tensor x = vector_of({1, 2}).as_leaf();
  EXPECT_EQ(Tape::current(), nullptr);
  const Tensor y = gelu(x);
  EXPECT_FALSE(y.gradient().needed());
  Tape tape;
  const Tensor z = record(tape, [&] { return gelu(x.detached()); });
  EXPECT_FALSE(z.gradient().needed());
  EXPECT_TRUE(tape.nodes().empty());
}

TEST_F(TapeTest, RecordingsNestAndRestore) {
  Tape outer, inner;
  const Tensor x = vector_of({1, 2}).as_leaf();
  {
    const Tape::Recording a(outer);
    gelu(x);
    {
      const Tape::Recording b(inner);
      EXPECT_EQ(Tape::current(), &inner);
      scale(x, 2);
    }
    EXPECT_EQ(Tape::current(), &outer);
    gelu(x);
  }
  EXPECT_EQ(Tape::current(), nullptr);
  EXPECT_EQ(outer.nodes().size(), 2u);
  ASSERT_EQ(inner.nodes().size(), 1u);
  EXPECT_STREQ(inner.nodes()[0].op, "scale");
}

TEST_F(TapeTest, FrozenInputsSaveNothing) {
  const Tensor x = Tensor::filled({64, 32}, 1), w = Tensor::filled({32}, 1),
               b = Tensor::filled({32}, 0);
  const Tensor weight = Tensor::filled({96, 32}, 1);
  const Tensor table = Tensor::filled({49, 2}, 1);
  const size_t before = bytes_in_use();
  Tape tape;
  record(tape, [&] {
    Tensor h = linear(layer_norm(x, w, b), weight, {});
    h = window_attention(reshape(h, {4, 4, 4, 96}), table, {{4, 4}, {4, 4}, {4, 4}}, {2, 1, 0, {}});
    return softmax(gelu(h));
  });
  EXPECT_TRUE(tape.nodes().empty());
  EXPECT_EQ(bytes_in_use(), before);
}

TEST_F(TapeTest, KeepsOnlyTheMemoryOfCaptures) {
  const size_t numel = 4096, bytes = numel * sizeof(real);
  const Tensor x = Tensor::filled({static_cast<int64_t>(numel)}, 1).as_leaf();
  const size_t before = bytes_in_use();
  Tape tape;
  Tensor y = record(tape, [&] { return scale(gelu(gelu(x)), 2); });
  // In use: the output of the first gelu, saved as the input of the second, and y. scale saves
  // nothing.
  EXPECT_EQ(bytes_in_use() - before, 2 * bytes);
  const Tensor dy = Tensor::filled(y.shape(), 1);
  y = y.detached();
  Tensor seed = y;
  tape = Tape();
  EXPECT_EQ(bytes_in_use() - before, 2 * bytes);  // y and dy
}

TEST_F(TapeTest, ANodesMemoryIsReleasedOnceItHasRun) {
  struct Watch : Observer {
    std::vector<size_t> in_use;
    void node_done(const Node&, double) override { in_use.push_back(bytes_in_use()); }
  };
  const int64_t numel = 4096;
  const size_t bytes = static_cast<size_t>(numel) * sizeof(real);
  const Tensor x = Tensor::filled({1, numel}, 1).as_leaf();
  Tape tape;
  Tensor loss = record(tape, [&] {
    Tensor h = x;
    for (int i = 0; i < 4; ++i) h = gelu(h);
    return mean_tokens(reshape(h, {1, numel, 1, 1}));
  });
  const size_t start = bytes_in_use();
  Watch watch;
  tape.backward(loss, &watch);
  // mean_tokens, reshape, gelu × 4. Each gelu releases the gradient of its output and its captures.
  ASSERT_EQ(watch.in_use.size(), 6u);
  EXPECT_EQ(watch.in_use[2], watch.in_use[1] + bytes);
  EXPECT_EQ(watch.in_use[3] + bytes, watch.in_use[2]);
  EXPECT_EQ(watch.in_use[4] + bytes, watch.in_use[3]);
  EXPECT_TRUE(tape.nodes().empty());
  // Three activations are released, the gradient of the leaf is new.
  EXPECT_EQ(bytes_in_use(), start - 3 * bytes + bytes);
}

// ---- slabs and steps ----------------------------------------------------------------------------

TEST_F(TapeTest, SlabGradientsAreStoredThenAddedUntilTheNextStep) {
  const Values data = {1, 2};
  Values slab = {std::numeric_limits<real>::quiet_NaN(), std::numeric_limits<real>::quiet_NaN()};
  Tensor w = vector_of(data);
  w.set_gradient(Gradient::in_slab(slab.data(), 2));
  const auto pass = [&](bool through_add) {
    Tape tape;
    const Tensor y =
        record(tape, [&] { return through_add ? add(w, Tensor::filled({2}, 1)) : scale(w, 2); });
    tape.backward(y, vector_of({1, 10}));
  };
  pass(true);
  EXPECT_EQ(slab, (Values{1, 10}));
  EXPECT_EQ(w.gradient().data(), slab.data());
  pass(false);
  EXPECT_EQ(slab, (Values{3, 30}));
  pass(true);
  EXPECT_EQ(slab, (Values{4, 40}));
  w.gradient().mark_unwritten();
  EXPECT_EQ(w.gradient().data(), nullptr);
  pass(false);
  EXPECT_EQ(slab, (Values{2, 20}));
}

TEST_F(TapeTest, ASteadyStepTakesNoNewBlock) {
  const Tensor weight = Tensor::filled({24, 8}, static_cast<real>(0.1)),
               table = Tensor::filled({9, 2}, 0);
  const auto step = [&](const Tensor& w, const Tensor& t) {
    Tape tape;
    const Tensor loss = record(tape, [&] {
      Tensor x = Tensor::filled({2, 4, 4, 8}, 1);
      x = window_attention(linear(x, w, {}), t, {{4, 4}, {4, 4}, {2, 2}, {1, 1}}, {2, 1, 0, {}});
      return cross_entropy(mean_tokens(gelu(x)), Tensor::filled({2, 8}, real{0.125}), 1);
    });
    tape.backward(loss);
  };
  const Tensor w = weight.as_leaf(), t = table.as_leaf();
  step(w, t);
  step(w, t);
  const int64_t blocks = base::pool_statistics().blocks_made;
  const size_t bytes = bytes_in_use();
  for (int i = 0; i < 3; ++i) {
    w.gradient().mark_unwritten();
    t.gradient().mark_unwritten();
    step(w, t);
  }
  EXPECT_EQ(base::pool_statistics().blocks_made, blocks);
  EXPECT_EQ(bytes_in_use(), bytes);
}

TEST_F(TapeTest, AHundredThousandNodesNeedNoRecursion) {
  const Tensor x = vector_of({1, 2}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] {
    Tensor h = x;
    const Tensor one = vector_of({1, 1});
    for (int i = 0; i < 50000; ++i) h = add(reshape(h, {2}), one);
    return h;
  });
  EXPECT_EQ(tape.nodes().size(), 100000u);
  tape.backward(y, vector_of({1, 2}));
  EXPECT_EQ(gradient_of(x), (Values{1, 2}));
  // Destroying a tape that was not run does not recurse, either.
  record(tape, [&] {
    Tensor h = x;
    for (int i = 0; i < 100000; ++i) h = scale(h, 1);
    return h;
  });
}

// ---- observers ----------------------------------------------------------------------------------

TEST_F(TapeTest, ObserverSeesNodesInReverseAndGradientsAfterTheirLastUse) {
  struct Log : Observer {
    std::vector<std::string> lines;
    const void *a = nullptr, *b = nullptr;
    void node_done(const Node& node, double seconds) override {
      EXPECT_GE(seconds, 0);
      EXPECT_NE(node.output.data(), nullptr);  // not yet released
      lines.push_back(node.path + "/" + node.op);
    }
    void gradient_ready(const Gradient& g) override {
      EXPECT_TRUE(g.written());
      lines.push_back(g.id() == a ? "a ready" : g.id() == b ? "b ready" : "?");
    }
  } log;
  Values slab(4);
  Tensor a = vector_of({1, 2}), b = vector_of({3, 4});
  a.set_gradient(Gradient::in_slab(slab.data(), 2));
  b.set_gradient(Gradient::in_slab(slab.data() + 2, 2));
  log.a = a.gradient().id(), log.b = b.gradient().id();
  const std::string path = "layers.0";
  Tape tape;
  const Tensor y = record(tape, [&] {
    const NamedScope named(path);
    const Tensor x = vector_of({1, 1}).as_leaf();  // not in a slab: not reported
    const Tensor once = add(gelu(x), a), left = add(once, b), right = scale(a, 2);
    return add(left, right);
  });
  tape.backward(y, vector_of({1, 1}), &log);
  EXPECT_EQ(log.lines,
            (std::vector<std::string>{"layers.0/add", "layers.0/scale", "layers.0/add", "b ready",
                                      "layers.0/add", "a ready", "layers.0/gelu"}));
  EXPECT_EQ(slab, (Values{3, 3, 1, 1}));
}

TEST_F(TapeTest, GradientsOfSkippedBranchesAreReported) {
  struct Count : Observer {
    int ready = 0, nodes = 0;
    void node_done(const Node&, double) override { ++nodes; }
    void gradient_ready(const Gradient&) override { ++ready; }
  } count;
  Values slab(2);
  Tensor a = vector_of({1, 2});
  a.set_gradient(Gradient::in_slab(slab.data(), 2));
  Tape tape;
  const Tensor y = record(tape, [&] {
    const Tensor used = scale(a, 2);
    gelu(a);
    return used;
  });
  tape.backward(y, vector_of({1, 1}), &count);
  EXPECT_EQ(count.ready, 1);
  EXPECT_EQ(count.nodes, 1);
}

TEST_F(TapeTest, ForwardObserverSeesEveryOpWithPathAndArithmetic) {
  struct Log : ForwardObserver {
    std::vector<std::string> lines;
    void op_done(const OpDone& done) override {
      lines.push_back(done.path + "/" + done.op + " " + done.y.shape().text() + " " +
                      std::to_string(done.macs));
    }
  };
  const std::string path = "head";
  {
    Log log;
    {
      const NamedScope named(path);
      linear(Tensor::filled({3, 4}, 1), Tensor::filled({5, 4}, 1), {});
    }
    matmul(Tensor::filled({2, 3, 4}, 1), Tensor::filled({2, 4, 5}, 1));
    layer_norm(Tensor::filled({3, 4}, 1), Tensor::filled({4}, 1), Tensor::filled({4}, 1));
    window_attention(Tensor::filled({1, 4, 4, 24}, 1), Tensor::filled({9, 2}, 1),
                     {{4, 4}, {4, 4}, {2, 2}}, {2, 1, 0, {}});
    patch_embed(Tensor::filled({1, 4, 4, 3}, 1), Tensor::filled({5, 3, 2, 2}, 1),
                Tensor::filled({5}, 1));
    attention(Tensor::filled({2, 5, 24}, 1), {2, 1, 0, {}});
    EXPECT_EQ(log.lines, (std::vector<std::string>{
                             "head/linear (3, 5) 60", "/matmul (2, 3, 5) 120",
                             "/layer_norm (3, 4) 12", "/window_attention (1, 4, 4, 8) 1024",
                             "/patch_embed (1, 2, 2, 5) 240", "/attention (2, 5, 8) 800"}));
    EXPECT_EQ(ForwardObserver::current(), &log);
  }
  EXPECT_EQ(ForwardObserver::current(), nullptr);
}

TEST_F(TapeTest, CountedMacsEqualThePublishedOnes) {
  struct Log : ForwardObserver {
    std::vector<std::string> lines;
    void op_done(const OpDone& done) override {
      lines.push_back(NamedScope::path_of(done.path, done.op) + " " + done.y.shape().text() + " " +
                      std::to_string(done.macs));
    }
  };
  const std::string path = "norm";
  const Tensor x = Tensor::filled({3, 4}, 1), weight = Tensor::filled({5, 4}, 1).as_leaf();
  state_macs("unobserved", 1);  // without an observer, nothing happens
  Log log;
  Tape tape;
  const Tape::Recording recording(tape);
  {
    const Uncounted outer;
    linear(x, weight, {});
    {
      const Uncounted inner;
      state_macs("uncounted", 7);
    }
    linear(x, weight, {});
  }
  linear(x, weight, {});
  {
    const NamedScope named(path);
    state_macs("published_norm", 56);
  }
  EXPECT_EQ(log.lines, (std::vector<std::string>{"linear (3, 5) 0", "linear (3, 5) 0",
                                                 "linear (3, 5) 60", "norm/published_norm () 56"}));
  ASSERT_EQ(tape.nodes().size(), 3u);
  EXPECT_EQ(tape.nodes()[0].macs, 0);
  EXPECT_EQ(tape.nodes()[2].macs, 60);
}

TEST_F(TapeTest, BytesAreThoseOfInputsOutputAndGradientsOnce) {
  struct Log : ForwardObserver, Observer {
    std::vector<std::string> lines;
    static std::string text(const char* op, int64_t bytes) {
      return op + (" " + std::to_string(bytes / static_cast<int64_t>(sizeof(real))));
    }
    void op_done(const OpDone& done) override { lines.push_back(text(done.op, done.bytes())); }
    void node_done(const Node& node, double) override {
      lines.push_back("d " + text(node.op, node.bytes()));
    }
  };
  Log log;
  Tape tape;
  const Tensor constant = Tensor::filled({3, 4}, 1), x = constant.as_leaf(),
               weight = Tensor::filled({5, 4}, 1).as_leaf(), bias = vector_of({1, 2, 3, 4, 5});
  const Tensor y = record(tape, [&] {
    const Tensor first = linear(constant, weight, bias.as_leaf());  // dx is not wanted
    const Tensor second = linear(x, weight, {});
    return reshape(permute(gelu(add(first, second)), {1, 0}), {15});
  });
  tape.backward(y, Tensor::filled({15}, 1), &log);
  EXPECT_EQ(log.lines, (std::vector<std::string>{
                           "linear 52", "linear 47", "add 45", "gelu 30", "permute 30", "reshape 0",
                           "d reshape 0",   // a view: its input's gradient is dy
                           "d permute 30",  // dy and dx, but not x
                           "d gelu 45",     // dy, x, dx
                           "d add 0",       // both gradients are dy
                           "d linear 79",   // 15 of dy, 32 of the inputs, 32 of the gradients
                           "d linear 77"    // 15 of dy, 37 of the inputs, 25 of the gradients
                       }));
}

// ---- errors -------------------------------------------------------------------------------------

TEST_F(TapeTest, PathsNestAndAppearInErrors) {
  // NamedScope keeps a reference, so a temporary string must not compile.
  static_assert(!std::is_constructible_v<NamedScope, std::string>);
  static_assert(std::is_constructible_v<NamedScope, const std::string&>);
  const std::string outer = "layers.0.blocks.1", inner = "layers.0.blocks.1.attn";
  EXPECT_EQ(NamedScope::path(), "");
  {
    const NamedScope a(outer);
    {
      const NamedScope b(inner);
      EXPECT_EQ(NamedScope::path(), inner);
      EXPECT_EQ(message_of([] { reshape(Tensor::filled({2}, 0), {3}); }),
                "layers.0.blocks.1.attn/reshape: found (2), expected as many elements as (3)");
    }
    EXPECT_EQ(NamedScope::path(), outer);
  }
  EXPECT_EQ(message_of([] { reshape(Tensor::filled({2}, 0), {3}); }),
            "reshape: found (2), expected as many elements as (3)");
}

TEST_F(TapeTest, BackwardOfMoreThanOneElementIsRefused) {
  const Tensor x = vector_of({1, 2}).as_leaf();
  Tape tape;
  const Tensor y = record(tape, [&] { return gelu(x); });
  EXPECT_EQ(message_of([&] { tape.backward(y); }),
            "backward: found a loss of shape (2), expected one element; reduce it, or give dy");
  EXPECT_EQ(message_of([&] { tape.backward(y, vector_of({1})); }),
            "backward: found dy (1), expected (2)");
  EXPECT_EQ(tape.nodes().size(), 1u);
}

TEST_F(TapeTest, TensorFromTheWrongNumberOfValuesIsRefused) {
  EXPECT_EQ(message_of([] {
              Tensor::from({2, 2}, Values{1, 2, 3});
            }),
            "Tensor::from: found 3 values, expected (2, 2)");
}

TEST_F(TapeTest, FiniteCheckNamesTheFirstOpOfTheForward) {
  const std::string path = "layers.2.mlp";
  const real nan = std::numeric_limits<real>::quiet_NaN(),
             infinity = std::numeric_limits<real>::infinity();
  for (const real bad : {nan, infinity, -infinity}) {
    const Tensor x = vector_of({1, 2, bad});
    EXPECT_EQ(message_of([&] { scale(gelu(x), 2); }), "nothing was thrown");
    const FiniteCheck check;
    EXPECT_TRUE(FiniteCheck::active());
    const NamedScope named(path);
    EXPECT_EQ(message_of([&] { scale(gelu(x), 2); }),
              "layers.2.mlp/gelu: found an output that is not finite, expected finite");
  }
  EXPECT_FALSE(FiniteCheck::active());
  const FiniteCheck check;
  EXPECT_EQ(message_of([&] { gelu(vector_of({nan})); }),
            "gelu: found an output that is not finite, expected finite");
}

TEST_F(TapeTest, FiniteCheckNamesTheOpWhoseBackwardOverflows) {
  const std::string path = "head";
  const Tensor x = vector_of({1, 2}).as_leaf();
  Tape tape;
  const real big = std::sqrt(std::numeric_limits<real>::max()) * 2;
  const Tensor y = record(tape, [&] {
    const NamedScope named(path);
    return scale(scale(gelu(x), big), real{1} / big);
  });
  const FiniteCheck check;
  // The forward pass is finite; in the backward pass of the inner scale, dy · big overflows.
  EXPECT_EQ(
      message_of([&] {
        tape.backward(y, vector_of({1, std::numeric_limits<real>::infinity()}));
      }),
      "head/scale: found a gradient that is not finite in the backward pass, expected finite");
}

TEST_F(TapeTest, AllFiniteSeesEveryElement) {
  Values values(3 * 65536 + 7, 1);
  EXPECT_TRUE(all_finite(values.data(), static_cast<int64_t>(values.size())));
  for (const size_t i : {size_t{0}, size_t{65535}, size_t{65536}, values.size() - 1}) {
    values[i] = std::numeric_limits<real>::infinity();
    EXPECT_FALSE(all_finite(values.data(), static_cast<int64_t>(values.size()))) << i;
    values[i] = 1;
  }
}

}  // namespace
}  // namespace swin::autograd
