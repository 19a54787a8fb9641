// Forwards in an arena: the same bits, and memory that a dry run planned.
#include "trainers/run/inference.h"

#include <gmock/gmock.h>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/pool.h"
#include "base/random.h"
#include "tasks/task_table.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/plan.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;
using tasks::Detail;

Config config_of(std::vector<std::string> sets = {}) {
  sets.push_back("model.num_classes=5");
  return testing::micro_config(sets);
}

std::unique_ptr<tasks::Task> task_of(const Config& config) {
  return tasks::make_task(config.task, config.model, 3, false);
}

Tensor noise(int64_t batch, const layers::ModelConfig& model) {
  Tensor images({batch, model.image_size[0], model.image_size[1], model.in_chans});
  const base::Random random(1, "inference");
  real* const values = images.mutable_data();
  for (int64_t i = 0; i < images.numel(); ++i)
    values[i] = random.uniform(static_cast<uint64_t>(i)) - real{0.5};
  return images;
}

void expect_equal(const tasks::Outputs& found, const tasks::Outputs& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i].value.values(), expected[i].value.values()) << found[i].name;
}

class PoisonedInference : public ::testing::Test {
 protected:
  PoisonedInference() { base::set_pool_poison(true); }
  ~PoisonedInference() override { base::set_pool_poison(false); }
};

TEST_F(PoisonedInference, GivesTheBitsOfTheTask) {
  for (const std::string name : {"swin", "swin_v2", "swin_mlp", "vit"}) {
    SCOPED_TRACE(name);
    std::vector<std::string> sets = {"model.name=" + name};
    if (name == "vit") sets.insert(sets.end(), {"model.depths=[2]", "model.num_heads=[2]"});
    if (name == "swin_mlp" || name == "vit") sets.push_back("model.attn_drop_rate=0");
    const Config config = config_of(sets);
    const auto task = task_of(config);
    Inference inference(*task);
    // The first one plans, a larger one makes a larger arena, and what lives keeps its memory.
    std::vector<tasks::Outputs> found;
    for (const int64_t batch : {2, 5, 2, 1})
      found.push_back(inference(noise(batch, config.model), Detail::answers));
    size_t i = 0;
    for (const int64_t batch : {2, 5, 2, 1})
      expect_equal(found[i++], task->outputs(noise(batch, config.model), Detail::answers));
  }
}

/// Ops that are seen while it lives.
class CountOps : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone&) override { ++ops; }
  int64_t ops = 0;
};

TEST(Inference, TakesItsMemoryOnceAndLessThanThePool) {
  // Op by op a forward has intermediate results of many sizes, for each of which the pool keeps a
  // block.
  const autograd::OpByOp op_by_op;
  const Config config = config_of({"model.image_size=64"});
  const auto task = task_of(config);
  const Tensor images = noise(16, config.model);
  const auto reserved_by = [&](auto&& outputs) {
    base::trim_pool();
    const size_t before = base::pool_statistics().bytes_reserved;
    outputs();
    outputs();
    const int64_t blocks = base::pool_statistics().blocks_made;
    outputs();
    EXPECT_EQ(base::pool_statistics().blocks_made, blocks);
    return base::pool_statistics().bytes_reserved - before;
  };
  const size_t of_pool = reserved_by([&] { task->outputs(images, Detail::answers); });
  Inference inference(*task);
  const size_t of_arena = reserved_by([&] { inference(images, Detail::answers); });
  EXPECT_LT(2 * of_arena, of_pool);
}

TEST(Inference, ItsDryRunIsSeenByNobody) {
  const Config config = config_of();
  const auto task = task_of(config);
  const Tensor images = noise(2, config.model);
  Inference inference(*task);
  int64_t first, second;
  {
    const CountOps count;
    inference(images, Detail::answers);
    first = count.ops;
  }
  {
    const CountOps count;
    inference(images, Detail::answers);
    second = count.ops;
  }
  EXPECT_EQ(first, second);
}

// A plan states parameters, packed weights, and what the arena has.
TEST(Inference, APlanStatesItsMemory) {
  const Config config = config_of({"model.image_size=64", "model.embed_dim=32"});
  const ForwardPlan plan = plan_forward(config.task, config.model);
  base::trim_pool();
  const size_t before = base::pool_statistics().bytes_reserved;
  const auto task = task_of(config);
  const size_t of_task = base::pool_statistics().bytes_in_use;
  Inference inference(*task);
  for (int i = 0; i < 2; ++i) inference(noise(1, config.model), Detail::answers);
  const size_t reserved = base::pool_statistics().bytes_reserved - before;
  EXPECT_NEAR(static_cast<double>(plan.memory_bytes), static_cast<double>(reserved),
              0.1 * static_cast<double>(reserved));
  EXPECT_GT(plan.packed_bytes, 0);
  EXPECT_LE(static_cast<size_t>(plan.packed_bytes), base::pool_statistics().bytes_in_use - of_task);
}

}  // namespace
}  // namespace swin::trainers
