#include "weights/dialects_patterns.h"

#include <algorithm>

namespace swin::weights {

namespace {

constexpr std::string_view kLeaves[] = {"weight", "bias"};
constexpr size_t kMostDigits = 6;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A placeholder: "{2i+1}" is 2 · numbers[0] + 1.
struct Placeholder {
  bool leaf = false;
  size_t letter = 0;
  int64_t scale = 1, offset = 0;
};

// The placeholder that starts at pattern[at] == '{'; `at` moves past its '}'.
Placeholder placeholder_at(std::string_view pattern, size_t& at) {
  Placeholder placeholder;
  ++at;
  if (is_digit(pattern[at])) placeholder.scale = pattern[at++] - '0';
  if (pattern[at] == 'p')
    placeholder.leaf = true;
  else
    placeholder.letter = static_cast<size_t>(pattern[at] - 'i');
  ++at;
  if (pattern[at] == '+') {
    placeholder.offset = pattern[at + 1] - '0';
    at += 2;
  }
  ++at;
  return placeholder;
}

}  // namespace

bool match(std::string_view pattern, std::string_view text, Binding& binding) {
  binding = {};
  size_t at = 0;
  while (at < pattern.size()) {
    if (pattern[at] != '{') {
      if (text.empty() || text[0] != pattern[at]) return false;
      text.remove_prefix(1);
      ++at;
      continue;
    }
    const Placeholder placeholder = placeholder_at(pattern, at);
    if (placeholder.leaf) {
      const int leaf = text.starts_with(kLeaves[0]) ? 0 : text.starts_with(kLeaves[1]) ? 1 : -1;
      if (leaf < 0) return false;
      text.remove_prefix(kLeaves[leaf].size());
      binding.leaf = leaf;
      continue;
    }
    size_t digits = 0;
    int64_t value = 0;
    while (digits < text.size() && is_digit(text[digits]) && digits <= kMostDigits)
      value = 10 * value + (text[digits++] - '0');
    if (digits == 0 || digits > kMostDigits || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    value -= placeholder.offset;
    if (value < 0 || value % placeholder.scale != 0) return false;
    int64_t& number = binding.numbers[placeholder.letter];
    if (number >= 0 && number != value / placeholder.scale) return false;
    number = value / placeholder.scale;
  }
  return text.empty();
}

std::string fill(std::string_view pattern, const Binding& binding) {
  std::string name;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '{') {
      name += pattern[at++];
      continue;
    }
    const Placeholder placeholder = placeholder_at(pattern, at);
    if (placeholder.leaf)
      name += kLeaves[std::max(binding.leaf, 0)];
    else
      name += std::to_string(placeholder.scale *
                                 std::max<int64_t>(binding.numbers[placeholder.letter], 0) +
                             placeholder.offset);
  }
  return name;
}

std::string fill_like(std::string_view pattern, std::string_view key) {
  const bool bias = key.ends_with(kLeaves[1]);
  std::string name;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '{') {
      name += pattern[at++];
      continue;
    }
    if (placeholder_at(pattern, at).leaf) {
      name += kLeaves[bias ? 1 : 0];
      continue;
    }
    while (!key.empty() && !is_digit(key[0])) key.remove_prefix(1);
    if (key.empty()) name += '0';
    for (; !key.empty() && is_digit(key[0]); key.remove_prefix(1)) name += key[0];
  }
  return name;
}

bool glob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, after = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace swin::weights
