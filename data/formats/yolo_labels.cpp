#include "data/formats/yolo_labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "base/text.h"

namespace swin::data {
namespace {

constexpr std::string_view kSpaces = " \t\r\v\f";
// As far as ultralytics lets rounding go.
constexpr double kLeast = -0.01, kMost = 1.01;
constexpr double kManyClasses = 1 << 24;
constexpr size_t kBoxNumbers = 4, kLeastPolygonNumbers = 6;

class Reader {
 public:
  Reader(const std::string& file, int64_t num_classes) : file_(file), num_classes_(num_classes) {}

  YoloLabels read(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      read_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    remove_repeated();
    return std::move(labels_);
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& expected,
                           const std::string& remedy) const {
    throw base::DataError(file_ + ":" + std::to_string(line_),
                          "found " + found + ", expected " + expected, remedy);
  }

  void read_line(std::string_view text) {
    YoloRow row{0, line_, {}};
    bool first = true;
    for (size_t at = text.find_first_not_of(kSpaces); at != std::string_view::npos;
         at = text.find_first_not_of(kSpaces)) {
      text.remove_prefix(at);
      const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
      text.remove_prefix(word.size());
      const double value = number(word);
      if (std::exchange(first, false))
        row.class_index = class_of(value, word);
      else
        row.numbers.push_back(in_range(value, word));
    }
    if (first) return;  // an empty line
    check_count(row.numbers.size());
    labels_.rows.push_back(std::move(row));
  }

  double number(std::string_view word) const {
    const std::string_view digits = word.starts_with('+') ? word.substr(1) : word;
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value))
      refuse("\"" + base::printable(word) + "\"", "a number",
             "rows are: class x y width height, or class x1 y1 x2 y2 x3 y3 …");
    return value;
  }

  int64_t class_of(double value, std::string_view word) const {
    const double classes = num_classes_ > 0 ? static_cast<double>(num_classes_) : kManyClasses;
    if (value != std::floor(value) || value < 0 || value >= classes)
      refuse(
          "the class " + base::printable(word),
          num_classes_ > 0 ? "0 … " + std::to_string(num_classes_ - 1) : "a class number from 0 on",
          num_classes_ > 0 ? "correct the row, or add the name of the class" : "correct the row");
    return static_cast<int64_t>(value);
  }

  double in_range(double value, std::string_view word) const {
    if (value < kLeast || value > kMost)
      refuse(base::printable(word), "a part of the width or height, 0 … 1",
             value > kMost ? "divide pixels by the width or height of the image, or remove the row"
                           : "correct or remove the row");
    return value;
  }

  void check_count(size_t count) const {
    if (count == kBoxNumbers || (count >= kLeastPolygonNumbers && count % 2 == 0)) return;
    refuse(std::to_string(count + 1) + " numbers",
           "class x y width height, or a class and the x and y of at least 3 points",
           count == kBoxNumbers + 1 ? "remove the sixth number if it is the score of a prediction"
                                    : "correct or remove the row");
  }

  // Keeps the first of equal rows, in the order of the file.
  void remove_repeated() {
    std::vector<YoloRow>& rows = labels_.rows;
    std::vector<size_t> order(rows.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto key = [&](size_t i) { return std::tie(rows[i].class_index, rows[i].numbers); };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return key(a) < key(b); });
    std::vector<bool> again(rows.size());
    for (size_t k = 1; k < order.size(); ++k) again[order[k]] = key(order[k]) == key(order[k - 1]);
    size_t kept = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (again[i])
        labels_.repeated.push_back(rows[i].line);
      else if (kept++ != i)
        rows[kept - 1] = std::move(rows[i]);
    }
    rows.resize(kept);
  }

  const std::string& file_;
  const int64_t num_classes_;
  int64_t line_ = 0;
  YoloLabels labels_;
};

}  // namespace

YoloLabels read_yolo_labels(std::string_view text, const std::string& file, int64_t num_classes) {
  if (std::ssize(text) > kMaxYoloBytes)
    throw base::DataError(file,
                          "found " + std::to_string(text.size()) + " bytes, expected at most " +
                              std::to_string(kMaxYoloBytes) + " of the labels of one image",
                          "check that it is the file that is meant");
  return Reader(file, num_classes).read(text);
}

}  // namespace swin::data
