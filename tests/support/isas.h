// The instruction sets that tests run kernels with.
#pragma once
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "base/isa.h"

namespace swin::base {
inline void PrintTo(Isa isa, std::ostream* out) { *out << isa_name(isa); }  // in GoogleTest's texts
}  // namespace swin::base

namespace swin::test {

/// All sets that the processor has, the lowest first; in double and under sanitizers only the
/// lowest and the best one, because these builds take their time.
inline std::vector<base::Isa> tested_isas() {
#if defined(SWIN_REAL_DOUBLE) || defined(__SANITIZE_ADDRESS__)
  constexpr bool kAll = false;
#else
  constexpr bool kAll = true;
#endif
  std::vector<base::Isa> isas;
  for (int i = 0; i < base::kIsas; ++i) {
    const base::Isa isa = static_cast<base::Isa>(i), best = base::best_isa();
    if (isa <= best && (kAll || i == 0 || isa == best)) isas.push_back(isa);
  }
  return isas;
}

/// Uses a set while it lives.
class IsaScope {
 public:
  explicit IsaScope(base::Isa isa) : before_(base::isa()) { base::set_isa(isa); }
  ~IsaScope() { base::set_isa(before_); }
  IsaScope(const IsaScope&) = delete;
  IsaScope& operator=(const IsaScope&) = delete;

 private:
  base::Isa before_;
};

/// Calls check(isa) with each set in use.
template <class Check>
void for_each_isa(Check&& check) {
  for (const base::Isa isa : tested_isas()) {
    const IsaScope scope(isa);
    SCOPED_TRACE(base::isa_name(isa));
    check(isa);
  }
}

/// A test that runs with each set:
///   INSTANTIATE_TEST_SUITE_P(Isa, MyTest, ValuesIn(tested_isas()), isa_of_test);
class IsaTest : public testing::TestWithParam<base::Isa> {
  IsaScope scope_{GetParam()};
};
inline std::string isa_of_test(const testing::TestParamInfo<base::Isa>& test) {
  return base::isa_name(test.param);
}

}  // namespace swin::test
