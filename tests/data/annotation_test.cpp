#include "data/annotation.h"

#include <gmock/gmock.h>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Annotation, KindsAreThoseOfTheAlternatives) {
  EXPECT_EQ(kind_of({}), AnnotationKind::none);
  EXPECT_EQ(kind_of(OneClass{1}), AnnotationKind::one_class);
  EXPECT_EQ(kind_of(Classes{}), AnnotationKind::classes);
  EXPECT_EQ(kind_of(LabelMap{}), AnnotationKind::label_map);
  EXPECT_EQ(kind_of(Objects{}), AnnotationKind::objects);
}

TEST(Annotation, TheStratumIsTheFirstClass) {
  EXPECT_EQ(stratum_of(OneClass{7}), 7);
  EXPECT_EQ(stratum_of(Classes{{2, 5}}), 2);
  EXPECT_EQ(stratum_of(Classes{}), 0);
  EXPECT_EQ(stratum_of(LabelMap{}), 0);
  EXPECT_THAT(classes_of(Classes{{2, 5}}), ElementsAre(2, 5));
  EXPECT_THAT(classes_of(OneClass{7}), ElementsAre(7));
  EXPECT_THAT(classes_of(Objects{}), ElementsAre());
}

TEST(Annotation, OfAnotherSizeIsRefused) {
  const LabelMap map{2, 3, std::vector<uint16_t>(6)};
  check_fits(map, {2, 3}, "a.png");
  check_fits(OneClass{}, {9, 9}, "a.png");
  EXPECT_THAT(data_error([&] {
                check_fits(map, {3, 2}, "a.png");
              }),
              testing::AllOf(HasSubstr("a.png"), HasSubstr("2 × 3"), HasSubstr("3 × 2")));
  Objects objects{4, 5, {{{0, 0, 2, 2}, 0, RunLengths{4, 5, {20}}, false, 4}}};
  check_fits(objects, {4, 5}, "a.png");
  EXPECT_THROW(check_fits(objects, {5, 4}, "a.png"), base::DataError);
  objects.objects[0].mask = RunLengths{4, 4, {16}};
  EXPECT_THAT(data_error([&] {
                check_fits(objects, {4, 5}, "a.png");
              }),
              HasSubstr("found a mask of 4 × 4 pixels"));
}

// Column by column, outside first.
TEST(RunLengths, AreThoseOfCoco) {
  const Bytes pixels = {0, 1, 1,  //
                        0, 1, 0};
  const RunLengths runs = to_run_lengths(pixels, 2, 3);
  EXPECT_THAT(runs.counts, ElementsAre(2, 3, 1));
  EXPECT_EQ(area_of(runs), 3);
  EXPECT_THAT(to_run_lengths(Bytes(16, 1), 4, 4).counts, ElementsAre(0, 16));
  EXPECT_THAT(to_run_lengths(Bytes(16, 0), 4, 4).counts, ElementsAre(16));
  EXPECT_EQ(area_of(to_run_lengths(Bytes(16, 0), 4, 4)), 0);
  for (const int64_t height : {1, 2, 7, 24}) {
    Bytes bits = noise(height * 24 / height * height);
    for (uint8_t& bit : bits) bit &= 1;
    const auto width = static_cast<int64_t>(bits.size()) / height;
    EXPECT_EQ(to_pixels(to_run_lengths(bits, height, width)), bits);
  }
}

TEST(RunLengths, OfAnotherSumAreRefused) {
  for (const auto& counts : std::vector<std::vector<uint32_t>>{{}, {5}, {3, 4}, {4, 4294967295u}})
    EXPECT_THROW(to_pixels({2, 3, counts}), base::DataError);
}

TEST(Polygons, HaveTheAreaOfTheirCorners) {
  const std::vector<Polygon> square = {{{0, 0}, {10, 0}, {10, 10}, {0, 10}}};
  EXPECT_EQ(area_of(square), 100);
  const std::vector<Polygon> two = {{{0, 0}, {10, 0}, {0, 10}}, {{20, 0}, {20, 2}, {22, 0}}};
  EXPECT_EQ(area_of(two), 52);
  EXPECT_EQ(area_of(Mask()), 0);
}

}  // namespace
}  // namespace swin::data
