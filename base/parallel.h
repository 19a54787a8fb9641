// The only entry point to OpenMP. Kernels cut their work into tiles that depend on shapes alone,
// and parallel_for runs the tiles on any number of threads: results have the same bits for every
// count.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/integer.h"

namespace swin::base {

/// A reference to a callable, valid only during the call that it is passed to.
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
/// Inside a body, libraries get one OpenMP thread, rounding is to nearest and denormals are flushed
/// to zero; the caller's state is restored afterwards. The first exception of a body is thrown once
/// all tiles have ended. A nested call runs its tiles in order on the calling thread.
void parallel_for(int64_t tiles, FunctionRef<void(int64_t)> body);

/// Calls body(begin, end) in parallel for ranges of `block` items that cover [0, count); the last
/// range may be shorter.
template <class F>
void parallel_ranges(int64_t count, int64_t block, F&& body) {
  parallel_for(divide_up(count, block),
               [&](int64_t i) { body(i * block, std::min(count, (i + 1) * block)); });
}

constexpr int kMaxThreads = 1024;

/// What OMP_NUM_THREADS asks for: its number, of a list the first. Nothing if it is not set or
/// empty. @throws UsageError if a number is not one from 1 to kMaxThreads.
std::optional<int> threads_of_environment();

/// The number of threads that parallel_for uses. Initially that of OMP_NUM_THREADS, else of the
/// limits of this process (limits.h). @throws UsageError as threads_of_environment.
int num_threads();
/// @param n at least 1. Call from the main thread, outside parallel_for.
void set_num_threads(int n);
/// The index of the calling thread inside parallel_for, 0 outside: selects its scratch memory.
int thread_index();

}  // namespace swin::base
