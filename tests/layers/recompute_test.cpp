// Blocks that run again in the backward pass: the same bits and the same calls of observers as
// blocks that save what they need, in less memory.
#include "autograd/tape/recompute.h"

#include "base/pool.h"
#include "layers/block.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using autograd::Gradient;
using autograd::Node;
using autograd::Tape;

/// A regular and a shifted block of micro_config on its 5 × 7 map, with dropout and drop path.
class TwoBlocks {
 public:
  explicit TwoBlocks(const std::string& name) {
    ModelConfig config = micro_config();
    config.name = name;
    config.drop_rate = 0.2;
    if (name != "swin_mlp") config.attn_drop_rate = 0;
    const Scope scope(parameters);
    config.drop_path_rate = 0.6;
    for (int64_t i = 0; i < 2; ++i)
      blocks.emplace_back(scope / "layers" / 0 / "blocks" / i, config, 0, i);
    parameters.allocate(true);
    if (parameters.slab()) randomize(parameters);
  }
  Tensor operator()(Tensor x, size_t num_blocks, bool again) const {
    Pass pass;
    pass.training = true;
    pass.seed = 4;
    pass.step = 9;
    for (size_t i = 0; i < num_blocks; ++i) {
      const Block& block = blocks[i];
      x = again ? autograd::recompute([&block, x, pass] { return block(x, pass); })
                : block(x, pass);
    }
    return x;
  }
  Parameters parameters;
  std::vector<Block> blocks;
};

struct Result {
  std::vector<real> y, dx, gradients;
  std::vector<std::string> calls;  // of an observer
  size_t saved_bytes = 0;
  int64_t macs = 0;
};

Result run(const std::string& name, size_t num_blocks, bool again, bool image_input = false) {
  TwoBlocks network(name);
  Parameters& parameters = network.parameters;
  struct Watch : autograd::Observer, autograd::ForwardObserver {
    explicit Watch(const Parameters& p) : own(p) {}
    void node_done(const Node& node, double) override {
      result.calls.push_back(node.path + "/" + node.op + " " + std::to_string(node.macs));
    }
    void gradient_ready(const Gradient& gradient) override {
      for (size_t i = 0; i < own.size(); ++i)
        if (own[i].tensor.gradient().id() == gradient.id()) result.calls.push_back(own[i].name);
    }
    void op_done(const autograd::OpDone& done) override { result.macs += done.macs; }
    const Parameters& own;
    Result result;
  } watch(parameters);
  Tensor x = random_tensor({3, 5, 7, 8}, 11);
  if (!image_input) x = x.as_leaf();
  const Tensor dy = random_tensor(x.shape(), 12);
  Result& result = watch.result;
  Tape tape;
  const Tape::Recording recording(tape);
  const size_t before = base::pool_statistics().bytes_in_use;
  const Tensor y = network(x, num_blocks, again);
  result.saved_bytes = base::pool_statistics().bytes_in_use - before;
  tape.backward(y, dy, &watch);
  if (!y.data()) return result;
  result.y = y.values();
  if (!image_input) result.dx.assign(x.gradient().data(), x.gradient().data() + x.numel());
  result.gradients.assign(parameters.gradient_slab(),
                          parameters.gradient_slab() + parameters.slab_numel());
  return result;
}

TEST_F(LayersTest, RecomputedBlocksGiveTheSameBits) {
  for (const std::string name : {"swin", "swin_v2", "swin_mlp"})
    for (const size_t num_blocks : {1u, 2u})
      for (const bool image_input : {false, true}) {
        SCOPED_TRACE(name + " " + std::to_string(num_blocks));
        const Result expected = run(name, num_blocks, false, image_input),
                     found = run(name, num_blocks, true, image_input);
        EXPECT_EQ(found.y, expected.y);
        EXPECT_EQ(found.dx, expected.dx);
        EXPECT_EQ(found.gradients, expected.gradients);
        EXPECT_EQ(found.calls, expected.calls);
        EXPECT_EQ(found.macs, expected.macs);
        EXPECT_LT(found.saved_bytes * 4, expected.saved_bytes);
      }
}

TEST_F(LayersTest, RecomputedBlocksInADryRun) {
  const base::DryRun dry;
  const Result expected = run("swin", 2, false, true), found = run("swin", 2, true, true);
  EXPECT_EQ(found.calls, expected.calls);
  EXPECT_GT(found.calls.size(), 40u);
  EXPECT_EQ(found.macs, expected.macs);
  EXPECT_LT(found.saved_bytes * 4, expected.saved_bytes);
}

}  // namespace
}  // namespace swin::layers
