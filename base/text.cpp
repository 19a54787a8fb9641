#include "base/text.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/counts.h"
#include "base/utf8.h"

namespace swin::base {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

// The longest run of bytes that are no spaces, as [begin, end).
std::pair<size_t, size_t> longest_word(std::string_view text) {
  std::pair<size_t, size_t> longest{0, 0};
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end - begin > longest.second - longest.first) longest = {begin, end};
    begin = end + 1;
  }
  return longest;
}

// Shortens the longest words first: they are the names, and what is around them explains them.
std::string fitted(std::string text, size_t most) {
  constexpr size_t kShortWord = 80;
  while (text.size() > most) {
    const auto [begin, end] = longest_word(text);
    const size_t length = end - begin, excess = text.size() - most;
    if (length <= kShortWord) return shortened(text, most);
    const size_t kept = length > excess + kShortWord ? length - excess : kShortWord;
    text.replace(begin, length, shortened(std::string_view(text).substr(begin, length), kept));
  }
  return text;
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

std::string shortened(std::string_view text, size_t most) {
  constexpr std::string_view kCut = "…";
  if (text.size() <= most) return std::string(text);
  // The end of a path says more than its beginning.
  size_t head = (most - kCut.size()) * 2 / 5, tail = text.size() - (most - kCut.size() - head);
  while (head > 0 && continues_character(text[head])) --head;
  while (tail < text.size() && continues_character(text[tail])) ++tail;
  return std::string(text.substr(0, head)).append(kCut).append(text.substr(tail));
}

std::string listing(std::span<const std::string> items, size_t shown, std::string_view separator) {
  constexpr size_t kBytes = 240, kLeast = 40;
  const size_t most =
      std::max(kLeast, kBytes / std::clamp<size_t>(items.size(), 1, std::max<size_t>(shown, 1)));
  std::vector<std::string> first;
  for (size_t i = 0; i < std::min(items.size(), shown); ++i)
    first.push_back(shortened(items[i], most));
  std::string text = joined(first, separator);
  if (items.size() > shown)
    text += " and " + grouped(static_cast<int64_t>(items.size() - shown)) + " more";
  return text;
}

std::string joined(std::span<const std::string> items, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) text.append(i ? separator : "").append(items[i]);
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

std::string csv_line(std::span<const std::string> fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const std::string& field = fields[i];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line + "\n";
}

std::string without_controls(std::string_view text, char replacement) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text.substr(i));
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[i + k]); };
    // U+2028 … U+202E and U+2066 … U+2069: other line ends, and marks that turn the text around.
    const bool is_mark = length == 3 && byte(0) == 0xE2 &&
                         ((byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) ||
                          (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9));
    const bool is_control = is_mark || length == 0 ||
                            (length == 1 && (byte(0) < 0x20 || byte(0) == 0x7F)) ||
                            (length == 2 && byte(0) == 0xC2 && byte(1) < 0xA0);
    if (is_control)
      shown += replacement;
    else
      shown += text.substr(i, length);
    i += std::max<size_t>(length, 1);
  }
  return shown;
}

std::string printable(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  return shortened(without_controls(text, '?'), kMaxBytes);
}

std::string one_line(std::string_view text) {
  constexpr size_t kLongestRemedy = kLongestLine * 2 / 3;
  std::string line = without_controls(text, ' ');
  if (line.size() <= kLongestLine) return line;
  const size_t remedy = line.rfind("; ");
  if (remedy == std::string::npos || line.size() - remedy > kLongestRemedy)
    return fitted(std::move(line), kLongestLine);
  const std::string kept = line.substr(remedy);
  return fitted(line.substr(0, remedy), kLongestLine - kept.size()) + kept;
}

}  // namespace swin::base
