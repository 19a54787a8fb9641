// The loops of the optimizers for each instruction set, against plain loops in double precision.
#include "trainers/optim/kernels/update.h"

#include <cmath>

#include "tests/support/isas.h"

namespace swin::trainers::kernels {
namespace {

using Values = std::vector<float>;
// Around the lengths of all vectors. Slabs are padded to 16 values.
constexpr int64_t kCounts[] = {1, 3, 4, 5, 8, 15, 16, 17, 37, 64, 1001};

Values slab(int64_t count, double phase, double size) {
  Values values(static_cast<size_t>((count + 15) / 16 * 16));
  for (int64_t i = 0; i < count; ++i)
    values[static_cast<size_t>(i)] =
        static_cast<float>(size * std::sin(phase + 0.37 * static_cast<double>(i)));
  return values;
}
Values squares(Values values) {
  for (float& value : values) value *= value;
  return values;
}

/// Expects |found − want| within a few roundings of values of about 1.
void expect_near(const Values& found, const std::vector<double>& want) {
  for (size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(static_cast<double>(found[i]), want[i], 4e-7) << i << " of " << want.size();
}

class Update : public test::IsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Update, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

TEST_P(Update, AdamWEqualsPlainLoops) {
  const AdamWStep step{0.5f, 0.8f, 0.95f, 1e-6f, 0.99f, 0.02f, 1.7f};
  for (const int64_t count : kCounts) {
    const Values g = slab(count, 1, 1);
    Values w = slab(count, 2, 1), m = slab(count, 3, 0.5), v = squares(slab(count, 4, 0.7));
    std::vector<double> want_w, want_m, want_v;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const double gradient = static_cast<double>(g[i]) * step.gradient_factor;
      const double beta1 = step.beta1, beta2 = step.beta2;
      want_m.push_back(beta1 * m[i] + (1 - beta1) * gradient);
      want_v.push_back(beta2 * v[i] + (1 - beta2) * gradient * gradient);
      want_w.push_back(static_cast<double>(step.keep) * w[i] -
                       step.step_size * want_m.back() /
                           (std::sqrt(want_v.back()) * step.inverse_root + step.eps));
    }
    adamw_update(step, g.data(), w.data(), m.data(), v.data(), count);
    expect_near(w, want_w);
    expect_near(m, want_m);
    expect_near(v, want_v);
  }
}

TEST_P(Update, SgdEqualsPlainLoops) {
  for (const bool nesterov : {false, true})
    for (const int64_t count : kCounts) {
      const SgdStep step{0.5f, 0.03f, 0.1f, 0.75f, nesterov};
      const Values g = slab(count, 1, 1);
      Values w = slab(count, 2, 1), b = slab(count, 3, 1);
      std::vector<double> want_w, want_b;
      for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        const double gradient = static_cast<double>(g[i]) * step.gradient_factor +
                                static_cast<double>(step.weight_decay) * w[i];
        const double momentum = step.momentum, buffer = momentum * b[i] + gradient;
        want_b.push_back(buffer);
        want_w.push_back(w[i] - step.lr * (nesterov ? gradient + momentum * buffer : buffer));
      }
      sgd_update(step, g.data(), w.data(), b.data(), count);
      expect_near(w, want_w);
      expect_near(b, want_b);
    }
}

// The norm decides about clipping: its bits are those of this loop, whatever the set.
TEST_P(Update, SumOfSquaresHasTheSameBitsWithEverySet) {
  for (const int64_t count : {0, 1, 7, 8, 9, 16, 37, 1001, 65539}) {
    const Values x = slab(count, 1, 3);
    double sums[8] = {};
    for (int64_t i = 0; i < count; ++i) {
      const double value = static_cast<double>(x[static_cast<size_t>(i)]);
      sums[i < count / 8 * 8 ? i % 8 : 0] += value * value;
    }
    double want = 0;
    for (const double sum : sums) want += sum;
    EXPECT_EQ(sum_of_squares(x.data(), count), want) << count;
  }
}

}  // namespace
}  // namespace swin::trainers::kernels
