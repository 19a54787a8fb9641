// Run lengths and rasterized polygons equal those of pycocotools
// (scripts/reference/make_coco_goldens.py).
#include "data/run_lengths.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/json.h"
#include "tests/data/test_files.h"
#include "tests/support/places.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::Json polygon_goldens() {
  std::ifstream file(swin::test::source_dir() + "/tests/goldens/coco/polygons.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return base::parse_json(text, "polygons.json");
}

std::vector<Polygon> polygons_of(const base::Json& lists) {
  std::vector<Polygon> polygons;
  for (const base::Json& list : lists.items()) {
    Polygon& polygon = polygons.emplace_back();
    for (size_t i = 0; i + 1 < list.size(); i += 2)
      polygon.push_back({list.items()[i].as_real(), list.items()[i + 1].as_real()});
  }
  return polygons;
}

TEST(Rasterize, EqualsPycocotools) {
  const base::Json goldens = polygon_goldens();
  ASSERT_GT(goldens.size(), 50u);
  for (const base::Json& golden : goldens.items()) {
    const int64_t height = golden.at("size").items()[0].as_int(),
                  width = golden.at("size").items()[1].as_int();
    const RunLengths runs = rasterize(polygons_of(golden.at("polygons")), height, width);
    EXPECT_EQ(write_counts(runs), golden.at("counts").as_string()) << to_text(golden);
  }
}

TEST(Rasterize, CountsPixels) {
  const auto pixels = [](const Polygon& polygon, int64_t side) {
    return count_pixels(rasterize({polygon}, side, side));
  };
  EXPECT_EQ(pixels({{0, 0}, {10, 0}, {10, 10}, {0, 10}}, 20), 100);
  EXPECT_EQ(pixels({{0, 0}, {10, 0}, {0, 10}}, 20), 45);
  EXPECT_EQ(pixels({{0, 0}, {9, 0}, {9, 9}, {0, 9}}, 20), 81);
  EXPECT_EQ(pixels({{5, 5}, {5, 5}, {5, 5}}, 20), 0);
  EXPECT_EQ(pixels({{-50, -50}, {50, -50}, {50, 50}, {-50, 50}}, 20), 400);
}

TEST(Rasterize, RefusesPolygonsWithTheirValue) {
  const auto refusal = [](const std::vector<Polygon>& polygons) {
    return data_error([&] { rasterize(polygons, 10, 20); });
  };
  EXPECT_THAT(refusal({}), HasSubstr("found none"));
  EXPECT_THAT(refusal({{{0, 0}, {4, 4}}}), HasSubstr("found 2 points, expected at least 3"));
  EXPECT_THAT(refusal({{{0, 0}, {NAN, 4}, {4, 4}}}), HasSubstr("found the point nan, 4"));
  EXPECT_THAT(refusal({{{0, 0}, {1e300, 4}, {4, 4}}}), HasSubstr("at most 10⁹"));
  EXPECT_THAT(refusal({{{0, 0}, {1e8, 4}, {4, 4}}}), HasSubstr("found an outline of 2"));
  EXPECT_THAT(data_error([] {
                rasterize({{{0, 0}, {1, 1}, {2, 0}}}, 1 << 20, 1 << 20);
              }),
              HasSubstr("found the size 1048576 × 1048576"));
}

TEST(Counts, AreThoseOfCoco) {
  EXPECT_EQ(write_counts(to_run_lengths(Bytes(16, 1), 4, 4)), "0`0");
  EXPECT_THAT(read_counts("0`0", 4, 4).counts, ElementsAre(0, 16));
  const RunLengths runs{100, 1000, {0, 70000, 3, 69, 29000, 1, 927}};
  EXPECT_EQ(read_counts(write_counts(runs), 100, 1000), runs);
}

TEST(Counts, AreRefusedWithTheirValue) {
  const auto refusal = [](std::string_view counts) {
    return data_error([&] { read_counts(counts, 4, 4); });
  };
  EXPECT_THAT(refusal("0a0"), HasSubstr("found a run of 17 pixels, expected 0 to 16"));
  EXPECT_THAT(refusal("4"), HasSubstr("found runs of 4 pixels, expected the 16 of 4 × 4"));
  EXPECT_THAT(refusal(""), HasSubstr("found runs of 0 pixels"));
  EXPECT_THAT(refusal("O"), HasSubstr("found a run of -1 pixels"));
  EXPECT_THAT(refusal("0`"), HasSubstr("found a run of counts without its end at byte 1"));
  EXPECT_THAT(refusal("oooooooooooooooo"), HasSubstr("without its end at byte 0"));
  EXPECT_THAT(refusal("0 0"), HasSubstr("found byte 32 at byte 1"));
  EXPECT_THAT(data_error([] { read_counts("0", 0, 4); }), HasSubstr("found the size 0 × 4"));
  EXPECT_THROW(read_counts("0", -1, -1), base::DataError);
  EXPECT_THROW(check_runs({2, 2, {1, 4294967295u}}), base::DataError);
}

TEST(RunLengths, BoxUnionAndCommonPixels) {
  const RunLengths left = rasterize({{{1, 2}, {5, 2}, {5, 6}, {1, 6}}}, 10, 12);
  const RunLengths right = rasterize({{{4, 3}, {9, 3}, {9, 9}, {4, 9}}}, 10, 12);
  EXPECT_EQ(box_of(left), (BoundingBox{1, 2, 5, 6}));
  EXPECT_EQ(box_of(united(left, right)), (BoundingBox{1, 2, 9, 9}));
  EXPECT_EQ(count_common(left, right), 3);
  EXPECT_EQ(count_pixels(united(left, right)), 16 + 30 - 3);
  EXPECT_EQ(box_of(to_run_lengths(Bytes(12, 0), 3, 4)), BoundingBox());
  EXPECT_EQ(box_of({3, 4, {2, 2, 8}}), (BoundingBox{0, 0, 2, 3}));  // across two columns
  EXPECT_EQ(box_of({3, 4, {4, 0, 8}}), BoundingBox());
  // As pixels say it.
  Bytes a = noise(60), b = noise(120);
  b.erase(b.begin(), b.begin() + 60);
  int64_t common = 0, either = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] &= 1, b[i] &= 1;
    common += a[i] & b[i];
    either += a[i] | b[i];
  }
  const RunLengths runs_a = to_run_lengths(a, 6, 10), runs_b = to_run_lengths(b, 6, 10);
  EXPECT_EQ(count_common(runs_a, runs_b), common);
  EXPECT_EQ(count_pixels(united(runs_a, runs_b)), either);
  EXPECT_EQ(united(runs_a, runs_a), runs_a);
  EXPECT_THROW(united(runs_a, left), base::InternalError);
}

}  // namespace
}  // namespace swin::data
