#include "trainers/report/charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/counts.h"
#include "base/text.h"
#include "trainers/report/colors.h"
#include "trainers/report/html.h"

namespace swin::trainers {
namespace {

using Point = std::pair<double, double>;

constexpr double kWidth = 360;      // of line charts: that of a phone, so that 11 pixels stay 11
constexpr double kLetter = 7.5;     // the width of a letter of 11 pixels, of wide fonts, too
constexpr double kLargest = 1e150;  // larger values are left out: their differences overflow
constexpr double kBuckets = 299.9;  // of x, the last one a little wider: it has its end, too

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string place(const char* x, double x_value, const char* y, double y_value) {
  return std::string(" ") + x + "=\"" + number(x_value) + "\" " + y + "=\"" + number(y_value) +
         "\"";
}

/// The rules of a style that holds for light and dark ground, in the page and in a file of its own.
struct Style {
  Style() {
    add("rect.ground", "fill", kGround);
    add("text", "fill", kText);
    add("text.faint", "fill", kFaint);
    add(".rule", "stroke", kRule);
    add(".axis", "stroke", kFaint);
  }
  void add(const std::string& selector, const std::string& property, const Ink& ink) {
    const std::string rule = "svg.chart " + selector + "{" + property + ":";
    light += rule + ink.light + "}";
    dark += rule + ink.dark + "}";
  }
  std::string text() const {
    return "<style>svg.chart text{font:11px system-ui,sans-serif;white-space:pre}svg.chart "
           "text.title{font-weight:600;font-size:13px}" +
           light + "@media(prefers-color-scheme:dark){" + dark + "}</style>";
  }
  std::string light, dark;
};

std::string label(double x, double y, const std::string& attributes, const std::string& text) {
  return "<text" + place("x", x, "y", y) + (attributes.empty() ? "" : " ") + attributes + ">" +
         html_text(text) + "</text>";
}

std::string chart(const ChartTitles& titles, double width, double height, const Style& style,
                  const std::string& content) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" class=\"chart\" "
         "role=\"img\" viewBox=\"0 0 " +
         number(width) + " " + number(height) + "\"" + place("width", width, "height", height) +
         "><title>" + html_text(titles.title) + "</title>" + style.text() +
         "<rect class=\"ground\"" + place("width", width, "height", height) + "/>" +
         label(4, 16, "class=\"title\"", base::shortened(titles.title, 48)) + content + "</svg>\n";
}

/// Where an axis has ticks: at multiples of 1, 2 or 5 times a power of ten.
struct Axis {
  double low = 0, high = 1, step = 1;
  int exponent = 0;  // of the step
  Axis(double from, double to, int ticks, bool whole) : low(from), high(to) {
    // A narrow range is shown wider: its numbers would be too long.
    if (!(high - low > (whole ? 0 : 2e-3) * std::max(std::abs(low), std::abs(high)))) {
      const double room = whole || low == 0 ? 1 : std::abs(low) * 0.1;
      low = low < 0 || whole ? low - room : std::max(0.0, low - room), high += room;
    }
    const double least = (high - low) / ticks;
    exponent = static_cast<int>(std::floor(std::log10(least)));
    const double power = std::pow(10.0, exponent), factor = least / power;
    step = (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10) * power;
    if (factor > 5) ++exponent;
    if (whole && step < 1) step = 1, exponent = 0;
  }
  std::vector<double> ticks() const {
    std::vector<double> list;
    for (double k = std::ceil(low / step - 1e-6); k * step <= high + step * 1e-6; ++k)
      list.push_back(k * step);
    return list;
  }
  double share(double value) const { return (value - low) / (high - low); }
  std::string text(double value) const {
    const double largest = std::max(std::abs(low), std::abs(high));
    if (std::abs(value) < step * 1e-6) return "0";
    char text[64];
    if (largest >= 1e9 || exponent < -4) {
      std::snprintf(text, sizeof text, "%.6g", value);
      return text;
    }
    const size_t unit = largest >= 1e6 ? 2 : largest >= 1e4 ? 1 : 0;
    const int digits = std::max(0, 3 * static_cast<int>(unit) - exponent);
    const double scaled = value / std::array{1.0, 1e3, 1e6}[unit];
    std::snprintf(text, sizeof text, "%.*f%s", digits, scaled, std::array{"", "k", "M"}[unit]);
    return text;
  }
};

// Whether it can be drawn: not if it is NaN.
bool shown(const Point& p) {
  return std::abs(p.first) <= kLargest && std::abs(p.second) <= kLargest;
}

/// Of many points the lowest and highest of each bucket of x, and the means; of few, all as means.
struct Thinned {
  std::vector<Point> band, means;
};
Thinned thinned(const std::vector<Point>& points, const Axis& x) {
  if (static_cast<double>(points.size()) <= 2 * kBuckets) return {{}, points};
  Thinned kept;
  for (size_t begin = 0, end; begin < points.size(); begin = end) {
    const auto bucket = [&](size_t i) { return std::floor(x.share(points[i].first) * kBuckets); };
    size_t low = begin, high = begin;
    double sum = 0, count = 0;
    for (end = begin; end < points.size() && (end == begin || bucket(end) == bucket(begin));
         ++end) {
      if (!shown(points[end])) continue;
      if (!shown(points[low]) || points[end].second < points[low].second) low = end;
      if (!shown(points[high]) || points[end].second > points[high].second) high = end;
      sum += points[end].second, ++count;
    }
    kept.band.push_back(points[std::min(low, high)]);
    if (low != high) kept.band.push_back(points[std::max(low, high)]);
    kept.means.emplace_back(points[begin].first, count > 0 ? sum / count : NAN);
  }
  return kept;
}

/// The plot of a chart: from values to pixels.
struct Plot {
  double left, top, width, height;
  Axis x, y;
  double at_x(double value) const { return left + x.share(value) * width; }
  double at_y(double value) const { return top + (1 - y.share(value)) * height; }
  std::string axes(const ChartTitles& titles) const {
    std::string text;
    for (const double tick : y.ticks())
      text += "<path class=\"rule\" d=\"M" + number(left) + " " + number(at_y(tick)) + "h" +
              number(width) + "\"/>" +
              label(left - 5, at_y(tick) + 4, "class=\"faint\" text-anchor=\"end\"", y.text(tick));
    for (const double tick : x.ticks())
      text += label(at_x(tick), top + height + 14, "class=\"faint\" text-anchor=\"middle\"",
                    x.text(tick));
    return text + "<path class=\"axis\" d=\"M" + number(left) + " " + number(top + height) + "h" +
           number(width) + "\"/>" + label(4, 32, "class=\"faint\"", titles.y) +
           label(left + width, top + height + 28, "class=\"faint\" text-anchor=\"end\"", titles.x);
  }
  std::string line(const std::vector<Point>& points, const std::string& color,
                   const std::string& attributes) const {
    if (points.empty()) return "";
    std::string path, dots;
    for (size_t i = 0; i < points.size(); ++i) {
      if (!shown(points[i])) continue;
      const bool begins = i == 0 || !shown(points[i - 1]);
      const bool ends = i + 1 == points.size() || !shown(points[i + 1]);
      const double px = at_x(points[i].first), py = at_y(points[i].second);
      path += (begins ? "M" : "L") + number(px) + " " + number(py);
      if (points.size() <= 30 || (begins && ends))
        dots += "<circle class=\"dot" + color + "\"" + place("cx", px, "cy", py) + " r=\"2.5\"/>";
    }
    return "<path class=\"line" + color + "\" fill=\"none\" stroke-width=\"1.5\"" + attributes +
           " d=\"" + path + "\"/>" + dots;
  }
};

double columns(const std::string& text) {
  return static_cast<double>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string line_chart(const ChartTitles& titles, std::span<const ChartLine> lines) {
  Style style;
  std::vector<double> xs, ys;
  for (const ChartLine& line : lines)
    for (const Point& point : line.points)
      if (shown(point)) xs.push_back(point.first), ys.push_back(point.second);
  if (xs.empty())
    return chart(titles, kWidth, 60, style, label(4, 44, "class=\"faint\"", "no values to draw"));
  const bool whole = std::ranges::all_of(xs, [](double x) { return x == std::floor(x); });
  const auto [first, last] = std::ranges::minmax(xs);
  const auto [low, high] = std::ranges::minmax(ys);
  const double room = (high - low) * 0.04, least = low >= 0 ? 0 : low - room;
  const Axis across(first, last, 5, whole), up(std::max(least, low - room), high + room, 5, false);
  double x = 4, y = 246, left = 46;
  for (const double tick : up.ticks()) left = std::max(left, 8 + kLetter * columns(up.text(tick)));
  const Plot plot{left, 44, kWidth - 14 - left, 150, across, up};
  std::string content = plot.axes(titles), legend;
  bool named = lines.size() > 1;
  for (size_t i = 0; i < lines.size(); ++i) {
    named = named || lines[i].color >= 0;
    const int index = lines[i].color >= 0 ? lines[i].color : static_cast<int>(i);
    const int turn = index / kNumLines, ink = index % kNumLines;
    const std::string color = std::to_string(ink), gaps = std::to_string(2 + turn);
    const std::string dashes = turn == 0 ? "" : " stroke-dasharray=\"" + gaps + " 3\"";
    style.add(".line" + color, "stroke", kLines[ink]);
    style.add(".dot" + color, "fill", kLines[ink]);
    const auto [band, means] = thinned(lines[i].points, plot.x);
    content += plot.line(band, color, " stroke-opacity=\"0.3\"") + plot.line(means, color, dashes);
    const std::string name = base::shortened(lines[i].name, 44);
    const double width = 30 + kLetter * columns(name);
    if (x > 4 && x + width > kWidth) x = 4, y += 16;
    legend += "<path class=\"line" + color + "\" stroke-width=\"2\"" + dashes + " d=\"M" +
              number(x) + " " + number(y - 4) + "h16\"/>" + label(x + 20, y, "", name);
    x += width;
  }
  return chart(titles, kWidth, named ? y + 8 : 228, style, named ? content + legend : content);
}

std::string matrix_chart(const ChartTitles& titles, const std::vector<std::string>& names,
                         std::span<const int64_t> counts) {
  const size_t n = names.size();
  const bool written = n <= 24;  // the counts in their cells
  double longest = 4, digits = 1;
  std::vector<std::string> short_names;
  for (const std::string& name : names) short_names.push_back(base::shortened(name, 20));
  for (const std::string& name : short_names) longest = std::max(longest, columns(name));
  for (const int64_t count : counts) digits = std::max(digits, columns(std::to_string(count)));
  const double height = written ? 22 : n <= 50 ? 14 : 11;
  const double width = written ? std::max(height, digits * kLetter + 6) : height;
  const double left = std::max(longest, 12.0) * kLetter + 10, top = longest * kLetter + 50;
  const std::string size = n <= 50 ? "" : " style=\"font-size:10px\"";
  Style style;
  style.add(".cell", "fill", kLines[0]);
  std::string content =
      label(4, top - 20, "class=\"faint\"", base::shortened(titles.x, 10) + " →") +
      label(4, top - 6, "class=\"faint\"", base::shortened(titles.y, 10) + " ↓");
  for (size_t row = 0; row < n; ++row) {
    const double y = top + static_cast<double>(row) * height, middle = y + height / 2 + 4;
    const double column = left + static_cast<double>(row) * width + width / 2 + 4;
    content +=
        label(left - 5, middle, "text-anchor=\"end\"" + size, short_names[row]) +
        label(column, top - 5,
              "transform=\"rotate(-90 " + number(column) + " " + number(top - 5) + ")\"" + size,
              short_names[row]);
    const auto begin = counts.begin() + static_cast<std::ptrdiff_t>(row * n);
    const int64_t of_row = std::accumulate(begin, begin + std::ssize(names), int64_t{0});
    for (size_t k = 0; k < n; ++k) {
      const int64_t count = counts[row * n + k];
      if (count == 0) continue;
      const double x = left + static_cast<double>(k) * width;
      // The root shows rare errors, too. Half of the color leaves counts a contrast of 4.5.
      const double share = static_cast<double>(count) / static_cast<double>(of_row);
      content += "<rect class=\"cell\" fill-opacity=\"" +
                 number(std::sqrt(share) * (written ? 0.5 : 1)) + "\"" + place("x", x, "y", y) +
                 place("width", width, "height", height) + "><title>" +
                 html_text(names[row] + " → " + names[k] + ": " + base::grouped(count)) +
                 "</title></rect>";
      if (written)
        content += label(x + width / 2, middle, "text-anchor=\"middle\" pointer-events=\"none\"",
                         std::to_string(count));
    }
  }
  const double wide = width * static_cast<double>(n), high = height * static_cast<double>(n);
  content += "<rect class=\"axis\" fill=\"none\"" + place("x", left, "y", top) +
             place("width", wide, "height", high) + "/>";
  return chart(titles, std::max(left + wide + 6, 8 * columns(titles.title)), top + high + 6, style,
               content);
}

std::string reliability_chart(const ChartTitles& titles,
                              std::span<const tasks::CalibrationBin> bins) {
  const Plot plot{46, 44, 300, 240, Axis(0, 1, 5, false), Axis(0, 1, 5, false)};
  Style style;
  style.add(".bar", "fill", kLines[0]);
  style.add(".mean", "fill", kLines[1]);
  std::string content = plot.axes(titles);
  for (const tasks::CalibrationBin& bin : bins) {
    if (bin.count == 0) continue;
    const double x = plot.at_x(bin.lower), y = plot.at_y(bin.accuracy);
    content += "<rect class=\"bar\"" + place("x", x + 1, "y", std::min(y, plot.at_y(0) - 1)) +
               place("width", std::max(1.0, plot.at_x(bin.upper) - x - 2), "height",
                     std::max(1.0, plot.at_y(0) - y)) +
               "><title>" + base::counted(bin.count, "image") + ", confidence " +
               number(bin.confidence) + ", accuracy " + number(bin.accuracy) + "</title></rect>" +
               "<circle class=\"mean\"" + place("cx", plot.at_x(bin.confidence), "cy", y) +
               " r=\"3\"/>";
  }
  content += "<path class=\"axis\" fill=\"none\" stroke-dasharray=\"5 4\" d=\"M" +
             number(plot.at_x(0)) + " " + number(plot.at_y(0)) + "L" + number(plot.at_x(1)) + " " +
             number(plot.at_y(1)) + "\"/>";
  return chart(titles, kWidth, 318, style, content);
}

}  // namespace swin::trainers
