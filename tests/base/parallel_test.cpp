// parallel_for: runs every tile once, passes exceptions on, runs nested calls serially and restores
// the caller's state.
#include "base/parallel.h"

#include <gtest/gtest.h>
#include <omp.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <atomic>
#include <cfenv>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace swin::base {
namespace {

class Parallel : public testing::Test {
 protected:
  ~Parallel() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

TEST_F(Parallel, RunsEveryTileOnceForAnyThreads) {
  for (const int threads : {1, 2, 3, 5})
    for (const int64_t tiles : {0, 1, 2, 7, 1000}) {
      set_num_threads(threads);
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tiles));
      parallel_for(tiles, [&](int64_t tile) { ++runs[static_cast<size_t>(tile)]; });
      for (const auto& count : runs) ASSERT_EQ(count, 1);
    }
  parallel_for(-3, [](int64_t) { FAIL(); });
}

TEST_F(Parallel, CountIsAtLeastOne) {
  set_num_threads(0);
  EXPECT_EQ(num_threads(), 1);
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  EXPECT_EQ(omp_get_max_threads(), 3);
}

TEST_F(Parallel, ThreadIndexIsBelowTheCountAndOwnedByOneThread) {
  set_num_threads(4);
  EXPECT_EQ(thread_index(), 0);
  std::vector<std::set<std::thread::id>> owners(4);
  std::mutex mutex;
  parallel_for(2000, [&](int64_t) {
    const int index = thread_index();
    const std::lock_guard lock(mutex);
    ASSERT_GE(index, 0);
    ASSERT_LT(index, 4);
    owners[static_cast<size_t>(index)].insert(std::this_thread::get_id());
  });
  for (const auto& owner : owners) EXPECT_LE(owner.size(), 1u);
  EXPECT_EQ(thread_index(), 0);
}

TEST_F(Parallel, UsesSeveralThreadsAtOnce) {
  set_num_threads(3);
  // Each of three tiles waits for the others: only three concurrent threads can finish.
  std::atomic<int> arrived{0};
  parallel_for(3, [&](int64_t) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 3);
}

TEST_F(Parallel, ExceptionsArePassedOnAndTheNextRunIsComplete) {
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    for (const int64_t bad : {0, 17, 99}) {
      try {
        parallel_for(100, [&](int64_t tile) {
          if (tile == bad) throw std::runtime_error("tile " + std::to_string(tile));
        });
        ADD_FAILURE() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), "tile " + std::to_string(bad));
      }
      EXPECT_EQ(thread_index(), 0);
      std::atomic<int> runs{0};
      parallel_for(50, [&](int64_t) { ++runs; });
      EXPECT_EQ(runs, 50);
      EXPECT_EQ(omp_get_max_threads(), threads);
    }
  }
}

TEST_F(Parallel, NestedRunsAreSerialAndInOrder) {
  set_num_threads(3);
  std::atomic<int> right{0};
  parallel_for(6, [&](int64_t) {
    const auto thread = std::this_thread::get_id();
    const int index = thread_index();
    std::vector<int64_t> order;
    bool same = true;
    parallel_for(5, [&](int64_t inner) {
      same = same && std::this_thread::get_id() == thread && thread_index() == index;
      order.push_back(inner);
    });
    if (same && order == std::vector<int64_t>{0, 1, 2, 3, 4} && thread_index() == index) ++right;
  });
  EXPECT_EQ(right, 6);
}

TEST_F(Parallel, LibrariesHaveOneThreadInsideAndTheirOwnAfter) {
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    std::atomic<int> ones{0};
    parallel_for(8, [&](int64_t) { ones += omp_get_max_threads() == 1; });
    EXPECT_EQ(ones, 8);
    EXPECT_EQ(omp_get_max_threads(), threads);
  }
}

#if defined(__SSE2__)
TEST_F(Parallel, FlushesDenormalsInsideAndRestoresTheCallersState) {
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const unsigned before = _mm_getcsr();
    const unsigned upward = (before & ~0x6000u) | 0x4000u;
    _mm_setcsr(upward);
    std::atomic<int> right{0};
    parallel_for(9, [&](int64_t) {
      const unsigned inside = _mm_getcsr();
      volatile float tiny = std::numeric_limits<float>::min();
      const float half = tiny * 0.5f;
      right += (inside & 0x8040u) == 0x8040u && (inside & 0x6000u) == 0 && half == 0;
    });
    EXPECT_EQ(right, 9);
    EXPECT_EQ(_mm_getcsr() & ~0x3Fu, upward & ~0x3Fu);
    // Also after an exception.
    EXPECT_THROW(parallel_for(4, [](int64_t) { throw std::runtime_error("x"); }),
                 std::runtime_error);
    EXPECT_EQ(_mm_getcsr() & ~0x3Fu, upward & ~0x3Fu);
    _mm_setcsr(before);
  }
}
#endif

}  // namespace
}  // namespace swin::base
