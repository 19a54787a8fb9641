// Vector code against plain loops, for each instruction set: partial loads, the fixed order of
// sums, exp and the normal distribution.
#include "base/errors.h"
#include "base/isa.h"
#include "tests/base/simd_checks.h"
#include "tests/support/isas.h"

namespace swin::simd_checks {
namespace {

class Simd : public test::IsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Simd, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

TEST_P(Simd, VectorsAreOneRegisterOfTheSet) {
  EXPECT_EQ(vector_bytes(), GetParam() == base::Isa::avx512 ? 64
                            : GetParam() == base::Isa::avx2 ? 32
                                                            : 16);
}
TEST_P(Simd, LanesAndRounding) { lanes_and_rounding(); }
TEST_P(Simd, PartialLoadsAndStoresTouchOnlyTheirLanes) { partial_loads_and_stores(); }
TEST_P(Simd, SumAddsByHalving) { order_of_sums(); }
TEST_P(Simd, LargestLaneAnywhere) { largest_lane(); }
TEST_P(Simd, FmaRoundsOnceWhereTheSetHasIt) { rounding_of_fma(); }
TEST_P(Simd, MinAndMaxReturnTheSecondForNaN) { smaller_and_larger(); }
TEST_P(Simd, SquareRootsAreExact) { square_roots(); }
TEST_P(Simd, TransposesBlocks) { transposition(); }
TEST_P(Simd, ExpOverItsRange) { accuracy_of_exp(); }
TEST_P(Simd, NormalDistribution) { accuracy_of_normal_distribution(); }

// The machinery of base/isa.h itself.
TEST(Isa, NamesAreThoseOfTheCommandLine) {
  for (const char* name : {"baseline", "avx2", "avx512"})
    EXPECT_STREQ(base::isa_name(base::isa_named(name).value()), name);
  for (const char* name : {"", "AVX2", "avx", "avx512f", "v3"})
    EXPECT_FALSE(base::isa_named(name)) << name;
}

TEST(Isa, ASetThatTheProcessorLacksIsRefused) {
  if (base::best_isa() == base::Isa::avx512) GTEST_SKIP() << "this processor has every set";
  const base::Isa before = base::isa();
  EXPECT_THROW(base::set_isa(base::Isa::avx512), base::UsageError);
  EXPECT_EQ(base::isa(), before);
}

}  // namespace
}  // namespace swin::simd_checks
