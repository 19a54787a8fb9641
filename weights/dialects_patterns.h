// Names with numbers in them: "layers.{i}.downsample.norm.{p}".
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace swin::weights {

/// What a pattern's places stood for in one name.
struct Binding {
  std::array<int64_t, 3> numbers = {-1, -1, -1};  ///< i, j, k; −1: not in the pattern
  int leaf = -1;                                  ///< 0 weight, 1 bias
  auto operator<=>(const Binding&) const = default;
};

/// Whether `text` is the pattern with something in its places, which then stands in `binding`.
/// {i}, {j}, {k} are numbers ≥ 0 in decimal, {2i+1} such a function of one, {p} is weight or bias.
bool match(std::string_view pattern, std::string_view text, Binding& binding);

/// The name that a pattern makes of a binding.
std::string fill(std::string_view pattern, const Binding& binding);

/// The pattern with the numbers and the leaf of `key` in its places, one after the other: what a
/// key that is not quite of the pattern was meant to be.
std::string fill_like(std::string_view pattern, std::string_view key);

/// Whether `text` is the pattern, in which each * is any characters.
bool glob(std::string_view pattern, std::string_view text);

}  // namespace swin::weights
