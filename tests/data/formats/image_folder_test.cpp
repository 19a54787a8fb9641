#include <gmock/gmock.h>

#include "data/decode/decode.h"
#include "data/formats/formats.h"
#include "tests/data/formats/tar_bytes.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"
#include "tests/support/heap_meter.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

void copy_image(const std::string& name, const std::string& to) {
  fs::create_directories(fs::path(to).parent_path());
  fs::copy_file(golden_path("images/" + name), to);
}

class ImageFolderTest : public testing::Test {
 protected:
  ImageFolderTest() {
    copy_image("rgb.png", folder_ / "zebra/2.PNG");
    copy_image("rgb_420.jpg", folder_ / "zebra/deep/1.jpeg");
    copy_image("gray.jpg", folder_ / "Ant/10.jpg");
    copy_image("cmyk.jpg", folder_ / "Ant/9.jpg");
    folder_.write("Ant/notes.txt", "not an image");
    folder_.write("README", "nor this");
  }
  std::string error() const {
    return data_error([&] { open_dataset(dataset_options("image_folder", folder_.path())); });
  }
  TemporaryDirectory folder_;
};

TEST_F(ImageFolderTest, OneFolderIsOneClass) {
  const auto dataset = open_dataset(dataset_options("image_folder", folder_.path()));
  EXPECT_THAT(dataset->class_names(), ElementsAre("Ant", "zebra"));
  ASSERT_EQ(dataset->size(), 4);
  std::vector<std::string> names;
  for (int64_t i = 0; i < 4; ++i) {
    names.push_back(fs::path(dataset->name(i)).lexically_relative(folder_.path()).string());
    EXPECT_EQ(dataset->stratum(i), i < 2 ? 0 : 1);
    EXPECT_EQ(dataset->load(i).height, 37);
    EXPECT_EQ(dataset->load(i).channels, 3);
  }
  EXPECT_THAT(names, ElementsAre("Ant/10.jpg", "Ant/9.jpg", "zebra/2.PNG", "zebra/deep/1.jpeg"));
  EXPECT_EQ(dataset->load(3), read_image(golden_path("images/rgb_420.jpg"), 3));
  EXPECT_EQ(open_dataset(dataset_options("image_folder", folder_.path(), 1))->load(2).channels, 1);
}

TEST_F(ImageFolderTest, FingerprintIsOfNamesAndSizesNotOfThePath) {
  const TemporaryDirectory other;
  fs::copy(folder_.path(), other.path(), fs::copy_options::recursive);
  const auto fingerprint = [](const TemporaryDirectory& where) {
    return open_dataset(dataset_options("image_folder", where.path()))->fingerprint();
  };
  EXPECT_EQ(fingerprint(folder_), fingerprint(other));
  copy_image("rgb.png", other / "zebra/3.png");
  EXPECT_NE(fingerprint(folder_), fingerprint(other));
}

TEST_F(ImageFolderTest, AnEmptyClassIsAnError) {
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(error(), (folder_ / "empty").string() +
                         ": found no image, expected .jpg, .jpeg, .jfif, .png, .webp, .bmp, "
                         ".tif or .tiff files; add images or remove the folder");
  folder_.write("empty/a.gif", "GIF8");
  EXPECT_THAT(error(),
              HasSubstr("found no image, 1 files of other kinds (no image (.gif): a.gif)"));
  // In a set that is measured it is a class that does not occur.
  DatasetOptions options = dataset_options("image_folder", folder_.path());
  options.empty_classes = true;
  const auto dataset = open_dataset(options);
  EXPECT_THAT(dataset->class_names(), ElementsAre("Ant", "empty", "zebra"));
  EXPECT_EQ(dataset->stratum(2), 2);
  EXPECT_THAT(passed_over_of(*dataset, folder_.path().string().size() + 1)
                  .at("class folder without images"),
              ElementsAre("empty"));
  for (const char* name : {"Ant", "zebra"}) fs::remove_all(folder_ / name);
  EXPECT_THAT(data_error([&] { open_dataset(options); }),
              HasSubstr("found no image in the folders of its classes"));
}

TEST_F(ImageFolderTest, NoClassIsAnError) {
  const TemporaryDirectory flat;
  copy_image("rgb.png", flat / "a.png");
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("image_folder", flat.path())); }),
              HasSubstr("found no folder in it, expected one folder for each class"));
}

// Stored as JSON the name would change, and no resume would recognize its classes.
TEST_F(ImageFolderTest, AClassWhoseNameIsNotUtf8IsAnError) {
  copy_image("rgb.png", folder_ / "caf\xE9 \xC3\xA9t\xC3\xA9/1.png");
  EXPECT_EQ(error(), folder_.path().string() +
                         ": found the class caf\\xE9 \xC3\xA9t\xC3\xA9, whose name is not UTF-8, "
                         "expected a name in UTF-8; rename the folder");
  DatasetOptions manifest;
  manifest.format = "manifest";
  manifest.path = folder_.write("list.csv", "path,label\nAnt/9.jpg,\xFFnt\nzebra/2.PNG,zebra\n");
  EXPECT_EQ(data_error([&] { open_dataset(manifest); }),
            manifest.path +
                ":2: found text that is not UTF-8 (Latin-1 or Windows-1252?), expected "
                "UTF-8; save the list as UTF-8");
  Bytes tar;
  add_to_tar(tar, "1.cls", "\xFFnt");
  add_to_tar(tar, "1.png", std::span<const uint8_t>(image_bytes("rgb.png")));
  const std::string shard = folder_.write("a.tar", ended(tar));
  EXPECT_EQ(data_error([&] { open_path(shard); }),
            shard +
                ": found the class \\xFFnt, whose name is not UTF-8, expected a name in UTF-8; "
                "rename it");
}

TEST_F(ImageFolderTest, WebPCountsAndHiddenFilesDoNot) {
  folder_.write("zebra/3.WebP", "RIFF");
  folder_.write("zebra/._2.png", "what a Mac leaves behind");
  folder_.write("zebra/.thumbnails/2.png", "small");
  folder_.write(".git/objects/a.png", "no class");
  const auto dataset = open_dataset(dataset_options("image_folder", folder_.path()));
  EXPECT_THAT(dataset->class_names(), ElementsAre("Ant", "zebra"));
  EXPECT_EQ(dataset->size(), 5);
  EXPECT_EQ(dataset->name(3), folder_ / "zebra/3.WebP");
}

TEST_F(ImageFolderTest, EncodedReturnsTheBytesOfTheFile) {
  const auto dataset = open_dataset(dataset_options("image_folder", folder_.path()));
  ASSERT_TRUE(dataset->holds_files());
  Bytes memory;
  const auto bytes = dataset->encoded(2, memory);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), read_bytes(golden_path("images/rgb.png")));
}

TEST_F(ImageFolderTest, AFileTakesLittleMemoryBesidesItsPath) {
  constexpr int64_t kFiles = 3000;
  const TemporaryDirectory many;
  size_t path_bytes = 0;
  for (int64_t i = 0; i < kFiles; ++i) {
    const std::string name =
        "class_" + std::to_string(i % 10) + "/image_" + std::to_string(i) + ".jpg";
    many.write(name, "");
    path_bytes += name.size();
  }
  const files::testing::HeapMeter meter;
  const auto dataset = open_dataset(dataset_options("image_folder", many.path()));
  EXPECT_EQ(dataset->size(), kFiles);
  EXPECT_LT(meter.held_bytes() - static_cast<int64_t>(path_bytes), kFiles * 20);
  EXPECT_LT(meter.peak_bytes() - static_cast<int64_t>(path_bytes), kFiles * 100);
}

TEST_F(ImageFolderTest, LoadingABadImageNamesIt) {
  const Bytes whole = read_bytes(golden_path("images/rgb_420.jpg"));
  const std::string path = folder_.write("Ant/0.jpg", std::span(whole).first(whole.size() / 2));
  const auto dataset = open_dataset(dataset_options("image_folder", folder_.path()));
  EXPECT_THAT(data_error([&] { dataset->load(0); }),
              AllOf(HasSubstr(path), HasSubstr("damaged JPEG")));
  fs::remove(path);
  EXPECT_THAT(data_error([&] { dataset->load(0); }), HasSubstr(path));
}

}  // namespace
}  // namespace swin::data
