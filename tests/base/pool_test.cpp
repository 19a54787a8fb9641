// The pool: memory is reused by size, aligned and counted; a dry run only counts.
#include "base/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/errors.h"

namespace swin::base {
namespace {

TEST(Pool, MemoryIsAlignedAndWritable) {
  for (const size_t bytes : {1u, 63u, 64u, 65u, 4096u, 16383u, 16384u, 16385u, 100000u, 5u << 20}) {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 3; ++i) {
      buffers.push_back(allocate(bytes));
      ASSERT_NE(buffers.back().data(), nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffers.back().data()) % 64, 0u) << bytes;
      EXPECT_GE(buffers.back().bytes(), bytes);
      std::memset(buffers.back().data(), i, bytes);
    }
    for (int i = 0; i < 3; ++i) {
      const unsigned char* p = static_cast<unsigned char*>(buffers[static_cast<size_t>(i)].data());
      EXPECT_EQ(p[0], i);
      EXPECT_EQ(p[bytes - 1], i);
    }
  }
}

TEST(Pool, ReusesABlockOfTheSameSize) {
  trim_pool();
  void* first;
  {
    const Buffer buffer = allocate(50000);
    first = buffer.data();
  }
  const int64_t blocks = pool_statistics().blocks_made;
  const Buffer again = allocate(50001);  // both round up to the same size
  EXPECT_EQ(again.data(), first);
  EXPECT_EQ(pool_statistics().blocks_made, blocks);
  const Buffer other = allocate(50001);
  EXPECT_NE(other.data(), first);
  EXPECT_EQ(pool_statistics().blocks_made, blocks + 1);
}

// Buffers whose size varies from step to step need no new memory each time.
TEST(Pool, ReusesABlockForABufferThatIsSomewhatSmaller) {
  trim_pool();
  void* first;
  {
    const Buffer buffer = allocate(64000);
    first = buffer.data();
  }
  const PoolStatistics before = pool_statistics();
  {
    const Buffer smaller = allocate(52000);
    EXPECT_EQ(smaller.data(), first);
    EXPECT_EQ(smaller.bytes(), 52032u);
    EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use + 52032);
  }
  const Buffer far_smaller = allocate(51000);
  EXPECT_NE(far_smaller.data(), first);
  const Buffer whole = allocate(64000);  // the block is still of its own size
  EXPECT_EQ(whole.data(), first);
  EXPECT_EQ(pool_statistics().blocks_made, before.blocks_made + 1);
}

TEST(Pool, CountsBytesInUse) {
  trim_pool();
  const PoolStatistics before = pool_statistics();
  Buffer buffer = allocate(1000);
  EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use + 1024);
  EXPECT_EQ(pool_statistics().bytes_reserved, before.bytes_reserved + 1024);
  EXPECT_GE(pool_statistics().peak_bytes, pool_statistics().bytes_reserved);
  Buffer handle = buffer;
  EXPECT_TRUE(buffer.shared());
  buffer.reset();
  EXPECT_FALSE(static_cast<bool>(buffer));
  EXPECT_FALSE(handle.shared());
  EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use + 1024);
  handle.reset();
  EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use);
  EXPECT_EQ(pool_statistics().bytes_reserved, before.bytes_reserved + 1024);
  trim_pool();
  EXPECT_EQ(pool_statistics().bytes_reserved, before.bytes_reserved);
}

TEST(Pool, EmptyBuffersAreHandlesWithoutMemory) {
  const Buffer empty = allocate(0);
  EXPECT_TRUE(static_cast<bool>(empty));
  EXPECT_EQ(empty.data(), nullptr);
  EXPECT_EQ(empty.bytes(), 0u);
  EXPECT_FALSE(static_cast<bool>(Buffer()));
}

TEST(Pool, PoisonFillsNewAndUsedBlocksWithNaN) {
  set_pool_poison(true);
  for (int i = 0; i < 2; ++i) {
    const Buffer buffer = allocate(30000);
    float* floats = static_cast<float*>(buffer.data());
    double* doubles = static_cast<double*>(buffer.data());
    for (int j = 0; j < 7500; ++j) ASSERT_TRUE(std::isnan(floats[j]));
    for (int j = 0; j < 3750; ++j) ASSERT_TRUE(std::isnan(doubles[j]));
    std::memset(buffer.data(), 0, 30000);
  }
  set_pool_poison(false);
}

TEST(Pool, AdoptedMemoryKeepsItsOwnerAndIsNotPooled) {
  const auto owner = std::make_shared<std::vector<float>>(16, 3.f);
  const size_t in_use = pool_statistics().bytes_in_use;
  {
    const Buffer buffer = adopt(owner->data(), 64, owner);
    EXPECT_EQ(buffer.data(), owner->data());
    EXPECT_EQ(buffer.bytes(), 64u);
    EXPECT_EQ(owner.use_count(), 2);
    EXPECT_EQ(pool_statistics().bytes_in_use, in_use);
  }
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(Pool, DryRunCountsFromZeroWithoutMemory) {
  const PoolStatistics before = pool_statistics();
  Buffer real_one = allocate(640);
  {
    const DryRun dry;
    EXPECT_TRUE(DryRun::active());
    EXPECT_EQ(pool_statistics().bytes_in_use, 0u);
    {
      const Buffer a = allocate(size_t{1} << 50);  // more than any machine has
      EXPECT_TRUE(static_cast<bool>(a));
      EXPECT_EQ(a.data(), nullptr);
      const Buffer b = allocate(64);
      EXPECT_EQ(pool_statistics().bytes_in_use, (size_t{1} << 50) + 64);
    }
    const Buffer again = allocate(64);
    EXPECT_EQ(pool_statistics().bytes_in_use, 64u);
    EXPECT_EQ(pool_statistics().peak_bytes, (size_t{1} << 50) + 64);
    EXPECT_EQ(pool_statistics().blocks_made, 2);
    {
      const DryRun nested;
      EXPECT_EQ(pool_statistics().bytes_in_use, 64u);
    }
    EXPECT_TRUE(DryRun::active());
    real_one.reset();  // returns to the pool although a dry run is active
  }
  EXPECT_FALSE(DryRun::active());
  EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use);
  {
    const DryRun second;
    EXPECT_EQ(pool_statistics().peak_bytes, 0u);
  }
}

TEST(Pool, OutOfMemoryIsAMemoryErrorWithTheSize) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer ends the process instead of refusing";
#endif
  try {
    const Buffer buffer = allocate(size_t{1} << 55);
    FAIL() << "allocated 2^55 bytes";
  } catch (const MemoryError& error) {
    EXPECT_NE(std::string(error.what()).find("found no room for 36028797018963968 bytes"),
              std::string::npos)
        << error.what();
    EXPECT_EQ(error.code(), ExitCode::memory);
  }
  EXPECT_NE(allocate(100).data(), nullptr);
}

TEST(Pool, ThreadsShareIt) {
  const PoolStatistics before = pool_statistics();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 300; ++i) {
        const size_t bytes = static_cast<size_t>(64 * (1 + (i + t) % 7));
        const Buffer buffer = allocate(bytes);
        std::memset(buffer.data(), t, bytes);
        for (size_t j = 0; j < bytes; ++j)
          if (static_cast<unsigned char*>(buffer.data())[j] != t) std::abort();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool_statistics().bytes_in_use, before.bytes_in_use);
}

}  // namespace
}  // namespace swin::base
