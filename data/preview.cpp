#include "data/preview.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

#include "base/integer.h"
#include "data/transforms/geometry.h"

namespace swin::data {
namespace {

constexpr int64_t kGlyphWidth = 5, kGlyphHeight = kLetterHeight;

// Seven rows from the top, each two octal digits: five bits, the highest is the leftmost pixel.
struct Glyph {
  char character;
  const char* rows;
};
constexpr Glyph kGlyphs[] = {
    {'A', "16212137212121"},  {'B', "36212136212136"}, {'C', "16212020202116"},
    {'D', "36212121212136"},  {'E', "37202036202037"}, {'F', "37202036202020"},
    {'G', "16212027212117"},  {'H', "21212137212121"}, {'I', "16040404040416"},
    {'J', "07020202022214"},  {'K', "21222430242221"}, {'L', "20202020202037"},
    {'M', "21332525212121"},  {'N', "21312523212121"}, {'O', "16212121212116"},
    {'P', "36212136202020"},  {'Q', "16212121252215"}, {'R', "36212136242221"},
    {'S', "17202016010136"},  {'T', "37040404040404"}, {'U', "21212121212116"},
    {'V', "21212121211204"},  {'W', "21212125253321"}, {'X', "21211204122121"},
    {'Y', "21211204040404"},  {'Z', "37010204102037"}, {'0', "16212325312116"},
    {'1', "04140404040416"},  {'2', "16210102041037"}, {'3', "37020402012116"},
    {'4', "02061222370202"},  {'5', "37203601012116"}, {'6', "06102036212116"},
    {'7', "37010204101010"},  {'8', "16212116212116"}, {'9', "16212117010214"},
    {' ', "00000000000000"},  {'.', "00000000001414"}, {',', "00000000041410"},
    {'-', "00000037000000"},  {'_', "00000000000037"}, {'+', "00040437040400"},
    {'%', "30310204102303"},  {'/', "00010204102000"}, {':', "00141400141400"},
    {'\'', "04040000000000"}, {'(', "02041010100402"}, {')', "10040202020410"},
    {'=', "00003700370000"},  {';', "00141400041410"}};
constexpr const char* kUnknown = "37212121212137";

const char* rows_of(char character) {
  const auto upper =
      character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
  for (const Glyph& glyph : kGlyphs)
    if (glyph.character == upper) return glyph.rows;
  return kUnknown;
}

// Whether a byte begins no letter of UTF-8.
bool is_inside(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

int64_t text_width(const std::string& text, int64_t scale) {
  const auto letters =
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_inside(byte); });
  return letters > 0 ? (letters * (kGlyphWidth + 1) - 1) * scale : 0;
}

void draw_text(const std::string& text, int64_t top, int64_t left, int64_t right, int64_t scale,
               Image& image) {
  right = std::min(right, image.width);
  for (const char character : text) {
    if (is_inside(character)) continue;
    if (left + kGlyphWidth * scale > right) return;
    const char* rows = rows_of(character);
    for (int64_t y = 0; y < kGlyphHeight; ++y) {
      const int bits = (rows[2 * y] - '0') * 8 + rows[2 * y + 1] - '0';
      for (int64_t x = 0; x < kGlyphWidth; ++x) {
        if ((bits >> (kGlyphWidth - 1 - x) & 1) == 0) continue;
        for (int64_t row = top + y * scale; row < std::min(top + (y + 1) * scale, image.height);
             ++row)
          std::memset(image.row(row) + (left + x * scale) * image.channels, 255,
                      static_cast<size_t>(scale * image.channels));
      }
    }
    left += (kGlyphWidth + 1) * scale;
  }
}

namespace {

constexpr int64_t kGap = 4;
constexpr size_t kMostListed = 6;  // classes below an image

// Of the images of a batch.
base::Size2 size_of(const Batch& batch, const Preprocess& preprocess) {
  return {batch.padded_size[0] ? batch.padded_size[0] : preprocess.height,
          batch.padded_size[1] ? batch.padded_size[1] : preprocess.width};
}

// What the grid of a batch looks like.
struct Cells {
  Cells(const Batch& batch, const Preprocess& preprocess)
      : height(size_of(batch, preprocess)[0]),
        width(size_of(batch, preprocess)[1]),
        enlarged(std::max<int64_t>(1, 128 / std::max<int64_t>(width, 1))),
        letter(width * enlarged >= 192 ? 2 : 1),
        line((kGlyphHeight + 3) * letter) {}
  int64_t height, width;  // of an image
  int64_t enlarged;       // pixels of the grid for one of an image
  int64_t letter, line;   // pixels of a dot, and height of a line
};

// A line below an image, with the color of a class before it.
struct Line {
  std::string text;
  std::optional<Color> color = {};
};

std::vector<Line> lines_of(const std::string& text, const Annotation* annotation,
                           const Legend& legend) {
  std::vector<Line> lines;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part);) lines.push_back({part});
  if (!annotation) return lines;
  const std::vector<int64_t> classes = classes_by_share(*annotation);
  for (size_t k = 0; k < std::min(classes.size(), kMostListed); ++k) {
    const auto index = static_cast<size_t>(classes[k]);
    if (index < legend.names.size()) lines.push_back({legend.names[index], legend.colors[index]});
  }
  if (classes.size() > kMostListed)
    lines.push_back({"+ " + std::to_string(classes.size() - kMostListed)});
  return lines;
}

void draw_line(const Line& line, int64_t top, int64_t left, int64_t right, int64_t letter,
               Image& grid) {
  if (line.color) {
    const int64_t side = kGlyphHeight * letter;
    for (int64_t y = top; y < std::min(top + side, grid.height); ++y)
      for (int64_t x = left; x < std::min(left + side, grid.width); ++x)
        std::copy(line.color->begin(), line.color->end(), grid.row(y) + 3 * x);
    left += side + kGap;
  }
  draw_text(line.text, top, left, right, letter, grid);
}

}  // namespace

Image denormalized(const Batch& batch, int64_t i, const Preprocess& preprocess) {
  const auto [height, width] = size_of(batch, preprocess);
  const int64_t channels = preprocess.channels;
  Image image;
  image.reshape(height, width, 3);
  const float* from = batch.images.data() + i * height * width * channels;
  for (int64_t p = 0; p < height * width; ++p)
    for (int64_t c = 0; c < 3; ++c) {
      const auto channel = static_cast<size_t>(channels == 3 ? c : 0);
      const float mean = preprocess.mean[preprocess.mean.size() > channel ? channel : 0];
      const float std = preprocess.std[preprocess.std.size() > channel ? channel : 0];
      const float value =
          (from[p * channels + static_cast<int64_t>(channel)] * std + mean) * 255.0f;
      image.pixels[static_cast<size_t>(3 * p + c)] =
          static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
    }
  return image;
}

Image shrunk(const Image& image, int64_t most) {
  const int64_t side = std::max(image.height, image.width);
  if (side <= most) return image;
  const base::Size2 size = {std::max<int64_t>(1, image.height * most / side),
                            std::max<int64_t>(1, image.width * most / side)};
  Image small;
  std::vector<uint8_t> scratch;
  resize_visible(resized({image.height, image.width}, size), image, Interpolation::bilinear, small,
                 scratch);
  return small;
}

Image draw_preview(const Batch& batch, const Preprocess& preprocess,
                   const std::vector<std::string>& texts, const Legend& legend) {
  const auto count = std::min<int64_t>(batch.size, static_cast<int64_t>(texts.size()));
  const Cells cells(batch, preprocess);
  std::vector<std::vector<Line>> lines;
  size_t most_lines = 1;
  for (int64_t i = 0; i < count; ++i) {
    const auto place = static_cast<size_t>(i);
    lines.push_back(lines_of(texts[place],
                             place < batch.annotations.size() ? &batch.annotations[place] : nullptr,
                             legend));
    most_lines = std::max(most_lines, lines.back().size());
  }
  const int64_t image_height = cells.height * cells.enlarged;
  const int64_t image_width = cells.width * cells.enlarged;
  const int64_t cell_height =
      image_height + static_cast<int64_t>(most_lines) * cells.line + 2 * kGap;
  const int64_t cell_width = image_width + kGap;
  int64_t columns = 1;
  while (columns * columns < count) ++columns;
  const int64_t rows = base::divide_up(count, columns);
  Image grid;
  grid.reshape(rows * cell_height + kGap, columns * cell_width + kGap, 3);
  std::fill(grid.pixels.begin(), grid.pixels.end(), uint8_t{40});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kGap + i / columns * cell_height, left = kGap + i % columns * cell_width;
    Image image = denormalized(batch, i, preprocess);
    const auto place = static_cast<size_t>(i);
    if (place < batch.annotations.size() && !legend.colors.empty())
      draw_annotation(batch.annotations[place], legend.colors, image);
    const Image large = enlarged(image, cells.enlarged);
    for (int64_t y = 0; y < image_height; ++y)
      std::copy_n(large.row(y), image_width * 3, grid.row(top + y) + left * 3);
    int64_t line_top = top + image_height + kGap;
    for (const Line& line : lines[place]) {
      draw_line(line, line_top, left, left + image_width, cells.letter, grid);
      line_top += cells.line;
    }
  }
  return grid;
}

}  // namespace swin::data
