// Integer division that rounds up.
#pragma once
#include <cstdint>

namespace swin::base {

/// ⌈a / b⌉ for a ≥ 0, b > 0.
constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
/// a rounded up to a multiple of b.
constexpr int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

}  // namespace swin::base
