#include "base/parallel.h"

#include <omp.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

#include "base/errors.h"
#include "base/limits.h"
#include "base/text.h"

namespace swin::base {
namespace {

// 0: not asked for yet. A flag is set before anyone asks, so it wins over a variable that is wrong.
std::atomic<int> thread_count{0};

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

thread_local bool inside = false;
thread_local int index = 0;

// While it lives, the calling thread computes with the floating-point state that all threads share.
class ComputeState {
 public:
  explicit ComputeState(int thread) : omp_threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);
    inside = true;
    index = thread;
#if defined(__SSE2__)
    control_ = _mm_getcsr();
    _mm_setcsr(0x1F80u | 0x8040u);  // nearest, exceptions masked, FTZ and DAZ
#endif
  }
  ~ComputeState() {
#if defined(__SSE2__)
    _mm_setcsr(control_);
#endif
    index = 0;
    inside = false;
    omp_set_num_threads(omp_threads_);
  }
  ComputeState(const ComputeState&) = delete;
  ComputeState& operator=(const ComputeState&) = delete;

 private:
  int omp_threads_;
  [[maybe_unused]] unsigned control_ = 0;
};

}  // namespace

std::optional<int> threads_of_environment() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::optional<int> first;
  const std::string_view list = text;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view item = trimmed(list.substr(begin, end - begin));
    int number = 0;
    const auto [stop, error] = std::from_chars(item.data(), item.data() + item.size(), number);
    if (error != std::errc{} || stop != item.data() + item.size() || number < 1 ||
        number > kMaxThreads)
      throw UsageError("OMP_NUM_THREADS",
                       "found \"" + printable(list) + "\", expected a whole number from 1 to " +
                           std::to_string(kMaxThreads),
                       "correct or unset it, or give --threads N");
    if (!first) first = number;
    begin = end + 1;
  }
  return first;
}

int num_threads() {
  if (thread_count == 0)
    thread_count = threads_of_environment().value_or(std::min(limits().threads(), kMaxThreads));
  return thread_count;
}
void set_num_threads(int n) {
  thread_count = std::max(1, n);
  omp_set_num_threads(thread_count);  // libraries called outside parallel_for
}
int thread_index() { return index; }

void parallel_for(int64_t tiles, FunctionRef<void(int64_t)> body) {
  if (tiles <= 0) return;
  if (inside) {
    for (int64_t tile = 0; tile < tiles; ++tile) body(tile);
    return;
  }
  const int threads = static_cast<int>(std::min<int64_t>(num_threads(), tiles));
  if (threads == 1) {
    const ComputeState state(0);
    for (int64_t tile = 0; tile < tiles; ++tile) body(tile);
    return;
  }
  std::exception_ptr failure;
  std::atomic<bool> failed{false};
  std::atomic<int64_t> next{0};
#pragma omp parallel num_threads(threads)
  {
    const ComputeState state(omp_get_thread_num());
    // Dynamic scheduling, one tile at a time: stays balanced when another process uses a core.
    for (int64_t tile; (tile = next.fetch_add(1, std::memory_order_relaxed)) < tiles;) {
      if (failed.load(std::memory_order_relaxed)) break;
      try {
        body(tile);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace swin::base
