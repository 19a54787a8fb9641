// Patterns of parameter names: "layers.{i}.downsample.norm.{p}".
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace swin::weights {

/// The values of a pattern's placeholders in one name.
struct Binding {
  std::array<int64_t, 3> numbers = {-1, -1, -1};  ///< i, j, k; −1: not in the pattern
  int leaf = -1;                                  ///< 0 weight, 1 bias
  auto operator<=>(const Binding&) const = default;
};

/// Whether `text` matches the pattern; `binding` then has the values of the placeholders. {i}, {j}
/// and {k} are decimal numbers ≥ 0, {2i+1} is a number from which i follows, {p} is weight or bias.
bool match(std::string_view pattern, std::string_view text, Binding& binding);

/// The pattern with its placeholders replaced by the values of the binding.
std::string fill(std::string_view pattern, const Binding& binding);

/// The pattern with its placeholders replaced by the numbers and the leaf of `key`, in their order.
/// For a misspelled key this is the name that was meant.
std::string fill_like(std::string_view pattern, std::string_view key);

/// Whether `text` matches the pattern, in which each * stands for any characters.
bool glob(std::string_view pattern, std::string_view text);

}  // namespace swin::weights
