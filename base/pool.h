// The buffer pool: memory goes back to a list of its exact size and is handed out again from there,
// so a steady training step asks the system for nothing. In a dry run the pool counts instead of
// allocating.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace swin::base {

/// Memory of the pool, shared by its handles; goes back when the last handle dies. 64-byte aligned.
/// data() is null in a dry run (see DryRun), and of an empty handle.
class Buffer {
 public:
  Buffer() = default;
  void* data() const { return block_ ? block_->data : nullptr; }
  size_t bytes() const { return block_ ? block_->bytes : 0; }
  explicit operator bool() const { return block_ != nullptr; }
  /// Whether another handle refers to the same memory.
  bool shared() const { return block_.use_count() > 1; }
  void reset() { block_.reset(); }

 private:
  friend Buffer allocate(size_t bytes);
  friend Buffer adopt(void* data, size_t bytes, std::shared_ptr<void> owner);
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;
    bool dry = false, adopted = false;
    std::shared_ptr<void> owner;
    ~Block();
  };
  std::shared_ptr<Block> block_;
};

/// @throws MemoryError naming the size when the system has no more.
Buffer allocate(size_t bytes);
/// A handle to memory that somebody else owns (a parameter's slab); `owner` is kept alive.
Buffer adopt(void* data, size_t bytes, std::shared_ptr<void> owner);

struct PoolStatistics {
  size_t bytes_in_use = 0;    ///< handed out now
  size_t peak_bytes = 0;      ///< largest bytes_reserved since the start (or of the dry run)
  size_t bytes_reserved = 0;  ///< handed out or waiting in the lists
  int64_t blocks_made = 0;    ///< blocks ever asked from the system
};
PoolStatistics pool_statistics();
/// Gives the waiting blocks back to the system.
void trim_pool();
/// Tests: fills memory with NaN at every hand-out.
void set_pool_poison(bool on);

/// While one lives, allocate() on any thread counts and returns buffers without memory, and
/// kernels, which skip null outputs, do nothing: the real model tells its own memory and
/// arithmetic.
class DryRun {
 public:
  DryRun();
  ~DryRun();
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;
  static bool active();
};

}  // namespace swin::base
