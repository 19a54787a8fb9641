// The slabs of parameters and buffers: who writes to them, versions, another slab in use, updates.
#include "layers/scope.h"

#include <gmock/gmock.h>

#include "autograd/tape/recompute.h"
#include "base/errors.h"
#include "layers/basic.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using testing::HasSubstr;

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const base::InternalError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

class ScopeTest : public LayersTest {
 protected:
  ScopeTest() {
    const Scope scope = Scope(parameters_) / "norm";
    weight_ = scope.parameter("weight", {3}, Initializer::ones());
    mean_ = scope.buffer("running_mean", {3}, Initializer::zeros());
    table_ = scope.parameter("table", {4, 5}, Initializer::normal(1));
    var_ = scope.buffer("running_var", {3}, Initializer::ones());
    parameters_.allocate(true);
    parameters_.initialize(7);
  }
  Parameters parameters_;
  Parameter weight_, mean_, table_, var_;
};

using Values = std::vector<real>;

TEST_F(ScopeTest, WritingAdvancesTheVersionsOfWhatLiesThere) {
  const Tensor view = table_.tensor().viewed({20});
  const auto versions = [&] {
    return std::pair{weight_.tensor().version(), table_.tensor().version()};
  };
  const auto start = versions();
  const int64_t table = parameters_[1].offset;
  parameters_.write(table + 19, table + 20)[0] = 5;
  EXPECT_EQ(view.data()[19], 5);
  EXPECT_EQ(view.version(), table_.tensor().version());
  EXPECT_EQ(versions().first, start.first);
  EXPECT_NE(versions().second, start.second);
  const auto second = versions();
  parameters_.mutable_data(0)[2] = 6;
  EXPECT_EQ(weight_.tensor().values(), (Values{1, 1, 6}));
  EXPECT_NE(versions().first, second.first);
  EXPECT_EQ(versions().second, second.second);
  parameters_.write(0, parameters_.slab_numel());
  EXPECT_NE(versions().second, second.second);
  const auto third = versions();
  parameters_.write(table, table);  // nothing
  parameters_.write(3, table);      // the gap after the first
  EXPECT_EQ(versions(), third);
  EXPECT_THAT(message_of([&] { parameters_.write(3, parameters_.slab_numel() + 1); }),
              HasSubstr("expected a part of "));
  Tensor tensor = table_.tensor();
  EXPECT_THAT(message_of([&] { tensor.mutable_data(); }), HasSubstr("memory of a slab"));
}

TEST_F(ScopeTest, AnotherSlabInUseForAScope) {
  const base::Buffer averaged =
      base::allocate(static_cast<size_t>(parameters_.slab_numel()) * sizeof(real));
  real* values = static_cast<real*>(averaged.data());
  for (int64_t i = 0; i < parameters_.slab_numel(); ++i) values[i] = static_cast<real>(i);
  const Values own = table_.tensor().values();
  const void* gradient = table_.tensor().gradient().id();
  const uint64_t version = table_.tensor().version();
  {
    const auto use = parameters_.use(averaged);
    EXPECT_EQ(weight_.tensor().values(), (Values{0, 1, 2}));
    EXPECT_EQ(table_.tensor().data(), values + parameters_[1].offset);
    EXPECT_EQ(table_.tensor().gradient().id(), gradient);
    EXPECT_NE(table_.tensor().version(), version);
    EXPECT_EQ(parameters_.slab()[0], 1);  // the parameters' own
    EXPECT_THAT(message_of([&] { parameters_.mutable_data(0); }),
                HasSubstr("found another slab in use, expected the model's own; end the use"));
    { const auto inner = parameters_.use(averaged); }
    EXPECT_EQ(weight_.tensor().values(), (Values{0, 1, 2}));
  }
  EXPECT_EQ(table_.tensor().values(), own);
  EXPECT_NO_THROW(parameters_.mutable_data(0));
  EXPECT_THAT(message_of([&] { const auto use = parameters_.use(base::allocate(64)); }),
              HasSubstr("found a slab of 64 bytes, expected "));
  EXPECT_EQ(table_.tensor().values(), own);
}

TEST_F(ScopeTest, BuffersAreASlabOfTheirOwnAndNotTrained) {
  EXPECT_EQ(parameters_.size(), 2u);
  EXPECT_EQ(parameters_.count(), 23);
  EXPECT_EQ(parameters_.find("norm.running_mean"), nullptr);
  const Slab& buffers = parameters_.buffers();
  ASSERT_EQ(buffers.size(), 2u);
  EXPECT_EQ(buffers[0].name, "norm.running_mean");
  EXPECT_EQ(buffers.find("norm.running_var")->tensor.values(), (Values{1, 1, 1}));
  EXPECT_FALSE(var_.tensor().gradient().needed());
  EXPECT_TRUE(weight_.tensor().gradient().needed());
  parameters_.begin_step();
  EXPECT_EQ(parameters_.without_gradient(), "norm.weight");
}

TEST_F(ScopeTest, AForwardHandsStatisticsToItsPass) {
  const auto statistics = [](real value) { return Tensor::filled({3}, value); };
  Pass{}.update(mean_, statistics(1), 1);  // to nobody
  std::vector<BufferUpdate> updates;
  Pass pass;
  pass.buffer_updates = &updates;
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const Tensor x = Tensor::filled({3}, 1).as_leaf();
  int runs = 0;
  const Tensor y = autograd::recompute([&, x] {
    pass.update(mean_, statistics(4), real{0.5});
    ++runs;
    return autograd::scale(x, 2);
  });
  pass.update(mean_, statistics(8), real{0.25});
  pass.update(var_, statistics(3), 1);
  tape.backward(y, statistics(1));
  EXPECT_EQ(runs, 2);
  ASSERT_EQ(updates.size(), 3u);  // the second run of the segment handed over nothing
  EXPECT_EQ(mean_.tensor().values(), (Values{0, 0, 0}));
  const uint64_t version = mean_.tensor().version();
  parameters_.commit(updates);
  EXPECT_EQ(mean_.tensor().values(), (Values{3.5, 3.5, 3.5}));  // in order
  EXPECT_EQ(var_.tensor().values(), (Values{3, 3, 3}));
  EXPECT_NE(mean_.tensor().version(), version);
  EXPECT_THAT(message_of([&] {
                parameters_.commit({{mean_, Tensor::filled({2}, 1), 1}});
              }),
              HasSubstr("norm.running_mean: found statistics of shape (2), expected those of a "
                        "buffer (3)"));
  EXPECT_THAT(message_of([&] {
                parameters_.commit({{weight_, statistics(1), 1}});
              }),
              HasSubstr("norm.weight: found statistics"));
}

}  // namespace
}  // namespace swin::layers
