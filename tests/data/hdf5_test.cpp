// HDF5 data sets of others: pictures, labels, names, fractions, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/errors.h"
#include "data/dataset.h"

namespace swin::data {
namespace {

using ::testing::HasSubstr;

DatasetOptions options_of(const std::string& name) {
  DatasetOptions options;
  options.format = "hdf5";
  options.path = std::string(SWIN_SOURCE_DIR "/tests/files/hdf5/") + name + ".h5";
  return options;
}

TEST(Hdf5Dataset, HoldsPicturesAndLabels) {
  const auto set = open_dataset(options_of("contiguous"));
  ASSERT_EQ(set->size(), 6);
  EXPECT_FALSE(set->multi_label());
  EXPECT_EQ(set->class_names(), (std::vector<std::string>{"cat", "dog", "emu"}));
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(set->label(i), i % 3);
    EXPECT_EQ(set->labels(i), (std::vector<int64_t>{i % 3}));
    const Image image = set->load(i);
    ASSERT_EQ(image.height, 5);
    ASSERT_EQ(image.width, 7);
    ASSERT_EQ(image.channels, 3);
    EXPECT_EQ(image.row(2)[3 * 4 + 1], static_cast<uint8_t>(131 * i + 17 * 2 + 29 * 4 + 71));
  }
}

TEST(Hdf5Dataset, ChangesChannels) {
  const auto gray = open_dataset(options_of("gray"));
  const Image image = gray->load(1);
  ASSERT_EQ(image.channels, 3);
  EXPECT_EQ(image.row(2)[3 * 4], static_cast<uint8_t>(131 + 17 * 2 + 29 * 4));
  EXPECT_EQ(image.row(2)[3 * 4 + 2], image.row(2)[3 * 4]);
  DatasetOptions options = options_of("contiguous");
  options.channels = 1;
  EXPECT_EQ(open_dataset(options)->load(0).channels, 1);
}

TEST(Hdf5Dataset, ClassesWithoutNamesAreNumbered) {
  EXPECT_EQ(open_dataset(options_of("chunked"))->class_names(),
            (std::vector<std::string>{"0", "1", "2"}));
}

TEST(Hdf5Dataset, SeveralLabels) {
  const auto set = open_dataset(options_of("many_labels"));
  EXPECT_TRUE(set->multi_label());
  EXPECT_EQ(set->num_classes(), 3);
  EXPECT_EQ(set->labels(0), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(set->labels(1), (std::vector<int64_t>{}));
  EXPECT_EQ(set->label(1), 0);
  EXPECT_EQ(set->labels(3), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(set->label(4), 2);
}

TEST(Hdf5Dataset, FractionsAreDisjoint) {
  DatasetOptions first = options_of("contiguous"), second = first;
  first.fraction_end = second.fraction_begin = 0.5;
  std::set<std::string> names;
  for (const DatasetOptions& options : {first, second}) {
    const auto set = open_dataset(options);
    ASSERT_EQ(set->size(), 3);
    for (int64_t i = 0; i < 3; ++i) names.insert(set->name(i));
  }
  EXPECT_EQ(names.size(), 6u);
}

TEST(Hdf5Dataset, FingerprintIsOfTheContents) {
  const std::string contiguous = open_dataset(options_of("contiguous"))->fingerprint();
  EXPECT_EQ(contiguous, open_dataset(options_of("chunked"))->fingerprint());
  EXPECT_NE(contiguous, open_dataset(options_of("gray"))->fingerprint());
}

TEST(Hdf5Dataset, RefusesLabelsOutOfRange) {
  const std::pair<const char*, const char*> cases[] = {
      {"label_out_of_range", "found the label 3 of image 3, expected 0 … 2"},
      {"negative_label", "found the label -1 of image 3, expected 0 …"},
      {"not_a_bit", "found the label 2 of image 0, expected 0 or 1"},
      {"gzip", "filtered (gzip)"},
  };
  for (const auto& [name, expected] : cases) {
    const DatasetOptions options = options_of(name);
    try {
      open_dataset(options);
      ADD_FAILURE() << name << " was read";
    } catch (const base::DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(expected));
      EXPECT_THAT(error.what(), HasSubstr(options.path));
    }
  }
  DatasetOptions options = options_of("chunked");
  options.num_classes = 2;
  EXPECT_THROW(open_dataset(options), base::DataError);
}

}  // namespace
}  // namespace swin::data
