#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

Bytes idx(std::vector<uint32_t> shape, const Bytes& values) {
  Bytes bytes = {0, 0, 8, static_cast<uint8_t>(shape.size())};
  for (const uint32_t size : shape) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<uint8_t>(size >> shift));
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

void write_mnist(const TemporaryDirectory& folder, const std::string& start = "train") {
  folder.write(start + "-images-idx3-ubyte", idx({4, 2, 3}, noise(24)));
  folder.write(start + "-labels-idx1-ubyte", idx({4}, {7, 0, 9, 7}));
}

TEST(Mnist, ReadsTheUsualFiles) {
  const TemporaryDirectory folder;
  write_mnist(folder);
  write_mnist(folder, "t10k");
  const auto dataset = open_dataset(dataset_options("mnist", folder.path(), 1));
  ASSERT_EQ(dataset->size(), 4);
  EXPECT_EQ(dataset->stratum(2), 9);
  EXPECT_EQ(dataset->name(2), "train #2");
  EXPECT_EQ(dataset->class_names()[3], "3");
  EXPECT_EQ(dataset->num_classes(), 10);
  const Bytes pixels = noise(24);
  EXPECT_EQ(dataset->load(3), (Image{2, 3, 1, Bytes(pixels.begin() + 18, pixels.end())}));
  const Image color = open_dataset(dataset_options("mnist", folder.path(), 3))->load(3);
  EXPECT_EQ(color.channels, 3);
  EXPECT_EQ(color.pixels[3], pixels[19]);
  EXPECT_EQ(color.pixels[5], pixels[19]);
  DatasetOptions test = dataset_options("mnist", folder.path(), 1);
  test.split = Split::test;
  EXPECT_EQ(open_dataset(test)->name(0), "test #0");
}

TEST(Mnist, FingerprintIsOfTheContents) {
  const TemporaryDirectory folder, other;
  write_mnist(folder);
  write_mnist(other);
  const auto fingerprint = [](const TemporaryDirectory& where) {
    return open_dataset(dataset_options("mnist", where.path(), 1))->fingerprint();
  };
  EXPECT_EQ(fingerprint(folder), fingerprint(other));
  EXPECT_EQ(fingerprint(folder).size(), 64u);
  other.write("train-labels-idx1-ubyte", idx({4}, {7, 0, 9, 8}));
  EXPECT_NE(fingerprint(folder), fingerprint(other));
}

TEST(Mnist, FashionHasItsOwnClassNames) {
  const TemporaryDirectory folder;
  for (const char* start : {"Fashion-MNIST/train"}) write_mnist(folder, start);
  const auto dataset = open_dataset(dataset_options("mnist", folder / "Fashion-MNIST", 1));
  EXPECT_EQ(dataset->class_names()[9], "Ankle boot");
}

TEST(Mnist, ErrorsNameTheFile) {
  const TemporaryDirectory folder;
  const auto error = [&] {
    return data_error([&] { open_dataset(dataset_options("mnist", folder.path(), 1)); });
  };
  EXPECT_THAT(error(),
              HasSubstr("found none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz"));
  write_mnist(folder);
  const std::string images = folder / "train-images-idx3-ubyte",
                    labels = folder / "train-labels-idx1-ubyte";

  Bytes cut = idx({4, 2, 3}, noise(24));
  cut.pop_back();
  folder.write("train-images-idx3-ubyte", cut);
  EXPECT_EQ(error(),
            images +
                ": found 23 bytes after the header, expected 24 (4 × 2 × 3); fetch the file "
                "again, or correct data.train.format");
  folder.write("train-images-idx3-ubyte", Bytes(cut.begin(), cut.begin() + 9));
  EXPECT_THAT(error(), HasSubstr(images + ": found 9 bytes, expected at least 16"));
  folder.write("train-images-idx3-ubyte", idx({4}, noise(24)));
  EXPECT_THAT(error(), HasSubstr("found the magic number 0x00000801, expected 0x00000803"));
  folder.write("train-images-idx3-ubyte", idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, noise(24)));
  EXPECT_THAT(error(), HasSubstr("found a header of 4294967295"));
  folder.write("train-images-idx3-ubyte", idx({3, 2, 4}, noise(24)));
  EXPECT_THAT(error(), HasSubstr(labels + ": found 4 labels, expected 3"));
  folder.write("train-images-idx3-ubyte", idx({0, 2, 3}, {}));
  folder.write("train-labels-idx1-ubyte", idx({0}, {}));
  EXPECT_THAT(error(), HasSubstr("found no image"));
  folder.write("train-images-idx3-ubyte", idx({4, 2, 3}, noise(24)));
  folder.write("train-labels-idx1-ubyte", idx({4}, {7, 0, 10, 7}));
  EXPECT_THAT(error(), HasSubstr(labels + ": found the label 10 at index 2, expected 0 … 9"));
}

TEST(Mnist, ADamagedGzipFileIsNamed) {
  const TemporaryDirectory folder;
  write_mnist(folder);
  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  const std::string path =
      folder.write("train-images-idx3-ubyte.gz", Bytes{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2});
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("mnist", folder.path(), 1)); }),
              HasSubstr(path));
}

// Stored blocks: a gzip file that a test can write by hand. The checksum is left out, so only what
// comes out before it can be read.
Bytes gzip_without_end(const Bytes& start, int64_t zero_blocks) {
  Bytes bytes = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  const auto block = [&](const Bytes& content) {
    const auto size = static_cast<uint16_t>(content.size());
    const auto inverse = static_cast<uint16_t>(~size);
    bytes.insert(bytes.end(), {0, static_cast<uint8_t>(size), static_cast<uint8_t>(size >> 8),
                               static_cast<uint8_t>(inverse), static_cast<uint8_t>(inverse >> 8)});
    bytes.insert(bytes.end(), content.begin(), content.end());
  };
  block(start);
  for (int64_t i = 0; i < zero_blocks; ++i) block(Bytes(65535));
  return bytes;
}

// What follows is not even looked at: the file has no end, which would be another error.
TEST(Mnist, MoreThanTheHeaderPromisesIsNotInflated) {
  const TemporaryDirectory folder;
  const auto error = [&] {
    return data_error([&] { open_dataset(dataset_options("mnist", folder.path(), 1)); });
  };
  folder.write("train-labels-idx1-ubyte", idx({4}, {7, 0, 9, 7}));
  const std::string images =
      folder.write("train-images-idx3-ubyte.gz", gzip_without_end(idx({4, 2, 3}, noise(24)), 20));
  EXPECT_EQ(error(),
            images +
                ": found more than 24 bytes after the header, expected 24 (4 × 2 × 3); fetch the "
                "file again, or correct data.train.format");
  std::filesystem::remove(images);
  write_mnist(folder);
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  folder.write("train-labels-idx1-ubyte.gz", gzip_without_end(idx({4}, {7, 0, 9, 7}), 20));
  EXPECT_THAT(error(), HasSubstr("train-labels-idx1-ubyte.gz: found more than 4 bytes after the"));
  folder.write("train-labels-idx1-ubyte.gz", gzip_without_end(idx({4}, {7, 0, 9, 7}), 0));
  EXPECT_THAT(error(), HasSubstr("train-labels-idx1-ubyte.gz: the gzip data ends after"));
  std::filesystem::remove(folder / "train-labels-idx1-ubyte.gz");
  folder.write("train-labels-idx1-ubyte", idx({4}, {7, 0, 9, 7, 5, 5}));
  EXPECT_THAT(error(), HasSubstr("ubyte: found more than 4 bytes after the header, expected 4"));
}

TEST(Mnist, ListsTheFilesOfItsSplit) {
  const TemporaryDirectory folder;
  write_mnist(folder);
  write_mnist(folder, "t10k");
  std::vector<std::pair<std::string, int64_t>> files;
  for (const ListedFile& file : open_dataset(dataset_options("mnist", folder.path(), 1))->files())
    files.emplace_back(file.path, file.size_bytes);
  EXPECT_THAT(files, testing::ElementsAre(testing::Pair("train-images-idx3-ubyte", 16 + 24),
                                          testing::Pair("train-labels-idx1-ubyte", 8 + 4)));
}

TEST(Mnist, TheRealFashionMnist) {
  const std::string path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  DatasetOptions options = dataset_options("mnist", path, 1);
  const auto train = open_dataset(options);
  options.split = Split::test;
  const auto test = open_dataset(options);
  EXPECT_EQ(train->size(), 60000);
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(train->class_names()[train->stratum(0)], "Ankle boot");
  EXPECT_EQ(train->load(0).height, 28);
}

}  // namespace
}  // namespace swin::data
