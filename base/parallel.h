// The only door to OpenMP. Kernels cut their work into tiles that are a function of shapes alone;
// parallel_for runs the tiles on however many threads there are, so the count never shows in the
// bits.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/integer.h"

namespace swin::base {

/// A view of a callable; lives no longer than the call it is passed to.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(args...);
        }) {}
  R operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// Calls body(tile) once for every tile in [0, tiles), in no fixed order, on num_threads() threads.
/// Inside: one OpenMP thread for libraries, rounding to nearest, denormals flushed to zero; both
/// are restored after. The first exception of a body is thrown here once all tiles ended. Called
/// from inside a body it runs the tiles in order on the calling thread.
void parallel_for(int64_t tiles, FunctionRef<void(int64_t)> body);

/// parallel_for over the ranges [begin, end) of `block` items, the last one shorter, that cover
/// [0, count).
template <class F>
void parallel_ranges(int64_t count, int64_t block, F&& body) {
  parallel_for(divide_up(count, block),
               [&](int64_t i) { body(i * block, std::min(count, (i + 1) * block)); });
}

/// Threads parallel_for uses. At start: OMP_NUM_THREADS, else the cores this process may use.
int num_threads();
/// @param n at least 1. Call from the main thread, outside parallel_for.
void set_num_threads(int n);
/// The number of the calling thread inside parallel_for (0 outside): an index for scratch memory.
int thread_index();

}  // namespace swin::base
