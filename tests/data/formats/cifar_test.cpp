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
  folder.write("test_batch.bin", cifar_records(2, 1, 8));
  const auto dataset = open_dataset(dataset_options("cifar10", folder.path()));
  ASSERT_EQ(dataset->size(), 6);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 6; ++i) labels.push_back(dataset->stratum(i));
  EXPECT_THAT(labels, ElementsAre(0, 1, 2, 5, 7, 8));
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
