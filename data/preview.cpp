#include "data/preview.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/integer.h"

namespace swin::data {
namespace {

constexpr int64_t kGlyphWidth = 5, kGlyphHeight = 7;

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
    {'=', "00003700370000"}};
constexpr const char* kUnknown = "37212121212137";

const char* rows_of(char character) {
  const auto upper =
      character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
  for (const Glyph& glyph : kGlyphs)
    if (glyph.character == upper) return glyph.rows;
  return kUnknown;
}

}  // namespace

void draw_text(const std::string& text, int64_t top, int64_t left, int64_t right, int64_t scale,
               Image& image) {
  right = std::min(right, image.width);
  for (const char character : text) {
    if ((static_cast<unsigned char>(character) & 0xC0) == 0x80) continue;  // inside a UTF-8 letter
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

Image draw_preview(const Batch& batch, const Preprocess& preprocess,
                   const std::vector<std::string>& texts) {
  const auto count = std::min<int64_t>(batch.size, static_cast<int64_t>(texts.size()));
  const int64_t height = preprocess.height, width = preprocess.width;
  const int64_t channels = preprocess.channels;
  const int64_t enlarged = std::max<int64_t>(1, 128 / std::max<int64_t>(width, 1));
  const int64_t letter = width * enlarged >= 192 ? 2 : 1, line = (kGlyphHeight + 3) * letter;
  int64_t lines = 1;
  for (const std::string& text : texts)
    lines = std::max<int64_t>(lines, 1 + std::count(text.begin(), text.end(), '\n'));
  constexpr int64_t kGap = 4;
  const int64_t cell_height = height * enlarged + lines * line + 2 * kGap;
  const int64_t cell_width = width * enlarged + kGap;
  int64_t columns = 1;
  while (columns * columns < count) ++columns;
  const int64_t rows = base::divide_up(count, columns);
  Image grid;
  grid.reshape(rows * cell_height + kGap, columns * cell_width + kGap, 3);
  std::fill(grid.pixels.begin(), grid.pixels.end(), uint8_t{40});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kGap + i / columns * cell_height, left = kGap + i % columns * cell_width;
    const float* image = batch.images.data() + i * height * width * channels;
    for (int64_t y = 0; y < height * enlarged; ++y) {
      uint8_t* out = grid.row(top + y) + left * 3;
      for (int64_t x = 0; x < width * enlarged; ++x) {
        const float* pixel = image + (y / enlarged * width + x / enlarged) * channels;
        for (int64_t c = 0; c < 3; ++c) {
          const auto from = static_cast<size_t>(channels == 3 ? c : 0);
          const float mean = preprocess.mean[preprocess.mean.size() > from ? from : 0];
          const float std = preprocess.std[preprocess.std.size() > from ? from : 0];
          const float value = (pixel[from] * std + mean) * 255.0f;
          *out++ = static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
        }
      }
    }
    std::istringstream text(texts[static_cast<size_t>(i)]);
    int64_t line_top = top + height * enlarged + kGap;
    for (std::string part; std::getline(text, part); line_top += line)
      draw_text(part, line_top, left, left + width * enlarged, letter, grid);
  }
  return grid;
}

}  // namespace swin::data
