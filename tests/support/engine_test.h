// The bases of all tests of the engine: they fill new pool memory with NaN and restore the number
// of threads.
#pragma once
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "base/pool.h"
#include "tests/support/isas.h"

namespace swin::oracle {

class EngineState {
 public:
  EngineState() : threads_(base::num_threads()) { base::set_pool_poison(true); }
  ~EngineState() {
    base::set_num_threads(threads_);
    base::set_pool_poison(false);
  }
  EngineState(const EngineState&) = delete;
  EngineState& operator=(const EngineState&) = delete;

 private:
  int threads_;
};

class EngineTest : public testing::Test {
  EngineState state_;
};
/// Of kernels: each test runs with each instruction set.
class EngineIsaTest : public test::IsaTest {
  EngineState state_;
};

}  // namespace swin::oracle
