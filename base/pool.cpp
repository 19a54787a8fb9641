#include "base/pool.h"

#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/errors.h"
#include "base/limits.h"

namespace swin::base {
namespace {

constexpr char kRemedy[] =
    "lower trainer.batch_size or set trainer.micro_batch_size (swin plan shows the peak)";
constexpr size_t kPage = 4096, kHugePage = 2u << 20;

struct Lists {
  std::map<size_t, std::vector<void*>> free;
  std::map<void*, size_t> larger;  // sizes of the blocks in use that are larger than their buffer
  PoolStatistics statistics;
};

struct Pool {
  std::mutex mutex;
  Lists real, dry;
  std::atomic<int> dry_depth{0};
  std::atomic<bool> poison{false};
  std::atomic<uint64_t> versions{0};
  size_t offset = 0;
};

// Never destroyed: static buffers may outlive main.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Takes a free block of this size, else the smallest one that is at most a quarter larger: where
// sizes vary from step to step (regions, images of several sizes), each would otherwise have blocks
// of its own, and no step would do without new memory.
bool take_free(Lists& lists, size_t size, bool dry, void** data) {
  const auto block = lists.free.lower_bound(size);
  if (block == lists.free.end() || block->first > (dry ? size : size + size / 4)) return false;
  *data = block->second.back();
  if (block->first > size) lists.larger[*data] = block->first;
  block->second.pop_back();
  if (block->second.empty()) lists.free.erase(block);
  return true;
}

// Big blocks start at different offsets within a page: buffers that all started at a page boundary
// would evict each other from the cache (4 KB aliasing). The pointer for free is stored in the
// bytes before the block.
void* system_allocate(size_t bytes) {
  if (bytes < 4 * kPage) return std::aligned_alloc(64, bytes);
  Pool& p = pool();
  p.offset = (p.offset + 5 * 64) % kPage;
  const size_t total = bytes + kPage + 64;
  const size_t alignment = total >= 2 * kHugePage ? kHugePage : kPage;
  char* origin = static_cast<char*>(
      std::aligned_alloc(alignment, (total + alignment - 1) / alignment * alignment));
  if (!origin) return nullptr;
  if (alignment == kHugePage) madvise(origin, total, MADV_HUGEPAGE);
  char* data = origin + 64 + p.offset;
  std::memcpy(data - sizeof(void*), &origin, sizeof(void*));
  return data;
}

void system_free(void* data, size_t bytes) {
  if (bytes >= 4 * kPage)
    std::memcpy(&data, static_cast<char*>(data) - sizeof(void*), sizeof(void*));
  std::free(data);
}

// Tells the address sanitizer which bytes may be used: the requested size of a live buffer, nothing
// in a free list. On its own it would see one allocation that is never freed.
void allow_access([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes,
                  [[maybe_unused]] size_t size) {
#ifdef __SANITIZE_ADDRESS__
  if (!data) return;
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(data) + bytes, size - bytes);
#endif
}

void free_blocks(Lists& lists) {
  for (auto& [bytes, blocks] : lists.free) {
    lists.statistics.bytes_reserved -= bytes * blocks.size();
    for (void* block : blocks) {
      allow_access(block, bytes, bytes);
      system_free(block, bytes);
    }
  }
  lists.free.clear();
}

}  // namespace

uint64_t Buffer::next_version() { return ++pool().versions; }

Buffer Buffer::derived(int64_t kind) const {
  Buffer made;
  if (block_ && block_->derived_kind == kind) made.block_ = block_->derived;
  return made;
}

Buffer::Block::~Block() {
  if (adopted || owner || bytes == 0) return;
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  Lists& lists = dry ? p.dry : p.real;
  const auto larger = lists.larger.find(data);
  const size_t size = larger == lists.larger.end() ? bytes : larger->second;
  if (larger != lists.larger.end()) lists.larger.erase(larger);
  allow_access(data, 0, size);
  lists.free[size].push_back(data);
  lists.statistics.bytes_in_use -= bytes;
}

Buffer allocate(size_t bytes) {
  Buffer buffer;
  buffer.block_ = std::make_shared<Buffer::Block>();
  Buffer::Block& block = *buffer.block_;
  const size_t size = rounded(bytes);
  if (size == 0) return buffer;
  Pool& p = pool();
  block.dry = DryRun::active();
  Arena* const arena = Arena::current();
  Arena::Part part;
  if (arena && arena->dry() == block.dry) part = arena->take(size);
  if (part.owner) {
    block.data = part.data;
    block.bytes = size;
    block.owner = std::move(part.owner);
  } else {
    const std::lock_guard lock(p.mutex);
    Lists& lists = block.dry ? p.dry : p.real;
    if (!take_free(lists, size, block.dry, &block.data)) {
      if (!block.dry) {
        if (size >= kHugePage && !has_memory_for(static_cast<int64_t>(size))) {
          free_blocks(lists);
          require_memory(static_cast<int64_t>(size), "a tensor", kRemedy);
        }
        block.data = system_allocate(size);
        if (!block.data) {
          free_blocks(lists);
          block.data = system_allocate(size);
        }
        if (!block.data)
          throw MemoryError("memory",
                            "found no room for " + std::to_string(size) + " bytes on top of " +
                                std::to_string(lists.statistics.bytes_in_use) + " in use",
                            kRemedy);
      }
      lists.statistics.bytes_reserved += size;
      ++lists.statistics.blocks_made;
      if (lists.statistics.bytes_reserved > lists.statistics.peak_bytes)
        lists.statistics.peak_bytes = lists.statistics.bytes_reserved;
    }
    block.bytes = size;
    lists.statistics.bytes_in_use += size;
  }
  if (!block.owner) allow_access(block.data, bytes, size);
  if (block.data && p.poison.load(std::memory_order_relaxed)) std::memset(block.data, 0xFF, bytes);
  return buffer;
}

Buffer adopt(void* data, size_t bytes, std::shared_ptr<void> owner) {
  Buffer buffer;
  buffer.block_ = std::make_shared<Buffer::Block>();
  buffer.block_->data = data;
  buffer.block_->bytes = bytes;
  buffer.block_->adopted = true;
  buffer.block_->owner = std::move(owner);
  return buffer;
}

PoolStatistics pool_statistics() {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  return (DryRun::active() ? p.dry : p.real).statistics;
}

void trim_pool() {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  free_blocks(p.real);
}

void set_pool_poison(bool on) { pool().poison = on; }

DryRun::DryRun() {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  if (p.dry_depth++ == 0) p.dry = {};
}
DryRun::~DryRun() { --pool().dry_depth; }
bool DryRun::active() { return pool().dry_depth.load(std::memory_order_relaxed) > 0; }

}  // namespace swin::base
