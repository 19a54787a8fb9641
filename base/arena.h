// One block of memory for the intermediate results of a forward that is repeated, such as those of
// inference: each takes the place of earlier ones that are gone. The pool has lists by size, which
// suits training, where the sizes of a step come again; a forward alone lives in a third of their
// memory.
#pragma once
#include <cstddef>
#include <memory>

namespace swin::base {

/// A part of the block goes to each buffer: the smallest gap between others that is large enough,
/// else what follows the last one. In a dry run there is no block: the same parts are given, and
/// planned_bytes() says how large it would have to be.
class Arena {
 public:
  /// For a dry run.
  Arena();
  /// @param bytes planned by a dry run
  explicit Arena(size_t bytes);

  /// The end of the last part that a buffer has had.
  size_t planned_bytes() const;
  bool dry() const;

  /// While one lives, allocate() on this thread takes from the arena what fits there. Null: from
  /// the pool, for what stays, such as packed weights.
  class Use {
   public:
    explicit Use(Arena* arena);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    Arena* outer_;
  };
  static Arena* current();

  /// Memory of the arena, which has it again when the last handle goes; it may outlive this object.
  /// Empty if there is no room.
  struct Part {
    void* data = nullptr;  ///< null in a dry run
    std::shared_ptr<void> owner;
  };
  Part take(size_t bytes);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace swin::base
