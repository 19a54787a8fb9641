#include "trainers/report/picture_grid.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "base/integer.h"
#include "data/preview.h"

namespace swin::trainers {
namespace {

constexpr int64_t kGap = 4, kLines = 3;

/// In three channels and at most `side` pixels high and wide.
data::Image fitted(const data::Image& picture, int64_t side) {
  data::Image color;
  data::convert_channels(picture, 3, color);
  const int64_t longest = std::max(color.height, color.width);
  return longest <= side ? data::enlarged(color, side / longest) : data::shrunk(color, side);
}

/// Lines of whole words that are no wider than `width`, where a word itself is not.
std::vector<std::string> wrapped(const std::string& text, int64_t width, int64_t scale) {
  std::vector<std::string> lines = {""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (lines.back().empty() || data::text_width(longer, scale) <= width)
      lines.back() = longer;
    else
      lines.push_back(word);
  }
  return lines;
}

}  // namespace

data::Image picture_grid(std::span<const EvaluationReport::Picture> pictures, size_t most,
                         int64_t side) {
  const auto count = static_cast<int64_t>(std::min(pictures.size(), most));
  data::Image grid;
  if (count == 0) return grid;
  std::vector<data::Image> images;
  int64_t height = 0;
  for (int64_t i = 0; i < count; ++i) {
    images.push_back(fitted(pictures[static_cast<size_t>(i)].image, side));
    height = std::max(height, images.back().height);
  }
  int64_t columns = 1;
  while (columns * columns < count) ++columns;
  const int64_t letter = side >= 192 ? 2 : 1, line = (data::kLetterHeight + 3) * letter;
  const int64_t cell_width = side + kGap, cell_height = height + kLines * line + 2 * kGap;
  grid.reshape(base::divide_up(count, columns) * cell_height + kGap, columns * cell_width + kGap,
               3);
  std::fill(grid.pixels.begin(), grid.pixels.end(), uint8_t{40});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kGap + i / columns * cell_height, left = kGap + i % columns * cell_width;
    const data::Image& image = images[static_cast<size_t>(i)];
    const int64_t image_top = top + height - image.height;  // right above its caption
    for (int64_t y = 0; y < image.height; ++y)
      std::copy_n(image.row(y), image.row_bytes(), grid.row(image_top + y) + left * 3);
    const std::vector<std::string> lines =
        wrapped(pictures[static_cast<size_t>(i)].caption, side, letter);
    for (int64_t k = 0; k < std::min(kLines, std::ssize(lines)); ++k)
      data::draw_text(lines[static_cast<size_t>(k)], top + height + kGap + k * line, left,
                      left + side, letter, grid);
  }
  return grid;
}

}  // namespace swin::trainers
