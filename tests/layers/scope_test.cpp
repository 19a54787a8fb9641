// The slab of parameters: who writes to it, versions, another slab in use.
#include "layers/scope.h"

#include <gmock/gmock.h>

#include "base/errors.h"
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
    table_ = scope.parameter("table", {4, 5}, Initializer::normal(1));
    parameters_.allocate(true);
    parameters_.initialize(7);
  }
  Parameters parameters_;
  Parameter weight_, table_;
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

}  // namespace
}  // namespace swin::layers
