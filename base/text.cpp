#include "base/text.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace swin::base {
namespace {

// At most the first `most` bytes of a text, without cutting a UTF-8 sequence; "…" marks the cut.
std::string shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0u) == 0x80u) --most;
  return std::string(text.substr(0, most)) + "…";
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the dynamic-programming table: a swap looks two rows back.
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = above;
    above = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j - 1] + change, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view text, std::span<const std::string> candidates) {
  const auto found = std::min_element(candidates.begin(), candidates.end(),
                                      [&](const std::string& a, const std::string& b) {
                                        return edit_distance(text, a) < edit_distance(text, b);
                                      });
  return found == candidates.end() ? "" : *found;
}

std::string nearest_if_close(std::string_view text, std::span<const std::string> candidates,
                             size_t least) {
  std::string found = nearest(text, candidates);
  const size_t most = std::max(least, text.size() / 3);
  return !found.empty() && edit_distance(text, found) <= most ? found : "";
}

std::string listing(std::span<const std::string> items, size_t shown, std::string_view separator) {
  constexpr size_t kLongest = 300;
  std::string text;
  for (size_t i = 0; i < std::min(items.size(), shown); ++i)
    text.append(i ? separator : "").append(shortened(items[i], kLongest));
  if (items.size() > shown) text += " and " + std::to_string(items.size() - shown) + " more";
  return text;
}

std::string alternatives(std::span<const std::string> items) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : i + 1 == items.size() ? " or " : ", ") + items[i];
  return text;
}

std::string hex(uint8_t byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {kDigits[byte >> 4], kDigits[byte & 15]};
}

std::string without_controls(std::string_view text, char replacement) {
  std::string shown(text);
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    // U+0080 … U+009F in UTF-8
    const bool is_c1 = byte == 0xC2 && i + 1 < shown.size() &&
                       (static_cast<unsigned char>(shown[i + 1]) & 0xE0u) == 0x80u;
    if (is_c1) shown.erase(i + 1, 1);
    if (is_c1 || byte < 0x20 || byte == 0x7F) shown[i] = replacement;
  }
  return shown;
}

std::string printable(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  return without_controls(shortened(text, kMaxBytes), '?');
}

}  // namespace swin::base
