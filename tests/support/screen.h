// What a terminal shows after a text with escapes: enough of one to test what is drawn in place.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace swin::test {

/// Knows \r, \n, ESC[nA (up), ESC[J (erase to the end), ESC[…m (colors, which it ignores), and
/// lines that wrap. Characters take one column. It never scrolls: rows() has all that was ever
/// written.
class Screen {
 public:
  explicit Screen(size_t columns) : columns_(columns) {}

  /// @throws std::runtime_error for other escapes and for a cursor above the first row.
  void feed(const std::string& text) {
    for (size_t i = 0; i < text.size();) {
      if (text[i] == '\r') {
        column_ = 0, ++i;
      } else if (text[i] == '\n') {
        ++row_, ++i;
      } else if (text[i] == '\033') {
        i = escape(text, i + 1);
      } else {
        size_t end = i + 1;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) ++end;
        put(text.substr(i, end - i));
        i = end;
      }
    }
  }
  /// Without spaces at their ends.
  std::vector<std::string> rows() const {
    std::vector<std::string> rows;
    for (const auto& cells : cells_) {
      std::string row;
      for (const std::string& cell : cells) row += cell;
      rows.push_back(row.substr(0, row.find_last_not_of(' ') + 1));
    }
    return rows;
  }
  /// As terminals that break lines again when they become narrower do.
  void resize(size_t columns) {
    std::vector<std::vector<std::string>> broken;
    size_t row = 0, column = 0;
    for (size_t r = 0; r < cells_.size(); ++r) {
      size_t first = broken.size();
      for (size_t c = 0; c == 0 || c < cells_[r].size(); c += columns)
        broken.emplace_back(cells_[r].begin() + static_cast<std::ptrdiff_t>(c),
                            cells_[r].begin() + static_cast<std::ptrdiff_t>(
                                                    std::min(c + columns, cells_[r].size())));
      if (r == row_) {
        row = std::min(first + column_ / columns, broken.size() - 1);
        column = column_ - (row - first) * columns;
      }
    }
    cells_ = broken;
    row_ = row, column_ = column, columns_ = columns;
  }

 private:
  size_t escape(const std::string& text, size_t i) {
    const size_t end = text.find_first_not_of("0123456789;", i + 1);
    if (i >= text.size() || text[i] != '[' || end == std::string::npos)
      throw std::runtime_error("unknown escape");
    const std::string number = text.substr(i + 1, end - i - 1);
    if (text[end] == 'A') {
      const size_t up = number.empty() ? 1 : static_cast<size_t>(std::atoi(number.c_str()));
      if (up > row_) throw std::runtime_error("above the first row");
      row_ -= up;
    } else if (text[end] == 'J') {
      if (row_ < cells_.size()) {
        cells_.resize(row_ + 1);
        if (column_ < cells_[row_].size()) cells_[row_].resize(column_);
      }
    } else if (text[end] != 'm') {
      throw std::runtime_error(std::string("unknown escape ") + text[end]);
    }
    return end + 1;
  }
  void put(const std::string& character) {
    if (column_ == columns_) ++row_, column_ = 0;
    if (row_ >= cells_.size()) cells_.resize(row_ + 1);
    if (column_ >= cells_[row_].size()) cells_[row_].resize(column_ + 1, " ");
    cells_[row_][column_++] = character;
  }

  size_t columns_, row_ = 0, column_ = 0;
  std::vector<std::vector<std::string>> cells_;
};

}  // namespace swin::test
