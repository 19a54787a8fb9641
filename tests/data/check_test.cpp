#include "data/check.h"

#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Check, CountsKindsSizesDuplicatesAndBadFiles) {
  const TemporaryDirectory folder;
  folder.write("a/1.jpg", image_bytes("rgb_420.jpg"));
  folder.write("a/2.jpg", image_bytes("gray.jpg"));
  folder.write("b/1.png", image_bytes("rgb.png"));
  folder.write("b/copy.png", image_bytes("rgb.png"));
  folder.write("b/cmyk.jpg", image_bytes("cmyk.jpg"));
  const Bytes whole = image_bytes("rgb_420.jpg");
  folder.write("b/cut.jpg", std::span(whole).first(whole.size() / 2));
  folder.write("b/empty.jpg", "");
  folder.write("b/text.jpg", "text");
  int64_t done = 0;
  const DataCheck check = check_dataset(*open_path(folder.path()), [&](int64_t n) { done = n; });
  EXPECT_EQ(done, 8);
  EXPECT_EQ(check.images, 8);
  ASSERT_EQ(check.classes.size(), 2u);
  EXPECT_EQ(check.classes[0].images, 2);
  EXPECT_EQ(check.classes[0].bad, 0);
  EXPECT_EQ(check.classes[1].images, 6);
  EXPECT_EQ(check.classes[1].bad, 3);
  EXPECT_THAT(check.modes, ElementsAre(Pair("PNG RGB", 2), Pair("JPEG CMYK", 1), Pair("JPEG L", 1),
                                       Pair("JPEG RGB", 1)));
  EXPECT_EQ(check.smallest[0], 37);
  EXPECT_EQ(check.largest[0], 37);
  EXPECT_EQ(check.median[0], 37);
  ASSERT_EQ(check.bad.size(), 3u);
  EXPECT_EQ(check.bad[0].name, folder / "b/cut.jpg");
  EXPECT_THAT(check.bad[0].error, HasSubstr("damaged JPEG"));
  EXPECT_THAT(check.duplicates,
              ElementsAre(ElementsAre(folder / "b/1.png", folder / "b/copy.png")));
}

// Sets of pixels have no files: every image is loaded instead.
TEST(Check, CountsSetsOfPixels) {
  DatasetOptions options;
  options.format = "synthetic";
  options.synthetic_samples = 40;
  options.synthetic_size = {12, 14};
  const auto dataset = open_dataset(options);
  const DataCheck check = check_dataset(*dataset);
  EXPECT_EQ(check.images, 40);
  EXPECT_TRUE(check.bad.empty());
  EXPECT_TRUE(check.duplicates.empty());
  EXPECT_THAT(check.modes, ElementsAre(Pair("pixels", 40)));
  EXPECT_EQ(check.bytes, 40 * 12 * 14 * 3);
  EXPECT_THAT(check.median, ElementsAre(12, 14));
}

}  // namespace
}  // namespace swin::data
