// Text for errors and notes: suggestions for misspelled names, short lists, and names that are safe
// to print.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace swin::base {

/// The number of insertions, deletions, replacements and swaps of neighboring characters that turn
/// one text into the other.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the smallest edit distance, the first if several are equal; empty without
/// candidates.
std::string nearest(std::string_view text, std::span<const std::string> candidates);
/// The same, but empty if no candidate is close enough for `text` to be a typo of it: a third of
/// its length, but at least `least` edits.
std::string nearest_if_close(std::string_view text, std::span<const std::string> candidates,
                             size_t least = 1);

/// The text in at most `most` bytes: "…" replaces what is too much of its middle. Valid UTF-8 stays
/// valid.
/// @param most at least 8
std::string shortened(std::string_view text, size_t most);

/// "a, b, c and 4 more". Long items are shortened, so that all of them take about 240 bytes.
std::string listing(std::span<const std::string> items, size_t shown = 3,
                    std::string_view separator = ", ");
/// All items, whole.
std::string joined(std::span<const std::string> items, std::string_view separator = ", ");

/// "a", "a or b", "a, b or c".
std::string alternatives(std::span<const std::string> items);

/// A line of a CSV file: the fields with commas between them, in quotes where they need that
/// (RFC 4180), and a line end.
std::string csv_line(std::span<const std::string> fields);

/// Two lower-case hexadecimal digits.
std::string hex(uint8_t byte);

/// The text with each control character (of ASCII, U+0080 … U+009F, line ends and marks of
/// direction) and each byte that is not UTF-8 replaced by `replacement`.
std::string without_controls(std::string_view text, char replacement);

/// A name read from a file, safe to print in an error: as without_controls with "?", shortened to
/// 80 bytes.
std::string printable(std::string_view text);

/// Bytes of the longest line that people are shown.
constexpr size_t kLongestLine = 400;

/// A line that is safe to print, whatever names it contains: without control characters (spaces
/// instead) and at most kLongestLine bytes. Of a longer one, words and then the middle are
/// shortened; what follows the last "; ", which says what to do, stays whole where it is short
/// enough itself.
std::string one_line(std::string_view text);

}  // namespace swin::base
