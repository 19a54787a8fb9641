// Resized tables equal torch's and timm's (scripts/reference/make_resize_goldens.py).
#include "weights/table_resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "files/safetensors.h"
#include "tests/support/places.h"

namespace swin::weights {

using layers::Size2;
namespace {

const files::SafetensorsFile& goldens() {
  static const files::SafetensorsFile file(swin::test::source_dir() +
                                           "/tests/goldens/resize_tables.safetensors");
  return file;
}

std::vector<double> golden(const std::string& name) {
  const files::NamedArray& array = goldens().at(name);
  std::vector<double> values(static_cast<size_t>(array.num_elements()));
  files::read_float64(array, "goldens", values);
  return values;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// The goldens are rounded to float.
constexpr double kTolerance = 1e-6;

TEST(ResizeGrid, TablesEqualTorchAndTimm) {
  for (const auto& [from, to] : {std::pair{7, 12}, {12, 7}, {4, 8}}) {
    const std::string name = "table_" + std::to_string(from) + "_" + std::to_string(to);
    const std::vector<double> table = golden(name + ".from");
    const Size2 a = {2 * from - 1, 2 * from - 1}, b = {2 * to - 1, 2 * to - 1};
    EXPECT_LT(
        distance(resize_grid(table, a, b, 3, GridResize::bicubic), golden(name + ".official")),
        kTolerance)
        << name;
    // timm computes in float.
    EXPECT_LT(distance(resize_grid(table, a, b, 3, GridResize::geometric), golden(name + ".timm")),
              5e-6)
        << name;
  }
}

TEST(ResizeGrid, EmbeddingsEqualTorchAndTimm) {
  for (const auto& [name, from, to, prefix] :
       {std::tuple<std::string, int, int, int>{"ape_7_10", 7, 10, 0},
        {"ape_10_7", 10, 7, 0},
        {"vit_4_6", 4, 6, 1},
        {"vit_6_4", 6, 4, 1}}) {
    const std::vector<double> whole = golden(name + ".from");
    const std::vector<double> grid(whole.begin() + prefix * 8, whole.end());
    for (const auto& [method, word] :
         {std::pair{GridResize::bicubic, "official"}, {GridResize::bicubic_antialias, "timm"}}) {
      std::vector<double> expected = golden(name + "." + word);
      expected.erase(expected.begin(), expected.begin() + prefix * 8);
      EXPECT_LT(distance(resize_grid(grid, {from, from}, {to, to}, 8, method), expected),
                kTolerance)
          << name << " " << word;
    }
  }
}

TEST(ResizeGrid, TreatsRowsAndColumnsAlike) {
  // A grid that varies along one axis only still does after both sizes change.
  std::vector<double> rows, columns;
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 3; ++x) rows.push_back(std::sin(y)), rows.push_back(y);
  for (int x = 0; x < 3; ++x)
    for (int y = 0; y < 5; ++y) columns.push_back(std::sin(y)), columns.push_back(y);
  for (const GridResize method :
       {GridResize::bicubic, GridResize::bicubic_antialias, GridResize::geometric}) {
    const auto a = resize_grid(rows, {5, 3}, {9, 7}, 2, method);
    const auto b = resize_grid(columns, {3, 5}, {7, 9}, 2, method);
    for (size_t y = 0; y < 9; ++y)
      for (size_t x = 0; x < 7; ++x)
        for (size_t c = 0; c < 2; ++c) {
          EXPECT_NEAR(a[(y * 7 + x) * 2 + c], a[y * 14 + c], 1e-12);
          EXPECT_NEAR(a[(y * 7 + x) * 2 + c], b[(x * 9 + y) * 2 + c], 1e-12);
        }
  }
}

TEST(ResizeGrid, KeepsAGridOfTheSameSize) {
  const std::vector<double> grid = golden("ape_7_10.from");
  for (const GridResize method : {GridResize::bicubic, GridResize::bicubic_antialias})
    EXPECT_LT(distance(resize_grid(grid, {7, 7}, {7, 7}, 8, method), grid), 1e-15);
  // A grid of one token becomes constant.
  const std::vector<double> one = {3};
  for (const double value : resize_grid(one, {1, 1}, {3, 5}, 1, GridResize::geometric))
    EXPECT_EQ(value, 3);
}

}  // namespace
}  // namespace swin::weights
