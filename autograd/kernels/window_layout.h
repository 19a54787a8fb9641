// How a map is divided into (shifted) windows, and the tables that follow from it: which token is
// where, which keys a query may see, and how far apart two tokens of a window are. Sizes and
// integers only.
// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and figures 2 and 4.
#pragma once
#include <cstdint>
#include <vector>

#include "base/size2.h"

namespace swin::autograd {

using base::Size2;

/// The windows of one block on one map. layers::window_layout makes it from a config.
struct WindowLayout {
  Size2 map{};     ///< height and width in tokens
  Size2 padded{};  ///< the map, enlarged to whole windows: what attention works on
  Size2 window{};  ///< height and width in tokens; they divide `padded`
  /// The padded map is rolled by −shift before it is cut into windows. Tokens that become neighbors
  /// only by the roll do not attend to each other.
  Size2 shift{};
  /// The map was rolled before it was padded (pad mode roll_then_pad): it is cut as it is, with the
  /// mask of `shift`.
  bool rolled = false;
  /// Rows and columns that hold tokens; the rest is padding that no query attends to. {0, 0}: every
  /// query attends to the padding.
  Size2 valid{};
  /// Swin V2: side of the window that the weights were trained with; 0: this window.
  int64_t pretrained = 0;

  int64_t tokens() const { return window[0] * window[1]; }  ///< of one window
  int64_t windows() const { return padded[0] * padded[1] / tokens(); }
};

/// For each token of each window, its row in the padded map (h · width + w): (windows, tokens).
std::vector<int32_t> window_rows(const WindowLayout& layout);

/// For each token of each window, the label of its region: (windows, tokens). A query attends to
/// the keys of its window with the same label; −1 marks padding, which nothing attends to. Empty if
/// every query may attend to every key of its window.
/// Source: Liu et al. 2021, arXiv:2103.14030, figure 4.
std::vector<int32_t> window_labels(const WindowLayout& layout);

/// The row of the relative position bias table for query i and key j of a window:
/// (yᵢ − yⱼ + height − 1)(2 · width − 1) + xᵢ − xⱼ + width − 1.
inline int64_t relative_position(Size2 window, int64_t i, int64_t j) {
  const int64_t down = i / window[1] - j / window[1] + window[0] - 1,
                right = i % window[1] - j % window[1] + window[1] - 1;
  return down * (2 * window[1] - 1) + right;
}
/// The published index: relative_position of every query and key, (tokens, tokens).
std::vector<int32_t> relative_position_index(Size2 window);

/// The inputs of Swin V2's position bias MLP: for every distance (Δy, Δx) within a window, in the
/// order of the relative position bias table, sign(d) · log₂(|d| + 1) / 3 with
/// d = 8 Δ / (side − 1). For a side of one token, where the published code divides by zero, the
/// only distance is 0.
/// @tparam T the type of the arithmetic, float or double
/// @param pretrained the side to divide by; 0: the window's own
/// @return ((2·window₀ − 1)(2·window₁ − 1), 2)
/// Source: Liu et al. 2022, arXiv:2111.09883, equation 4.
template <class T>
std::vector<T> log_spaced_coordinates(Size2 window, int64_t pretrained);

}  // namespace swin::autograd
