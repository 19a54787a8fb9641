#include "trainers/report/charts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "trainers/report/colors.h"
#include "trainers/report/html.h"

namespace swin::trainers {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

/// What the data of a line's path are.
std::string path_of(const std::string& svg, const std::string& line) {
  const size_t begin = svg.find(" d=\"", svg.find("<path class=\"" + line)) + 4;
  return svg.substr(begin, svg.find('"', begin) - begin);
}

using Color = std::array<double, 3>;

Color color(const char* text) {
  const auto channel = [&](size_t i) {
    return std::stoi(std::string(text).substr(i, 2), nullptr, 16);
  };
  return {channel(1) / 255.0, channel(3) / 255.0, channel(5) / 255.0};
}

/// WCAG 2.1.
double luminance(const Color& rgb) {
  double sum = 0;
  for (size_t c = 0; c < 3; ++c)
    sum += std::array{0.2126, 0.7152, 0.0722}[c] *
           (rgb[c] <= 0.04045 ? rgb[c] / 12.92 : std::pow((rgb[c] + 0.055) / 1.055, 2.4));
  return sum;
}

double contrast(const Color& a, const Color& b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Charts, ColorsCanBeRead) {
  EXPECT_NEAR(contrast({0, 0, 0}, {1, 1, 1}), 21, 1e-9);
  std::vector<Ink> inks = {kText, kFaint, kLink, kAlarm};
  inks.insert(inks.end(), std::begin(kLines), std::end(kLines));
  for (const auto side : {&Ink::light, &Ink::dark}) {
    for (const Ink& ink : inks)
      for (const Ink& ground : {kGround, kPanel})
        EXPECT_GE(contrast(color(ink.*side), color(ground.*side)), 4.5) << ink.*side;
    // The counts of a matrix on half of its color, the strongest that has counts.
    Color half = color(kGround.*side);
    for (size_t c = 0; c < 3; ++c) half[c] = (half[c] + color(kLines[0].*side)[c]) / 2;
    EXPECT_GE(contrast(color(kText.*side), half), 4.5);
  }
}

TEST(Charts, NotFiniteValuesAreGapsAndALonePointIsSeen) {
  const ChartLine line{"loss", {{1, 3}, {2, 2}, {3, kNan}, {4, 1}, {5, INFINITY}, {6, 2}, {7, 3}}};
  const std::string svg = line_chart({"Loss", "step", "loss"}, {{line}});
  EXPECT_EQ(count(path_of(svg, "line0"), "M"), 3u);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));

  ChartLine lone{"loss", {}};
  for (int step = 0; step < 100; ++step)
    lone.points.push_back({step, step == 50 ? 1.0 : step < 90 ? kNan : 2.0});
  EXPECT_EQ(count(line_chart({"Loss", "step", "loss"}, {{lone}}), "<circle"), 1u);
  const ChartLine one{"loss", {{300, 0.5}}};
  EXPECT_EQ(count(line_chart({"Loss", "step", "loss"}, {{one}}), "<circle"), 1u);
}

TEST(Charts, WithoutValuesSaysSo) {
  const ChartLine nothing{"loss", {{1, kNan}}};
  EXPECT_THAT(line_chart({"Loss", "step", "loss"}, {{nothing}}), HasSubstr("no values to draw"));
  EXPECT_THAT(line_chart({"Loss", "step", "loss"}, {}), HasSubstr("no values to draw"));
}

TEST(Charts, ExtremeValuesHaveTicks) {
  for (const auto& [low, high] : {std::pair{0.0, 0.0},
                                  {-1e308, 1e308},
                                  {1e-320, 1e-320},
                                  {1e140, -1e140},
                                  {0.1, std::nextafter(0.1, 1)}}) {
    const ChartLine line{"x", {{1, low}, {2, high}, {3, 1}}};
    const std::string svg = line_chart({"X", "step", "x"}, {{line}});
    EXPECT_GE(count(svg, "<path class=\"rule\""), 2u) << low << " " << high;
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
  }
}

TEST(Charts, TicksAreRoundNumbers) {
  const ChartLine rate{"lr", {{0, 0}, {300'000, 5e-5}}};
  const std::string svg = line_chart({"Learning rate", "step", "lr"}, {{rate}});
  for (const char* tick : {">0<", ">100k<", ">200k<", ">300k<", ">2e-05<", ">4e-05<"})
    EXPECT_THAT(svg, HasSubstr(tick));
  const ChartLine share{"top1", {{1, 0.5}, {3, 0.75}}};  // epochs are whole
  const std::string epochs = line_chart({"top1", "epoch", "top1"}, {{share}});
  for (const char* tick : {">1<", ">2<", ">3<", ">0.5<", ">0.6<", ">0.7<"})
    EXPECT_THAT(epochs, HasSubstr(tick));
  EXPECT_THAT(epochs, Not(HasSubstr(">1.5<")));
}

TEST(Charts, LabelsOfTicksFitAtTheLeft) {
  const ChartLine rate{"lr", {{0, 0.00052}, {10, 0.00058}}};
  const std::string svg = line_chart({"Learning rate", "step", "lr"}, {{rate}});
  const size_t tick = svg.find(">0.00054<");
  ASSERT_NE(tick, std::string::npos);
  const double end = std::stod(svg.substr(svg.rfind("x=\"", svg.rfind("<text", tick) + 9) + 3));
  EXPECT_GE(end, 7 * 7.0);  // a digit of DejaVu Sans takes 7 of 11 pixels
}

TEST(Charts, ALineKeepsTheColorThatItIsGiven) {
  const auto svg = [](int color) {
    return line_chart({"Loss", "step", "loss"}, {{ChartLine{"run b", {{1, 3}, {2, 1}}, color}}});
  };
  EXPECT_THAT(svg(-1), Not(HasSubstr(">run b</text>")));  // alone, the title says what it is
  EXPECT_THAT(svg(2), HasSubstr(">run b</text>"));
  EXPECT_THAT(svg(2), HasSubstr("<path class=\"line2\" stroke-width"));
  EXPECT_THAT(svg(2), HasSubstr(std::string("svg.chart .line2{stroke:") + kLines[2].light));
  EXPECT_THAT(svg(2), Not(HasSubstr("stroke-dasharray")));
  EXPECT_THAT(svg(kNumLines + 2), HasSubstr(" stroke-dasharray=\"3 3\""));
  EXPECT_THAT(svg(kNumLines + 2), HasSubstr(std::string(".line2{stroke:") + kLines[2].light));
}

TEST(Charts, SpacesOfNamesStay) {
  const std::string svg = matrix_chart({"Confusion", "prediction", "label"}, {"a  b", "c"},
                                       std::vector<int64_t>{1, 0, 0, 1});
  EXPECT_THAT(svg, HasSubstr(">a  b</text>"));
  EXPECT_THAT(svg, HasSubstr(" xml:space=\"preserve\""));
  EXPECT_THAT(svg, HasSubstr("white-space:pre}"));
  const std::string page = html_page("Spaces", "");
  EXPECT_THAT(page, HasSubstr("th,td,h1,figcaption{white-space:pre-wrap}"));
  EXPECT_THAT(page, HasSubstr("td.short{white-space:pre}"));
}

TEST(Charts, ManyPointsAreThinnedAndPeaksStay) {
  ChartLine line{"loss", {}};
  for (int step = 0; step < 300'000; ++step)
    line.points.push_back({step, step == 123'456 ? 9.0 : 1 + step % 7 * 0.01});
  const std::string svg = line_chart({"Loss", "step", "loss"}, {{line}});
  EXPECT_LT(svg.size(), 20'000u);
  // The peak is the highest value, 4% below the top of the plot, which is at 44 of 150 pixels. It
  // is in the band; the means, which follow it, are 300.
  EXPECT_EQ(count(path_of(svg, "line0"), " 49.56L"), 1u);
  const std::string means = path_of(svg.substr(svg.rfind("<path class=\"line0")), "line0");
  EXPECT_EQ(count(means, "L"), 299u);
  EXPECT_EQ(count(means, " 49.56"), 0u);
}

TEST(Charts, TextsAreShownNotRun) {
  const std::string bad = "<script>alert(1)</script>&\"'\x01\xff";
  const std::string good = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;\uFFFD\uFFFD";
  EXPECT_EQ(html_text(bad), good);
  const ChartLine one{bad, {{1, 1}}}, two{"two", {{1, 2}}};
  const std::vector<int64_t> counts = {3, 1, 0, 2};
  const tasks::CalibrationBin bin{0, 1, 3, 0.5, 0.5};
  for (const std::string& svg : {line_chart({bad, bad, bad}, {{one, two}}),
                                 matrix_chart({bad, bad, bad}, {bad, "two"}, counts),
                                 reliability_chart({bad, bad, bad}, {{bin}}), html_page(bad, "")}) {
    EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
    EXPECT_THAT(svg, Not(HasSubstr("<script")));
  }
}

TEST(Charts, MatrixHasTheCountsOfItsCells) {
  const std::vector<int64_t> counts = {30, 10, 0, 2};
  const std::string svg =
      matrix_chart({"Confusion", "prediction", "label"}, {"boot", "bag"}, counts);
  EXPECT_THAT(svg, HasSubstr("boot → bag: 10"));
  EXPECT_EQ(count(svg, "<rect class=\"cell\""), 3u);  // a count of 0 has no cell
  EXPECT_THAT(svg, HasSubstr(">30</text>"));
  EXPECT_THAT(svg, HasSubstr("fill-opacity=\"0.25\""));  // √(10 / 40) / 2
  const std::vector<std::string> names(100, "n");
  const std::string large =
      matrix_chart({"Confusion", "prediction", "label"}, names, std::vector<int64_t>(10'000, 7));
  EXPECT_EQ(count(large, ">7</text>"), 0u);
  EXPECT_LT(large.size(), 2'000'000u);
}

TEST(Charts, ReliabilitySkipsEmptyBins) {
  const std::vector<tasks::CalibrationBin> bins = {{0, 0.5, 0, 0, 0}, {0.5, 1, 12, 0.8, 0}};
  const std::string svg = reliability_chart({"Reliability", "confidence", "accuracy"}, bins);
  EXPECT_EQ(count(svg, "<rect class=\"bar\""), 1u);
  EXPECT_THAT(svg, HasSubstr("12 images, confidence 0.8, accuracy 0<"));
}

TEST(Html, PagesNeedNothingFromOutside) {
  const data::Image image{1, 2, 3, {255, 0, 0, 0, 255, 0}};
  const std::string picture = html_image(image, "a \"red\" pixel");
  EXPECT_THAT(picture,
              HasSubstr("alt=\"a &quot;red&quot; pixel\" src=\"data:image/png;base64,iVBOR"));
  const std::string page = html_page("Größe", picture);
  EXPECT_THAT(page, HasSubstr("<title>Größe</title>"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

}  // namespace
}  // namespace swin::trainers
