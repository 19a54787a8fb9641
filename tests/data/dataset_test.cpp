#include "data/dataset.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <set>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Bytes idx(std::vector<uint32_t> shape, const Bytes& values) {
  Bytes bytes = {0, 0, 8, static_cast<uint8_t>(shape.size())};
  for (const uint32_t side : shape) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<uint8_t>(side >> shift));
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

DatasetOptions options_of(const std::string& format, const std::string& path,
                          int64_t channels = 3) {
  DatasetOptions options;
  options.format = format;
  options.path = path;
  options.channels = channels;
  return options;
}

void write_mnist(const TemporaryDirectory& folder, const std::string& start = "train") {
  folder.write(start + "-images-idx3-ubyte", idx({4, 2, 3}, noise(24)));
  folder.write(start + "-labels-idx1-ubyte", idx({4}, {7, 0, 9, 7}));
}

TEST(Mnist, ReadsTheUsualFiles) {
  const TemporaryDirectory folder;
  write_mnist(folder);
  write_mnist(folder, "t10k");
  const auto dataset = open_dataset(options_of("mnist", folder.path(), 1));
  ASSERT_EQ(dataset->size(), 4);
  EXPECT_EQ(dataset->label(2), 9);
  EXPECT_EQ(dataset->name(2), "train #2");
  EXPECT_EQ(dataset->class_names()[3], "3");
  EXPECT_EQ(dataset->num_classes(), 10);
  const Bytes pixels = noise(24);
  EXPECT_EQ(dataset->load(3), (Image{2, 3, 1, Bytes(pixels.begin() + 18, pixels.end())}));
  const Image color = open_dataset(options_of("mnist", folder.path(), 3))->load(3);
  EXPECT_EQ(color.channels, 3);
  EXPECT_EQ(color.pixels[3], pixels[19]);
  EXPECT_EQ(color.pixels[5], pixels[19]);
  DatasetOptions test = options_of("mnist", folder.path(), 1);
  test.split = Split::test;
  EXPECT_EQ(open_dataset(test)->name(0), "test #0");
}

TEST(Mnist, FingerprintIsTheContent) {
  const TemporaryDirectory folder, other;
  write_mnist(folder);
  write_mnist(other);
  const auto fingerprint = [](const TemporaryDirectory& where) {
    return open_dataset(options_of("mnist", where.path(), 1))->fingerprint();
  };
  EXPECT_EQ(fingerprint(folder), fingerprint(other));
  EXPECT_EQ(fingerprint(folder).size(), 64u);
  other.write("train-labels-idx1-ubyte", idx({4}, {7, 0, 9, 8}));
  EXPECT_NE(fingerprint(folder), fingerprint(other));
}

TEST(Mnist, FashionHasItsOwnClassNames) {
  const TemporaryDirectory folder;
  for (const char* start : {"Fashion-MNIST/train"}) write_mnist(folder, start);
  const auto dataset = open_dataset(options_of("mnist", folder / "Fashion-MNIST", 1));
  EXPECT_EQ(dataset->class_names()[9], "Ankle boot");
}

TEST(Mnist, BrokenFilesAreNamed) {
  const TemporaryDirectory folder;
  const auto error = [&] {
    return data_error([&] { open_dataset(options_of("mnist", folder.path(), 1)); });
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
  EXPECT_THAT(error(), HasSubstr(labels + ": found the label 10 at place 2, expected 0 … 9"));
}

TEST(Mnist, ADamagedGzipFileIsNamed) {
  const TemporaryDirectory folder;
  write_mnist(folder);
  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  const std::string path =
      folder.write("train-images-idx3-ubyte.gz", Bytes{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2});
  EXPECT_THAT(data_error([&] { open_dataset(options_of("mnist", folder.path(), 1)); }),
              HasSubstr(path));
}

TEST(Mnist, TheRealFashionMnist) {
  const std::string path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  DatasetOptions options = options_of("mnist", path, 1);
  const auto train = open_dataset(options);
  options.split = Split::test;
  const auto test = open_dataset(options);
  EXPECT_EQ(train->size(), 60000);
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(train->class_names()[train->label(0)], "Ankle boot");
  EXPECT_EQ(train->load(0).height, 28);
}

Bytes cifar_records(int64_t records, int64_t label_bytes, uint8_t first_label = 0) {
  Bytes bytes;
  for (int64_t i = 0; i < records; ++i) {
    if (label_bytes == 2) bytes.push_back(19);  // coarse
    bytes.push_back(static_cast<uint8_t>(first_label + i));
    for (int64_t p = 0; p < 3072; ++p)
      bytes.push_back(static_cast<uint8_t>(p / 1024 * 50 + p % 40 + i));
  }
  return bytes;
}

TEST(Cifar, ReadsBatchesInTheirOrder) {
  const TemporaryDirectory folder;
  folder.write("data_batch_2.bin", cifar_records(1, 1, 5));
  folder.write("data_batch_10.bin", cifar_records(2, 1, 7));
  folder.write("data_batch_1.bin", cifar_records(3, 1));
  folder.write("test_batch.bin", cifar_records(2, 1, 8));
  const auto dataset = open_dataset(options_of("cifar10", folder.path()));
  ASSERT_EQ(dataset->size(), 6);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 6; ++i) labels.push_back(dataset->label(i));
  EXPECT_THAT(labels, ElementsAre(0, 1, 2, 5, 7, 8));
  EXPECT_EQ(dataset->class_names()[9], "truck");
  const Image image = dataset->load(1);
  EXPECT_EQ(image.height, 32);
  // Pixel 33: planes become channels.
  EXPECT_THAT(std::vector<int>(image.pixels.begin() + 99, image.pixels.begin() + 102),
              ElementsAre(33 + 1, 50 + (1024 + 33) % 40 + 1, 100 + (2048 + 33) % 40 + 1));
  DatasetOptions test = options_of("cifar10", folder.path(), 1);
  test.split = Split::test;
  EXPECT_EQ(open_dataset(test)->size(), 2);
  EXPECT_EQ(open_dataset(test)->load(0).channels, 1);
}

TEST(Cifar, TakesNamesAndTheFolderOfTheArchive) {
  const TemporaryDirectory folder;
  folder.write("cifar-10-batches-bin/data_batch_1.bin", cifar_records(3, 1));
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  EXPECT_EQ(open_dataset(options_of("cifar10", folder.path()))->class_names()[0], "a");
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\n");
  EXPECT_THAT(data_error([&] { open_dataset(options_of("cifar10", folder.path())); }),
              HasSubstr("batches.meta.txt: found 2 class names, expected 10"));
}

TEST(Cifar, HundredUsesTheFineLabel) {
  const TemporaryDirectory folder;
  folder.write("train.bin", cifar_records(3, 2, 97));
  const auto dataset = open_dataset(options_of("cifar100", folder.path()));
  EXPECT_EQ(dataset->label(2), 99);
  EXPECT_EQ(dataset->num_classes(), 100);
  folder.write("train.bin", cifar_records(3, 2, 98));
  EXPECT_THAT(data_error([&] { open_dataset(options_of("cifar100", folder.path())); }),
              HasSubstr("train.bin: found the label 100 in record 2, expected 0 … 99"));
}

TEST(Cifar, BrokenFilesAreNamed) {
  const TemporaryDirectory folder;
  const auto error = [&] {
    return data_error([&] { open_dataset(options_of("cifar10", folder.path())); });
  };
  EXPECT_THAT(error(), HasSubstr("found no data_batch_*.bin here or in cifar-10-batches-bin/"));
  Bytes records = cifar_records(2, 1);
  records.pop_back();
  const std::string path = folder.write("data_batch_1.bin", records);
  EXPECT_EQ(error(),
            path +
                ": found 6145 bytes, expected a multiple of 3073 (1 of labels, 3072 of pixels "
                "a record); fetch the file again, or correct data.train.format");
  folder.write("data_batch_1.bin", Bytes{});
  EXPECT_THAT(error(), HasSubstr("found 0 bytes"));
  folder.write("data_batch_1.bin", cifar_records(2, 1, 9));
  EXPECT_THAT(error(), HasSubstr("found the label 10 in record 1, expected 0 … 9"));
}

TEST(Dataset, RefusesWhatMakesNoSense) {
  const TemporaryDirectory folder;
  const std::string file = folder.write("file", "text");
  EXPECT_THAT(
      data_error([] { open_dataset(options_of("mnist", "/no/such/folder")); }),
      HasSubstr("/no/such/folder: found no such folder, expected a folder in the format mnist"));
  EXPECT_THAT(data_error([&] { open_dataset(options_of("image_folder", file)); }),
              HasSubstr("found a file, expected a folder"));
  EXPECT_THROW(open_dataset(options_of("mnist", "")), base::UsageError);
  EXPECT_THROW(open_dataset(options_of("minst", folder.path())), base::UsageError);
  EXPECT_THROW(open_dataset(options_of("synthetic", "", 4)), base::UsageError);
  DatasetOptions options = options_of("synthetic", "");
  options.fraction_begin = 0.5;
  options.fraction_end = 0.5;
  EXPECT_THROW(open_dataset(options), base::UsageError);
  options.fraction_begin = 0;
  options.fraction_end = 0.001;
  EXPECT_THAT(data_error([&] { open_dataset(options); }),
              HasSubstr("no image in the fraction 0 … 0.001"));
  EXPECT_THAT(dataset_formats(),
              ElementsAre("mnist", "cifar10", "cifar100", "image_folder", "manifest", "webdataset",
                          "hdf5", "packed", "synthetic"));
}

TEST(Fraction, PartsAreDisjointCoverAndKeepTheClasses) {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 1003; ++i) labels.push_back(i * i % 7);
  for (const double cut : {0.75, 0.9, 0.3, 1 - 0.7, 0.005, 0.5}) {
    const auto front = stratified_fraction(labels, 7, 0, cut, 3);
    const auto back = stratified_fraction(labels, 7, cut, 1, 3);
    std::set<int64_t> all(front.begin(), front.end());
    all.insert(back.begin(), back.end());
    EXPECT_EQ(front.size() + back.size(), labels.size());
    EXPECT_EQ(all.size(), labels.size());
    for (int64_t c = 0; c < 7; ++c) {
      const auto of_class = [&](const std::vector<int64_t>& kept) {
        return std::count_if(kept.begin(), kept.end(),
                             [&](int64_t i) { return labels[static_cast<size_t>(i)] == c; });
      };
      std::vector<int64_t> whole(labels.size());
      std::iota(whole.begin(), whole.end(), 0);
      EXPECT_NEAR(static_cast<double>(of_class(front)), cut * static_cast<double>(of_class(whole)),
                  0.51);
    }
  }
  EXPECT_EQ(stratified_fraction(labels, 7, 0, 0.5, 3), stratified_fraction(labels, 7, 0, 0.5, 3));
  EXPECT_NE(stratified_fraction(labels, 7, 0, 0.5, 3), stratified_fraction(labels, 7, 0, 0.5, 4));
  EXPECT_EQ(stratified_fraction(labels, 7, 0, 1 - 0.7, 3),
            stratified_fraction(labels, 7, 0, 0.3, 3));
  // A shuffle, not the front of the file.
  EXPECT_GT(stratified_fraction(labels, 7, 0, 0.1, 3).back(), 700);
}

TEST(Fraction, OfADatasetKeepsItsImages) {
  DatasetOptions options = options_of("synthetic", "");
  options.synthetic_samples = 200;
  const auto whole = open_dataset(options);
  options.fraction_end = 0.75;
  const auto front = open_dataset(options);
  options.fraction_begin = 0.75;
  options.fraction_end = 1;
  const auto back = open_dataset(options);
  EXPECT_EQ(front->size(), 150);
  EXPECT_EQ(back->size(), 50);
  EXPECT_NE(front->fingerprint(), back->fingerprint());
  std::set<std::string> names;
  for (const auto* part : {front.get(), back.get()}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      names.insert(part->name(i));
      const int64_t place = std::stoll(part->name(i).substr(part->name(i).find('#') + 1));
      ASSERT_EQ(part->label(i), whole->label(place));
      ASSERT_EQ(part->load(i), whole->load(place));
    }
  }
  EXPECT_EQ(names.size(), 200u);
}

TEST(Synthetic, IsAFunctionOfItsSeed) {
  DatasetOptions options = options_of("synthetic", "");
  options.synthetic_size = {20, 31};
  options.synthetic_samples = 40;
  options.seed = 5;
  const auto one = open_dataset(options), same = open_dataset(options);
  options.seed = 6;
  const auto other = open_dataset(options);
  options.seed = 5;
  options.split = Split::test;
  const auto test = open_dataset(options);
  ASSERT_EQ(one->size(), 40);
  EXPECT_EQ(one->num_classes(), 10);
  EXPECT_EQ(one->fingerprint(), same->fingerprint());
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  EXPECT_NE(one->fingerprint(), test->fingerprint());
  std::set<int64_t> labels;
  for (int64_t i = 39; i >= 0; --i) {
    const Image image = one->load(i);
    EXPECT_EQ(image.height, 20);
    EXPECT_EQ(image.width, 31);
    EXPECT_EQ(image, same->load(i));
    EXPECT_NE(image, other->load(i));
    EXPECT_NE(image, test->load(i));
    labels.insert(one->label(i));
  }
  EXPECT_EQ(labels.size(), 10u);
  // Equal on every machine.
  options.split = Split::train;
  EXPECT_EQ(sha256_of(open_dataset(options)->load(7).pixels),
            "227639944de8e8f9b1fd3942fd5cd62dadf17d4e44251b55a93b62a6444c8e3c");
  options.channels = 1;
  EXPECT_EQ(open_dataset(options)->load(0).channels, 1);
}

TEST(Synthetic, ANearestMeanTellsTheClassesApart) {
  DatasetOptions options = options_of("synthetic", "", 1);
  options.synthetic_size = {16, 16};
  options.synthetic_samples = 1000;
  const auto train = open_dataset(options);
  options.split = Split::test;
  options.synthetic_samples = 200;
  const auto test = open_dataset(options);
  std::vector<std::vector<double>> means(10, std::vector<double>(256));
  const auto centered = [](const Image& image) {
    std::vector<double> values(image.pixels.begin(), image.pixels.end());
    double mean = 0, square = 0;
    for (const double v : values) mean += v / 256;
    for (const double v : values) square += (v - mean) * (v - mean);
    for (double& v : values) v = (v - mean) / std::sqrt(square);
    return values;
  };
  for (int64_t i = 0; i < train->size(); ++i) {
    const auto values = centered(train->load(i));
    for (size_t p = 0; p < 256; ++p) means[static_cast<size_t>(train->label(i))][p] += values[p];
  }
  int64_t correct = 0;
  for (int64_t i = 0; i < test->size(); ++i) {
    const auto values = centered(test->load(i));
    size_t best = 0;
    double best_score = -1e9;
    for (size_t c = 0; c < 10; ++c) {
      const double score = std::inner_product(values.begin(), values.end(), means[c].begin(), 0.0);
      if (score > best_score) best = c, best_score = score;
    }
    correct += static_cast<int64_t>(best) == test->label(i);
  }
  EXPECT_GT(correct, 60) << "of 200; chance is 20";
}

}  // namespace
}  // namespace swin::data
