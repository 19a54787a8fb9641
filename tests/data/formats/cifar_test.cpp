#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST(Cifar, ReadsBatchesInOrder) {
  const TemporaryDirectory folder;
  folder.write("data_batch_2.bin", cifar_records(1, 1, 5));
  folder.write("data_batch_10.bin", cifar_records(2, 1, 7));
  folder.write("data_batch_1.bin", cifar_records(3, 1));
  for (const char* number : {"3", "4", "5", "6", "7", "8", "9"})
    folder.write(std::string("data_batch_") + number + ".bin", cifar_records(1, 1, 6));
  folder.write("test_batch.bin", cifar_records(2, 1, 8));
  const auto dataset = open_dataset(dataset_options("cifar10", folder.path()));
  ASSERT_EQ(dataset->size(), 13);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 13; ++i) labels.push_back(dataset->stratum(i));
  EXPECT_THAT(labels, ElementsAre(0, 1, 2, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8));
  EXPECT_EQ(dataset->class_names()[9], "truck");
  const Image image = dataset->load(1);
  EXPECT_EQ(image.height, 32);
  // Pixel 33: the planes have become channels.
  EXPECT_THAT(std::vector<int>(image.pixels.begin() + 99, image.pixels.begin() + 102),
              ElementsAre(33 + 1, 50 + (1024 + 33) % 40 + 1, 100 + (2048 + 33) % 40 + 1));
  DatasetOptions test = dataset_options("cifar10", folder.path(), 1);
  test.split = Split::test;
  EXPECT_EQ(open_dataset(test)->size(), 2);
  EXPECT_EQ(open_dataset(test)->load(0).channels, 1);
}

TEST(Cifar, AHoleInTheRowOfBatchesIsNamed) {
  const auto error = [](std::initializer_list<int> numbers, const std::string& inside = "") {
    const TemporaryDirectory folder;
    for (const int number : numbers)
      folder.write(inside + "data_batch_" + std::to_string(number) + ".bin", cifar_records(1, 1));
    return data_error([&] { open_dataset(dataset_options("cifar10", folder.path())); });
  };
  EXPECT_THAT(error({1, 2, 4, 5}),
              HasSubstr(": found data_batch_5.bin, but not data_batch_3.bin, expected every file "
                        "of the row from data_batch_1.bin on; put what is missing there"));
  EXPECT_THAT(error({2, 3, 4, 5}), HasSubstr("not data_batch_1.bin, expected"));
  EXPECT_THAT(error({2}), HasSubstr("not data_batch_1.bin, expected"));
  EXPECT_THAT(error({1, 3, 5}), HasSubstr("not data_batch_2.bin, data_batch_4.bin, expected"));
  EXPECT_THAT(error({1, 10}), HasSubstr("not data_batch_2.bin, data_batch_3.bin, data_batch_4.bin "
                                        "and 5 more, expected"));
  EXPECT_THAT(error({1, 3}, "cifar-10-batches-bin/"), HasSubstr("not data_batch_2.bin, expected"));
  const TemporaryDirectory folder;
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin"}) {
    folder.write(name, cifar_records(2, 1));
    EXPECT_NO_THROW(open_dataset(dataset_options("cifar10", folder.path()))) << name;
  }
  folder.write("data_batch_mine.bin", cifar_records(1, 1));
  EXPECT_EQ(open_dataset(dataset_options("cifar10", folder.path()))->size(), 5);
}

TEST(Cifar, ABatchThatIsOnlyThereCompressedIsRefused) {
  const TemporaryDirectory folder;
  folder.write("data_batch_1.bin", cifar_records(1, 1));
  folder.write("data_batch_1.bin.gz", Bytes{1});  // a copy
  const DatasetOptions options = dataset_options("cifar10", folder.path());
  EXPECT_EQ(open_dataset(options)->size(), 1);
  folder.write("data_batch_2.bin.gz", Bytes{1});
  EXPECT_THAT(data_error([&] { open_dataset(options); }),
              HasSubstr("data_batch_2.bin.gz: found a compressed batch, expected it unpacked"));
}

TEST(Cifar, ListsTheFilesOfItsSplit) {
  const TemporaryDirectory folder;
  folder.write("cifar-10-batches-bin/data_batch_2.bin", cifar_records(1, 1));
  folder.write("cifar-10-batches-bin/data_batch_1.bin", cifar_records(2, 1));
  folder.write("cifar-10-batches-bin/test_batch.bin", cifar_records(1, 1));
  // The same names, whichever folder the path names.
  for (const std::string path : {folder / "", folder / "cifar-10-batches-bin"}) {
    std::vector<std::pair<std::string, int64_t>> files;
    for (const ListedFile& file : open_dataset(dataset_options("cifar10", path))->files())
      files.emplace_back(file.path, file.size_bytes);
    EXPECT_THAT(files, ElementsAre(testing::Pair("data_batch_1.bin", 2 * 3073),
                                   testing::Pair("data_batch_2.bin", 3073)));
  }
}

TEST(Cifar, ReadsClassNamesAndTheFolderOfTheArchive) {
  const TemporaryDirectory folder;
  folder.write("cifar-10-batches-bin/data_batch_1.bin", cifar_records(3, 1));
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  EXPECT_EQ(open_dataset(dataset_options("cifar10", folder.path()))->class_names()[0], "a");
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\n");
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("cifar10", folder.path())); }),
              HasSubstr("batches.meta.txt: found 2 class names, expected 10"));
}

TEST(Cifar, HundredUsesTheFineLabel) {
  const TemporaryDirectory folder;
  folder.write("train.bin", cifar_records(3, 2, 97));
  const auto dataset = open_dataset(dataset_options("cifar100", folder.path()));
  EXPECT_EQ(dataset->stratum(2), 99);
  EXPECT_EQ(dataset->num_classes(), 100);
  folder.write("train.bin", cifar_records(3, 2, 98));
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("cifar100", folder.path())); }),
              HasSubstr("train.bin: found the label 100 in record 2, expected 0 … 99"));
}

TEST(Cifar, ErrorsNameTheFile) {
  const TemporaryDirectory folder;
  const auto error = [&] {
    return data_error([&] { open_dataset(dataset_options("cifar10", folder.path())); });
  };
  EXPECT_THAT(error(), HasSubstr("found no data_batch_*.bin here or in cifar-10-batches-bin/"));
  Bytes records = cifar_records(2, 1);
  records.pop_back();
  const std::string path = folder.write("data_batch_1.bin", records);
  EXPECT_EQ(error(),
            path +
                ": found 6145 bytes, expected a multiple of 3073 (1 of labels and 3072 of pixels "
                "per record); fetch the file again, or correct data.train.format");
  folder.write("data_batch_1.bin", Bytes{});
  EXPECT_THAT(error(), HasSubstr("found 0 bytes"));
  folder.write("data_batch_1.bin", cifar_records(2, 1, 9));
  EXPECT_THAT(error(), HasSubstr("found the label 10 in record 1, expected 0 … 9"));
}

}  // namespace
}  // namespace swin::data
