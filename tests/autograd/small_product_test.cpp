// Products of attention windows, against plain loops, for each instruction set.
#include "tests/autograd/small_product_checks.h"
#include "tests/support/isas.h"

namespace swin::autograd::kernels {
namespace {

class SmallProduct : public test::IsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, SmallProduct, testing::ValuesIn(test::tested_isas()),
                         test::isa_of_test);

TEST_P(SmallProduct, EveryStripAndHeight) { check_every_strip(); }
TEST_P(SmallProduct, TransposePadsWithZeros) { check_padded_transposition(); }

}  // namespace
}  // namespace swin::autograd::kernels
