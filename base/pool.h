// The buffer pool. A freed block goes to a free list of its size and is reused from there, also for
// buffers that are up to a fifth smaller, so after the first training steps nothing is allocated
// from the system. In a dry run the pool only counts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace swin::base {

/// A shared handle to memory of the pool, 64-byte aligned. The memory returns to the pool with the
/// last handle. data() is null in a dry run (see DryRun) and for an empty handle.
class Buffer {
 public:
  Buffer() = default;
  void* data() const { return block_ ? block_->data : nullptr; }
  size_t bytes() const { return block_ ? block_->bytes : 0; }
  explicit operator bool() const { return block_ != nullptr; }
  /// Whether another handle refers to the same memory.
  bool shared() const { return block_.use_count() > 1; }
  /// Whether the memory is a part of something else, such as a slab (see adopt).
  bool adopted() const { return block_ && block_->adopted; }
  /// A number that no other contents of any memory have had: all handles of one memory see it
  /// change when advance_version() says that the contents do.
  uint64_t version() const { return block_ ? block_->version : 0; }
  void advance_version() {
    if (!block_) return;
    block_->version = next_version();
    drop_derived();
  }
  /// What someone made from the contents and left here, such as packed weights. It goes when the
  /// contents change. Empty if there is none of this kind.
  Buffer derived(int64_t kind) const;
  void keep_derived(int64_t kind, const Buffer& made) const {
    block_->derived = made.block_;
    block_->derived_kind = kind;
  }
  void drop_derived() const { block_->derived.reset(); }
  void reset() { block_.reset(); }

 private:
  friend Buffer allocate(size_t bytes);
  friend Buffer adopt(void* data, size_t bytes, std::shared_ptr<void> owner);
  static uint64_t next_version();
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;
    bool dry = false, adopted = false;
    uint64_t version = next_version();
    std::shared_ptr<void> owner;
    std::shared_ptr<Block> derived;
    int64_t derived_kind = 0;
    ~Block();
  };
  std::shared_ptr<Block> block_;
};

/// @throws MemoryError with the size if the system has no memory left.
Buffer allocate(size_t bytes);
/// A handle to memory that the pool does not own, such as a parameter in its slab. `owner` lives at
/// least as long.
Buffer adopt(void* data, size_t bytes, std::shared_ptr<void> owner);

struct PoolStatistics {
  size_t bytes_in_use = 0;    ///< in buffers that are alive
  size_t peak_bytes = 0;      ///< maximum of bytes_reserved since the start (or in the dry run)
  size_t bytes_reserved = 0;  ///< in live buffers and free lists
  int64_t blocks_made = 0;    ///< allocations from the system so far
};
PoolStatistics pool_statistics();
/// Returns the free lists to the system.
void trim_pool();
/// For tests: fills every buffer with NaN when it is allocated.
void set_pool_poison(bool on);

/// While one lives, allocate() on any thread counts bytes and returns buffers without memory.
/// Kernels skip null outputs, so a model's own forward and backward tell its memory and arithmetic
/// at almost no cost.
class DryRun {
 public:
  DryRun();
  ~DryRun();
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;
  static bool active();
};

}  // namespace swin::base
