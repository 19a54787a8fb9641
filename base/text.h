// Texts as error lines and notes have them: the nearest name, lists, and names of files as they may
// be shown.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace swin::base {

/// How many characters must be inserted, dropped, replaced or swapped with their neighbor to turn
/// one text into the other.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the smallest edit distance, the first of equals; empty if there is none.
std::string nearest(std::string_view text, std::span<const std::string> candidates);
/// The same, but empty if no candidate is so near that `text` may be a slip for it.
std::string nearest_if_close(std::string_view text, std::span<const std::string> candidates);

/// "a, b, c and 4 more". Items longer than 300 bytes are cut.
std::string listing(std::span<const std::string> items, size_t shown = 3,
                    std::string_view separator = ", ");

/// The text with each control character (of ASCII, or U+0080 … U+009F) replaced by `replacement`.
std::string without_controls(std::string_view text, char replacement);

/// A name out of a file as an error line may show it: control characters become "?", and what is
/// longer than 80 bytes is cut.
std::string printable(std::string_view text);

}  // namespace swin::base
