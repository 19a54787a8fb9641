// The arena of a forward: parts that are planned by a dry run, used again, and never two at a time.
#include "base/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/pool.h"
#include "base/random.h"

namespace swin::base {
namespace {

constexpr int kBuffers = 12, kTurns = 400;

// Makes and frees buffers of all sizes in a fixed order, and writes to all that live.
void take_turns() {
  std::vector<Buffer> live(kBuffers);
  std::vector<size_t> bytes(kBuffers);
  const Random random(1, "arena");
  for (uint64_t turn = 0; turn < kTurns; ++turn) {
    const size_t i = random.below(2 * turn, kBuffers);
    const auto* const values = static_cast<unsigned char*>(live[i].data());
    ASSERT_TRUE(!values || (values[0] == i && values[bytes[i] - 1] == i)) << turn;
    live[i].reset();
    bytes[i] = 1 + random.below(2 * turn + 1, turn % 3 ? 500 : 50000);
    live[i] = allocate(bytes[i]);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(live[i].data()) % 64, 0u);
    if (live[i].data()) std::memset(live[i].data(), static_cast<int>(i), bytes[i]);
  }
}

size_t planned() {
  const DryRun dry;
  Arena arena;
  const Arena::Use use(&arena);
  take_turns();
  return arena.planned_bytes();
}

TEST(Arena, GivesWhatItsDryRunPlanned) {
  const size_t bytes = planned();
  EXPECT_EQ(bytes, planned());
  EXPECT_LT(bytes, 12u * 50000);
  Arena arena(bytes);
  const int64_t blocks = pool_statistics().blocks_made;
  const size_t in_use = pool_statistics().bytes_in_use;
  for (int i = 0; i < 2; ++i) {
    const Arena::Use use(&arena);
    take_turns();
  }
  EXPECT_EQ(arena.planned_bytes(), bytes);
  EXPECT_EQ(pool_statistics().blocks_made, blocks);
  EXPECT_EQ(pool_statistics().bytes_in_use, in_use);
}

TEST(Arena, TakesFromThePoolWhatDoesNotFit) {
  Arena arena(planned() / 2);
  const size_t in_use = pool_statistics().bytes_in_use;
  {
    const Arena::Use use(&arena);
    take_turns();
    const Buffer large = allocate(1 << 20);
    EXPECT_EQ(pool_statistics().bytes_in_use, in_use + (1 << 20));
  }
  EXPECT_EQ(pool_statistics().bytes_in_use, in_use);
}

TEST(Arena, JoinsWhatIsFree) {
  Arena arena(64 * 4);
  const Arena::Use use(&arena);
  const size_t in_use = pool_statistics().bytes_in_use;
  for (const std::vector<size_t>& order :
       {std::vector<size_t>{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {1, 3, 0, 2}}) {
    std::vector<Buffer> parts(4);
    for (Buffer& part : parts) part = allocate(64);
    for (const size_t i : order) parts[i].reset();
    const Buffer whole = allocate(64 * 4);
    EXPECT_EQ(pool_statistics().bytes_in_use, in_use);
  }
}

TEST(Arena, GivesTheSmallestGap) {
  Arena arena(64 * 16);
  const Arena::Use use(&arena);
  std::vector<Buffer> parts;
  for (const size_t lines : {4, 1, 2, 1, 3, 1}) parts.push_back(allocate(64 * lines));
  const void* const gap = parts[2].data();
  for (const size_t i : {0u, 2u, 4u}) parts[i].reset();
  EXPECT_EQ(allocate(64 * 2).data(), gap);
}

TEST(Arena, ABufferOutlivesItAndItsUse) {
  Buffer buffer;
  const size_t in_use = pool_statistics().bytes_in_use;
  {
    Arena arena(256);
    const Arena::Use use(&arena);
    buffer = allocate(200);
    {
      const Arena::Use of_the_pool(nullptr);
      const Buffer other = allocate(64);
      EXPECT_EQ(pool_statistics().bytes_in_use, in_use + 256 + 64);
    }
    EXPECT_EQ(Arena::current(), &arena);
  }
  EXPECT_EQ(Arena::current(), nullptr);
  std::memset(buffer.data(), 1, 200);
  EXPECT_EQ(pool_statistics().bytes_in_use, in_use + 256);
  buffer.reset();
  EXPECT_EQ(pool_statistics().bytes_in_use, in_use);
}

// A dry run beside a forward must not get memory that a real one writes to, nor the reverse.
TEST(Arena, IsOfADryRunOrNot) {
  Arena arena(256);
  const Arena::Use use(&arena);
  const DryRun dry;
  const Buffer buffer = allocate(64);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(arena.planned_bytes(), 0u);
}

}  // namespace
}  // namespace swin::base
