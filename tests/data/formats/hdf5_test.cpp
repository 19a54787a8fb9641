// Third-party HDF5 data sets: images, labels, names, fractions and errors.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/errors.h"
#include "base/random.h"
#include "data/formats/formats.h"
#include "files/hdf5_file.h"
#include "tests/data/test_datasets.h"
#include "tests/support/places.h"
#include "tests/support/temporary_directory.h"

namespace swin::data {
namespace {

using ::testing::HasSubstr;

DatasetOptions options_of(const std::string& name) {
  return dataset_options("hdf5", swin::test::source_dir() + "/tests/files/hdf5/" + name + ".h5");
}

TEST(Hdf5Dataset, HasImagesAndLabels) {
  const auto set = open_dataset(options_of("contiguous"));
  ASSERT_EQ(set->size(), 6);
  EXPECT_EQ(set->annotation_kind(), AnnotationKind::one_class);
  EXPECT_EQ(set->class_names(), (std::vector<std::string>{"cat", "dog", "emu"}));
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(set->stratum(i), i % 3);
    EXPECT_EQ(classes_of(set->annotation(i)), (std::vector<int64_t>{i % 3}));
    const Image image = set->load(i);
    ASSERT_EQ(image.height, 5);
    ASSERT_EQ(image.width, 7);
    ASSERT_EQ(image.channels, 3);
    EXPECT_EQ(image.row(2)[3 * 4 + 1], static_cast<uint8_t>(131 * i + 17 * 2 + 29 * 4 + 71));
  }
}

TEST(Hdf5Dataset, ConvertsChannels) {
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
  EXPECT_EQ(set->annotation_kind(), AnnotationKind::classes);
  EXPECT_EQ(set->num_classes(), 3);
  EXPECT_EQ(classes_of(set->annotation(0)), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(classes_of(set->annotation(1)), (std::vector<int64_t>{}));
  EXPECT_EQ(set->stratum(1), 0);
  EXPECT_EQ(classes_of(set->annotation(3)), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(set->stratum(4), 2);
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

// A set of more than a quarter of the memory is read on demand. Its file is sparse except for the
// tables and some images, so it takes little disk and time.
class LargeHdf5 : public ::testing::Test {
 protected:
  static constexpr int64_t kSide = 512, kImageBytes = kSide * kSide * 3, kWritten = 16;

  LargeHdf5() : path_(directory_ / "large.h5") {
    const int64_t memory_bytes =
        static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
    images_ = memory_bytes / 4 / kImageBytes + 100;
    size_bytes_ = static_cast<size_t>(images_ * kImageBytes);
    nothing_ =
        ::mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  ~LargeHdf5() override {
    if (nothing_ != MAP_FAILED) ::munmap(nothing_, size_bytes_);
  }

  /// The indices of the images that are not black: the first, the last and some between.
  int64_t index_of(int64_t written) const { return written * (images_ - 1) / (kWritten - 1); }
  static std::vector<uint8_t> pixels_of(int64_t i) {
    std::vector<uint8_t> pixels(static_cast<size_t>(kImageBytes));
    for (size_t at = 0; at < pixels.size(); ++at)
      pixels[at] = static_cast<uint8_t>(static_cast<size_t>(i) * 31 + at * 7 + at / 1000 + 1);
    return pixels;
  }

  void write() {
    std::vector<int64_t> labels(static_cast<size_t>(images_));
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i % 5);
    const std::span<const std::byte> pixels{static_cast<const std::byte*>(nothing_), size_bytes_};
    const files::NamedArray arrays[] = {
        {"images", files::DType::u8, {images_, kSide, kSide, 3}, pixels, nullptr},
        files::NamedArray::of("labels", {images_}, std::span<const int64_t>(labels))};
    const files::Hdf5Image image = files::build_hdf5(arrays, {});
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(::ftruncate(file, image.size_bytes()), 0);
    int64_t at = 0;
    const auto put = [&](const void* bytes, size_t size, int64_t offset) {
      ASSERT_EQ(::pwrite(file, bytes, size, offset), static_cast<ssize_t>(size));
    };
    for (const auto span : image.spans()) {
      if (span.data() != pixels.data()) {
        put(span.data(), span.size(), at);
      } else {
        images_at_ = at;
        for (int64_t k = 0; k < kWritten; ++k) {
          const std::vector<uint8_t> own = pixels_of(index_of(k));
          put(own.data(), own.size(), at + index_of(k) * kImageBytes);
        }
      }
      at += static_cast<int64_t>(span.size());
    }
    ::close(file);
  }

  test::TemporaryDirectory directory_;
  std::string path_;
  int64_t images_ = 0;
  size_t size_bytes_ = 0;
  void* nothing_ = MAP_FAILED;
  int64_t images_at_ = 0;  // in the file
};

TEST_F(LargeHdf5, IsReadOnDemandByManyThreads) {
  ASSERT_NE(nothing_, MAP_FAILED);
  write();
  DatasetOptions options;
  options.format = "hdf5";
  options.path = path_;
  const auto set = open_dataset(options);
  ASSERT_EQ(set->size(), images_);
  EXPECT_EQ(set->num_classes(), 5);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const base::Permutation order(static_cast<size_t>(2 * kWritten),
                                    base::Random(5, "large_hdf5", t));
      Image image;
      for (size_t k = 0; k < static_cast<size_t>(2 * kWritten); ++k) {
        const auto position = static_cast<int64_t>(order(k));
        // A written image, or its neighbor, which is black.
        const bool black = position >= kWritten;
        const int64_t written = index_of(position % kWritten);
        const int64_t i = !black ? written : written == 0 ? 1 : written - 1;
        set->load(i, image);
        ASSERT_EQ(image.height, kSide);
        ASSERT_EQ(image.channels, 3);
        const std::vector<uint8_t> expected =
            black ? std::vector<uint8_t>(image.pixels.size(), 0) : pixels_of(i);
        ASSERT_TRUE(image.pixels == expected) << "image " << i;
        ASSERT_EQ(set->stratum(i), i % 5);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LargeHdf5, FingerprintIsOfTheFirstAndLastImage) {
  ASSERT_NE(nothing_, MAP_FAILED);
  write();
  DatasetOptions options;
  options.format = "hdf5";
  options.path = path_;
  const std::string fingerprint = open_dataset(options)->fingerprint();
  const auto change = [&](int64_t i) {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(images_at_ + i * kImageBytes + 99);
    ASSERT_TRUE(file.put('x').good());
  };
  change(images_ / 2 + 1);
  EXPECT_EQ(open_dataset(options)->fingerprint(), fingerprint);
  change(images_ - 1);
  EXPECT_NE(open_dataset(options)->fingerprint(), fingerprint);
}

// Black images of 2 × 2 pixels with these labels, a row for each.
template <class T>
DatasetOptions with_labels(const test::TemporaryDirectory& folder, const std::vector<T>& labels,
                           int64_t columns) {
  const auto rows = static_cast<int64_t>(labels.size()) / columns;
  const std::vector<uint8_t> pixels(static_cast<size_t>(rows * 4));
  const files::NamedArray arrays[] = {files::NamedArray::of("images", {rows, 2, 2, 1}, pixels),
                                      files::NamedArray::of("labels", {rows, columns}, labels)};
  const files::Hdf5Image image = files::build_hdf5(arrays, {});
  const DatasetOptions options = dataset_options("hdf5", folder / "labels.h5");
  std::ofstream file(options.path, std::ios::binary);
  for (const auto span : image.spans())
    file.write(reinterpret_cast<const char*>(span.data()),
               static_cast<std::streamsize>(span.size()));
  return options;
}

std::vector<std::vector<int64_t>> classes_in(const Dataset& set) {
  std::vector<std::vector<int64_t>> all;
  for (int64_t i = 0; i < set.size(); ++i) all.push_back(classes_of(set.annotation(i)));
  return all;
}
using Lists = std::vector<std::vector<int64_t>>;

TEST(Hdf5Dataset, OneHotRowsAreOneClassEach) {
  const test::TemporaryDirectory folder;
  const auto expect = [&](auto zero) {
    using T = decltype(zero);
    DatasetOptions options = with_labels<T>(folder, {0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0}, 3);
    const auto one = open_dataset(options);
    EXPECT_EQ(one->annotation_kind(), AnnotationKind::one_class);
    EXPECT_EQ(classes_in(*one), (Lists{{2}, {0}, {2}, {0}}));
    EXPECT_EQ(one->class_names(), (std::vector<std::string>{"0", "1", "2"}));  // 1 has no image
    EXPECT_EQ(one->stratum(0), 2);
    options.label_rows = true;
    const auto rows = open_dataset(options);
    EXPECT_EQ(rows->annotation_kind(), AnnotationKind::classes);
    EXPECT_EQ(classes_in(*rows), classes_in(*one));
    EXPECT_EQ(rows->class_names(), one->class_names());
    EXPECT_EQ(rows->fingerprint(), one->fingerprint());
    options.num_classes = 4;
    for (const bool label_rows : {false, true}) {
      options.label_rows = label_rows;
      try {
        open_dataset(options);
        ADD_FAILURE() << "was read";
      } catch (const base::DataError& error) {
        EXPECT_THAT(error.what(), HasSubstr("found /labels of 3 classes, expected 4"));
      }
    }
  };
  expect(int64_t{0});
  expect(uint8_t{0});
  expect(float{0});
  expect(double{0});
}

TEST(Hdf5Dataset, RowsThatAreNotOneHotStayRows) {
  const test::TemporaryDirectory folder;
  const auto several = open_dataset(with_labels<int64_t>(folder, {1, 0, 1, 1}, 2));
  EXPECT_EQ(several->annotation_kind(), AnnotationKind::classes);
  EXPECT_EQ(classes_in(*several), (Lists{{0}, {0, 1}}));
  const auto none = open_dataset(with_labels<float>(folder, {1, 0, 0, 0}, 2));
  EXPECT_EQ(classes_in(*none), (Lists{{0}, {}}));
  const auto error = [](const DatasetOptions& options) -> std::string {
    try {
      open_dataset(options);
    } catch (const base::DataError& refused) {
      return refused.what();
    }
    return "read";
  };
  EXPECT_THAT(error(with_labels<int64_t>(folder, {1, 0, 0, 2}, 2)),
              HasSubstr("found the label 2 of image 1, expected 0 or 1"));
  EXPECT_THAT(error(with_labels<float>(folder, {1, 0, 0.25f, 0.75f}, 2)),
              HasSubstr("/labels has the value 0.25"));
  EXPECT_THAT(error(with_labels<float>(folder, {1, 0, std::nanf(""), 1}, 2)),
              HasSubstr("/labels has the value nan"));
}

TEST(Hdf5Dataset, AColumnIsClassNumbers) {
  const test::TemporaryDirectory folder;
  for (const std::vector<int64_t>& labels :
       {std::vector<int64_t>{2, 0, 1}, std::vector<int64_t>{1, 0, 0}}) {
    DatasetOptions options = with_labels(folder, labels, 1);
    const auto set = open_dataset(options);
    EXPECT_EQ(set->annotation_kind(), AnnotationKind::one_class);
    EXPECT_EQ(set->num_classes(), labels[0] + 1);
    EXPECT_EQ(classes_in(*set), (Lists{{labels[0]}, {labels[1]}, {labels[2]}}));
  }
  DatasetOptions options = with_labels<int64_t>(folder, {1, 0, 1}, 1);
  options.label_rows = true;  // one class, or none
  EXPECT_EQ(classes_in(*open_dataset(options)), (Lists{{0}, {}, {0}}));
}

TEST(Hdf5Dataset, ListsItsFile) {
  const auto files = open_dataset(options_of("chunked"))->files();
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].path, "chunked.h5");
  EXPECT_EQ(files[0].size_bytes,
            static_cast<int64_t>(std::filesystem::file_size(options_of("chunked").path)));
}

TEST(Hdf5Dataset, RefusesLabelsOutOfRange) {
  const std::pair<const char*, const char*> cases[] = {
      {"label_out_of_range", "found the label 3 of image 3, expected 0 … 2"},
      {"negative_label", "found the label -1 of image 3, expected 0 …"},
      {"class_left_out",
       "found the label 3 of image 2, expected every class from 0 on, but no image is of class 2"},
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
