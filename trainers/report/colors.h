// The colors of pages and charts, on light and on dark ground.
#pragma once

namespace swin::trainers {

/// One color, as #rrggbb, where readers prefer light ground and where they prefer dark.
struct Ink {
  const char *light, *dark;
};

inline constexpr Ink kGround = {"#ffffff", "#14171c"};
inline constexpr Ink kPanel = {"#f3f5f7", "#1f242b"};  ///< the ground of tables' heads and of code
inline constexpr Ink kRule = {"#d3d8de", "#3a414a"};   ///< lines between things; carries no text
// Each of these has a contrast of at least 4.5 to ground and panel (WCAG 2.1, AA for text).
inline constexpr Ink kText = {"#1b1f24", "#e6e8eb"};
inline constexpr Ink kFaint = {"#545c66", "#a8afb9"};
inline constexpr Ink kLink = {"#0b5cad", "#7cbcf5"};
inline constexpr Ink kAlarm = {"#a61b1b", "#ff9a92"};
inline constexpr Ink kLines[] = {
    {"#0b5cad", "#7cbcf5"}, {"#a8410c", "#f5a55b"}, {"#1b6e3a", "#74cf94"}, {"#7a3bb0", "#c7a3ff"},
    {"#a61b56", "#f792bf"}, {"#00666e", "#58cdd6"}, {"#6b5900", "#d9c34f"}, {"#4a5058", "#c3c9d1"}};
inline constexpr int kNumLines = static_cast<int>(sizeof kLines / sizeof *kLines);

}  // namespace swin::trainers
