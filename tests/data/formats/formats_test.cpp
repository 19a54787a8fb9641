#include "data/formats/formats.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "data/formats/format_table.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Formats, RefuseInvalidOptions) {
  const TemporaryDirectory folder;
  const std::string file = folder.write("file", "text");
  EXPECT_THAT(
      data_error([] { open_dataset(dataset_options("mnist", "/no/such/folder")); }),
      HasSubstr("/no/such/folder: found no such folder, expected a folder in the format mnist"));
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("image_folder", file)); }),
              HasSubstr("found a file, expected a folder"));
  EXPECT_THROW(open_dataset(dataset_options("mnist", "")), base::UsageError);
  EXPECT_THROW(open_dataset(dataset_options("minst", folder.path())), base::UsageError);
  EXPECT_THROW(open_dataset(dataset_options("synthetic", "", 4)), base::UsageError);
  DatasetOptions options = dataset_options("synthetic");
  options.fraction_begin = 0.5;
  options.fraction_end = 0.5;
  EXPECT_THROW(open_dataset(options), base::UsageError);
  options.fraction_begin = 0;
  options.fraction_end = 0.001;
  EXPECT_THAT(data_error([&] { open_dataset(options); }),
              HasSubstr("no image in the fraction 0 … 0.001"));
}

TEST(Formats, EveryRowIsOpened) {
  for (const FormatRow& row : format_rows()) {
    const auto refusal = [&]() -> std::string {
      try {
        open_dataset(dataset_options(row.name, "absent"));
      } catch (const base::Error& error) {
        return error.what();
      }
      return "";
    }();
    EXPECT_THAT(refusal, ::testing::Not(HasSubstr("data.format"))) << row.name;
    EXPECT_EQ(refusal.empty(), row.path == PathKind::none) << row.name << ": " << refusal;
  }
  EXPECT_THROW(open_dataset(dataset_options("imagefolder", "absent")), base::UsageError);
}

TEST(Formats, TheHeldOutPartIsMeasured) {
  const TemporaryDirectory folder;
  const std::string path = folder.path();
  EXPECT_EQ(measured_split("mnist", path), Split::test);
  EXPECT_EQ(measured_split("image_folder", path), Split::none);
  EXPECT_EQ(measured_split("label_maps", path), Split::none);
  folder.write("images/val/a.txt", "");
  EXPECT_EQ(measured_split("label_maps", path), Split::validation);
  folder.write("images/test/a.txt", "");
  EXPECT_EQ(measured_split("label_maps", path), Split::test);
  folder.write("leftImg8bit/val/a.txt", "");
  folder.write("leftImg8bit/test/a.txt", "");
  EXPECT_EQ(measured_split("cityscapes", path), Split::validation);
}

TEST(Formats, AreRecognizedByPath) {
  const TemporaryDirectory folder;
  EXPECT_EQ(format_of_path(folder.path()), "image_folder");
  for (const auto& [file, format] : std::vector<std::pair<std::string, std::string>>{
           {"c10/data_batch_1.bin", "cifar10"},
           {"c10_archive/cifar-10-batches-bin/test_batch.bin", "cifar10"},
           {"c100/test.bin", "cifar100"},
           {"mnist/train-images-idx3-ubyte.gz", "mnist"},
           {"fashion/t10k-images.idx3-ubyte", "mnist"},
           {"photos/cat/train.bin", "image_folder"}}) {
    folder.write(file, "");
    EXPECT_EQ(format_of_path(folder / file.substr(0, file.find('/'))), format) << file;
  }
  EXPECT_EQ(format_of_path("x-{0..3}.tar"), "webdataset");
  EXPECT_EQ(format_of_path("x.tar.gz"), "webdataset");
  EXPECT_EQ(format_of_path("x.tgz"), "webdataset");
  EXPECT_EQ(format_of_path("b{0..3}/x.csv"), "manifest");
  folder.write("b{x}.foo", "");
  EXPECT_THAT(data_error([&] { format_of_path(folder / "b{x}.foo"); }),
              HasSubstr("found another file"));
  EXPECT_EQ(format_of_path("x.jsonl"), "manifest");
  EXPECT_THAT(data_error([&] { format_of_path(folder / "x.foo"); }),
              HasSubstr("found no such folder or file"));
}

}  // namespace
}  // namespace swin::data
