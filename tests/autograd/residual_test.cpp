// What the halves of a block keep for the backward pass, and that it computes the same again.
#include "autograd/kernels/residual.h"

#include "autograd/kernels/layer_norm.h"
#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;

class Halves : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Halves, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

// Of two samples of three, and as layer_norm normalizes them.
TEST_P(Halves, NormalizedRowsHaveTheSameBitsAgain) {
  constexpr int64_t kTokens = 50, kDim = 37;
  const Tensor x = to_tensor(random_array({3, kTokens, kDim}, 1, -3, 3)),
               weight = to_tensor(random_array({kDim}, 2)),
               bias = to_tensor(random_array({kDim}, 3));
  const std::vector<int32_t> kept = {0, 2};
  const kernels::SampleRows at{kept.data(), kTokens};
  const size_t rows = 2 * kTokens, all = 3 * kTokens;
  std::vector<real> first(rows * kDim), again(first), of_all(all * kDim), mean(all), rstd(all);
  kernels::layer_norm_forward(x.data(), weight.data(), bias.data(), of_all.data(), mean.data(),
                              rstd.data(), all, kDim, real{0.25});
  kernels::normalize_samples(x.data(), at, weight.data(), bias.data(), first.data(), mean.data(),
                             rstd.data(), rows, kDim, real{0.25});
  kernels::normalize_samples_again(x.data(), at, weight.data(), bias.data(), again.data(),
                                   mean.data(), rstd.data(), rows, kDim);
  EXPECT_EQ(again, first);
  of_all.erase(of_all.begin() + kTokens * kDim, of_all.begin() + 2 * kTokens * kDim);
  EXPECT_EQ(first, of_all);
}

// Bytes that are in use after the forward pass but not before it, without the output's.
size_t kept_bytes(const std::function<Tensor(const Tensor& x)>& call, const Shape& shape) {
  const Tensor x = Tensor(shape).as_leaf();
  const size_t before = base::pool_statistics().bytes_in_use;
  Tape tape;
  const Tape::Recording recording(tape);
  const Tensor y = call(x);
  const size_t size = static_cast<size_t>(y.numel()) * sizeof(real);
  EXPECT_EQ(tape.nodes().size(), 1u);
  return base::pool_statistics().bytes_in_use - before - size;
}

KeptSamples all_of(int64_t batch) {
  KeptSamples kept;
  kept.batch = batch;
  for (int32_t s = 0; s < batch; ++s) kept.index.push_back(s);
  return kept;
}

// Sizes that the pool need not round up. x is there in any case.
TEST(HalvesMemory, IsThatOfWhatTheySave) {
  const base::DryRun dry;
  constexpr size_t kRows = 4 * 64 * 64, kDim = 64, kHidden = 256;
  const Shape shape{4, 64, 64, kDim};
  const Tensor weight({kDim}), fc1({kHidden, kDim}), fc2({kDim, kHidden});
  const size_t statistics = 2 * kRows, small = 64 * 1024;
  const auto mlp = [&](NormPlace place) {
    return kept_bytes(
        [&](const Tensor& x) {
          return mlp_residual(x, {weight, weight}, {fc1, Tensor()}, {fc2, Tensor()}, place,
                              all_of(4));
        },
        shape);
  };
  EXPECT_NEAR(mlp(NormPlace::before), (kRows * kHidden + statistics) * sizeof(real), small);
  EXPECT_NEAR(mlp(NormPlace::after), (kRows * (kHidden + kDim) + statistics) * sizeof(real), small);
  const Tensor qkv({3 * kDim, kDim}), proj({kDim, kDim}), table({49, 2});
  const auto attention = [&](const Tensor& x) {
    const reference::Windows windows = {{4, 4}};
    return attention_residual(x, {weight, weight}, {qkv, Tensor()}, table, {proj, Tensor()},
                              layout_of({64, 64}, windows), {2, 1, 0, {}}, all_of(4));
  };
  EXPECT_NEAR(kept_bytes(attention, shape),
              (kRows * (4 * kDim + 2 * 2) + statistics) * sizeof(real), small);
}

}  // namespace
}  // namespace swin::oracle
