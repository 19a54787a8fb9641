#include "tests/autograd/small_product_checks.h"

#include <gtest/gtest.h>

#include <vector>

#include "autograd/kernels/small_product.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

constexpr int64_t L = base::kLanes<real>;

// Small integers: every order of summation gives the same bits, so results are compared exactly.
std::vector<real> integers(int64_t count, int64_t multiplier) {
  std::vector<real> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    values[static_cast<size_t>(i)] = static_cast<real>((i * multiplier + i / 31) % 9 - 4);
  return values;
}

// C has columns beyond n, which must not change.
void check_product(int64_t m, int64_t n, int64_t k, bool add, bool transposed) {
  const int64_t ldb = n + L, ldc = n + 2 * L;
  const std::vector<real> a = integers(m * k, 7), b = integers(k * ldb, 5);
  std::vector<real> c = integers(m * ldc, 3), want = c;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      real sum = add ? want[static_cast<size_t>(i * ldc + j)] : 0;
      for (int64_t l = 0; l < k; ++l)
        sum += a[static_cast<size_t>(transposed ? l * m + i : i * k + l)] *
               b[static_cast<size_t>(l * ldb + j)];
      want[static_cast<size_t>(i * ldc + j)] = sum;
    }
  small_product(a.data(), transposed ? 1 : k, transposed ? m : 1, b.data(), ldb, m, n, k,
                add ? c.data() : nullptr, ldc, c.data(), ldc);
  ASSERT_EQ(c, want) << m << " " << n << " " << k << " add " << add << " transposed " << transposed;
}

}  // namespace

void check_every_strip() {
  for (const bool add : {false, true})
    for (const bool transposed : {false, true})
      for (const int64_t vectors : {1, 2, 3, 4, 5, 6, 7, 8, 9})
        for (int64_t m = 1; m <= 26; ++m)  // every height of a block, alone and after others
          for (const int64_t k : {1, 7, 20}) check_product(m, vectors * L, k, add, transposed);
  for (const int64_t vectors : {1, 2, 3, 4, 5}) check_product(49, vectors * L, 32, false, false);
}

void check_padded_transposition() {
  for (const int64_t rows : {int64_t{1}, L - 1, L, L + 1, 3 * L + 2})
    for (const int64_t columns : {L, 2 * L, 3 * L}) {
      const int64_t padded = base::round_to_lanes<real>(rows), ldx = columns + L;
      std::vector<real> x(static_cast<size_t>(rows * ldx)),
          y(static_cast<size_t>(columns * padded), -1), want(y.size(), 0);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<real>(i + 1);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          want[static_cast<size_t>(c * padded + r)] = x[static_cast<size_t>(r * ldx + c)];
      transpose_padded(x.data(), ldx, rows, columns, y.data(), padded);
      EXPECT_EQ(y, want) << rows << " " << columns;
    }
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(check_every_strip)
SWIN_KERNEL(check_padded_transposition)
}  // namespace swin::autograd::kernels
