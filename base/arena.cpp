#include "base/arena.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>

#include "base/pool.h"

namespace swin::base {
namespace {

// Between large parts: those that all started at a page boundary would evict each other from the
// cache, as blocks of the pool would (4 KB aliasing).
constexpr size_t kLine = 64, kLarge = 4 * 4096, kGap = 5 * kLine;

thread_local Arena* current_arena = nullptr;

}  // namespace

struct Arena::State {
  std::mutex mutex;
  Buffer memory;  // none in a dry run
  size_t size = std::numeric_limits<size_t>::max();
  std::map<size_t, size_t> gaps;  // between parts: offset and size
  size_t end = 0, planned = 0;    // of the last part, now and at most

  void put_back(size_t offset, size_t bytes) {
    const std::lock_guard lock(mutex);
    auto gap = gaps.emplace(offset, bytes).first;
    if (const auto next = std::next(gap);
        next != gaps.end() && gap->first + gap->second == next->first) {
      gap->second += next->second;
      gaps.erase(next);
    }
    if (gap != gaps.begin())
      if (const auto before = std::prev(gap); before->first + before->second == gap->first) {
        before->second += gap->second;
        gaps.erase(gap);
        gap = before;
      }
    if (gap->first + gap->second == end) {
      end = gap->first;
      gaps.erase(gap);
    }
  }
};

Arena::Arena() : state_(std::make_shared<State>()) {}

Arena::Arena(size_t bytes) : Arena() {
  const Use of_the_pool(nullptr);
  state_->memory = allocate(bytes);
  state_->size = bytes;
}

size_t Arena::planned_bytes() const { return state_->planned; }
bool Arena::dry() const { return !state_->memory; }

Arena::Use::Use(Arena* arena) : outer_(current_arena) { current_arena = arena; }
Arena::Use::~Use() { current_arena = outer_; }
Arena* Arena::current() { return current_arena; }

Arena::Part Arena::take(size_t bytes) {
  State& s = *state_;
  bytes = (bytes + kLine - 1) / kLine * kLine + (bytes >= kLarge ? kGap : 0);
  const std::lock_guard lock(s.mutex);
  auto best = s.gaps.end();
  for (auto gap = s.gaps.begin(); gap != s.gaps.end(); ++gap)
    if (gap->second >= bytes && (best == s.gaps.end() || gap->second < best->second)) best = gap;
  size_t offset = s.end;
  if (best != s.gaps.end()) {
    offset = best->first;
    const size_t left = best->second - bytes;
    s.gaps.erase(best);
    if (left > 0) s.gaps.emplace(offset + bytes, left);
  } else {
    if (bytes > s.size - s.end) return {};
    s.end += bytes;
    s.planned = std::max(s.planned, s.end);
  }
  char* const memory = static_cast<char*>(s.memory.data());
  return {
      memory ? memory + offset : nullptr,
      {state_.get(), [state = state_, offset, bytes](void*) { state->put_back(offset, bytes); }}};
}

}  // namespace swin::base
