#include <gmock/gmock.h>

#include "data/decode/decode.h"
#include "data/formats/formats.h"
#include "tests/data/formats/tar_bytes.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class WebDatasetTest : public testing::Test {
 protected:
  std::unique_ptr<Dataset> open(const std::string& pattern, int64_t num_classes = 0) const {
    DatasetOptions options = dataset_options("webdataset", folder_ / pattern);
    options.num_classes = num_classes;
    return open_dataset(options);
  }
  std::string error(const Bytes& tar) const {
    folder_.write("bad.tar", tar);
    return data_error([&] { open("bad.tar"); });
  }
  // Two samples, with names as labels.
  static Bytes two() {
    Bytes tar;
    add_to_tar(tar, "./x/", "", '5');
    add_to_tar(tar, "./x/1.jpg", image_bytes("rgb_420.jpg"));
    add_to_tar(tar, "./x/1.json", "{}");
    add_to_tar(tar, "./x/1.cls", "zebra\n");
    add_to_tar(tar, "./x/._2.png", "hidden");
    add_to_tar(tar, "2.cls", "ant");
    add_to_tar(tar, "2.seg.png", "a mask");
    add_to_tar(tar, "2.PNG", image_bytes("rgb.png"));
    return tar;
  }
  static void add_to_tar(Bytes& tar, const std::string& name, const Bytes& bytes) {
    data::add_to_tar(tar, name, std::span(bytes));
  }
  static void add_to_tar(Bytes& tar, const std::string& name, const std::string& text) {
    data::add_to_tar(tar, name, text);
  }
  static void add_to_tar(Bytes& tar, const std::string& name, const std::string&, char type) {
    data::add_to_tar(tar, name, Bytes(), type);
  }
  TemporaryDirectory folder_;
};

TEST_F(WebDatasetTest, ReadsImagesFromTheShard) {
  folder_.write("a.tar", ended(two()));
  const auto dataset = open("a.tar");
  EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "zebra"));
  ASSERT_EQ(dataset->size(), 2);
  EXPECT_EQ(dataset->stratum(0), 1);
  EXPECT_EQ(dataset->stratum(1), 0);
  EXPECT_EQ(dataset->name(0), folder_ / "a.tar: x/1.jpg");
  EXPECT_EQ(dataset->load(0), read_image(golden_path("images/rgb_420.jpg"), 3));
  EXPECT_EQ(dataset->load(1), read_image(golden_path("images/rgb.png"), 3));
  Bytes memory;
  const auto bytes = dataset->encoded(1, memory);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), image_bytes("rgb.png"));
}

TEST_F(WebDatasetTest, AnExistingFileIsNoPatternAndAStarIsNoRange) {
  folder_.write("a{x}.tar", ended(two()));
  EXPECT_EQ(open("a{x}.tar")->size(), 2);
  EXPECT_THROW(open("b{x}.tar"), base::UsageError);
  try {
    open("a-*.tar");
    ADD_FAILURE() << "expected an error";
  } catch (const base::UsageError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("a-*.tar: found this pattern of shards, expected a range in "
                          "braces; write it as shard-{0000..0012}.tar"));
  }
}

TEST_F(WebDatasetTest, ARangeNamesItsShards) {
  EXPECT_THAT(shard_paths("x-{08..10}.tar"), ElementsAre("x-08.tar", "x-09.tar", "x-10.tar"));
  EXPECT_THAT(shard_paths("{1..2}/{0..1}.tar"),
              ElementsAre("1/0.tar", "1/1.tar", "2/0.tar", "2/1.tar"));
  EXPECT_THAT(shard_paths("plain.tar"), ElementsAre("plain.tar"));
  for (const char* bad : {"x{1..}", "x{2..1}", "x{a..b}", "x{1,2}", "x{1", "x{0..999999999}"})
    EXPECT_THROW(shard_paths(bad), base::UsageError) << bad;
  for (int shard = 0; shard < 3; ++shard) {
    Bytes tar;
    add_to_tar(tar, "k.png", image_bytes("rgb.png"));
    add_to_tar(tar, "k.cls", std::to_string(2 - shard));
    folder_.write("s-00" + std::to_string(shard) + ".tar", ended(tar));
  }
  const auto dataset = open("s-{000..002}.tar");
  ASSERT_EQ(dataset->size(), 3);
  EXPECT_EQ(dataset->stratum(0), 2);
  EXPECT_EQ(dataset->stratum(2), 0);
  EXPECT_EQ(dataset->name(2), folder_ / "s-002.tar: k.png");
  EXPECT_THAT(
      data_error([&] { open("s-{000..003}.tar"); }),
      HasSubstr("s-{000..003}.tar: found 3 of 4 shards, not s-003.tar, expected every one of "
                "the range; fetch them, or correct the range"));
  EXPECT_THAT(data_error([&] { open("s-{000..099}.tar"); }),
              HasSubstr("found 3 of 100 shards, not s-003.tar, s-004.tar, s-005.tar and 94 more"));
  EXPECT_THAT(data_error([&] { open("x-{000..002}.tar"); }), HasSubstr("; correct the path"));
  EXPECT_THAT(data_error([&] { open("s-{000..002}.tar", 2); }),
              HasSubstr("s-000.tar: k.cls: found the label 2, expected 0 … 1"));
  std::filesystem::remove(folder_ / "s-001.tar");
  EXPECT_THAT(data_error([&] { open("s-{000..002}.tar"); }),
              HasSubstr("found 2 of 3 shards, not s-001.tar, expected"));
}

TEST_F(WebDatasetTest, EveryTruncationIsAnError) {
  const Bytes whole = ended(two());
  const size_t payload = whole.size() - 1024;
  for (size_t size = 0; size <= payload; size += size < 4096 ? 256 : 512) {
    const std::string text = error(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    EXPECT_THAT(text, HasSubstr("bad.tar")) << size;
    if (size == 768) {  // inside of a header
      EXPECT_THAT(text, HasSubstr("found a damaged or truncated archive, expected a complete tar"));
    }
  }
  EXPECT_THAT(error(two()), HasSubstr("without the zeros of a complete tar: it is truncated"));
  Bytes joined = whole;
  joined.insert(joined.end(), whole.begin(), whole.end());
  EXPECT_THAT(error(joined), HasSubstr("found bytes after the end"));
}

TEST_F(WebDatasetTest, BrokenSamplesAreNamed) {
  Bytes tar = two();
  add_to_tar(tar, "2.jpg", image_bytes("rgb_420.jpg"));
  EXPECT_THAT(error(ended(tar)), HasSubstr("found 2.PNG and 2.jpg, expected one image per key"));
  tar = two();
  add_to_tar(tar, "2.cls", "ant");
  EXPECT_THAT(error(ended(tar)), HasSubstr("found 2.cls and 2.cls, expected one label per key"));
  tar = two();
  add_to_tar(tar, "4.cls", " \n");
  add_to_tar(tar, "4.png", image_bytes("rgb.png"));
  EXPECT_THAT(error(ended(tar)), HasSubstr("bad.tar: 4.cls: found no label"));
  EXPECT_THAT(error(ended({})), HasSubstr("found no image"));
  tar.clear();
  add_to_tar(tar, "1.gif", "GIF8");
  add_to_tar(tar, "1.cls", "ant");
  EXPECT_THAT(error(ended(tar)),
              HasSubstr("found no image (of field that is not read: 1, of member without partner: "
                        "1), expected .jpg, "));
}

TEST_F(WebDatasetTest, WhatIsNotLearnedFromIsNamed) {
  Bytes tar = two();
  add_to_tar(tar, "3.png", image_bytes("rgb.png"));
  add_to_tar(tar, "4.cls", "ant");
  add_to_tar(tar, "5.gif", "GIF8");  // images in other formats are no images here
  add_to_tar(tar, "5.CLS", "ant");
  add_to_tar(tar, "6", image_bytes("rgb.png"));
  add_to_tar(tar, "6.crop.PNG", image_bytes("rgb.png"));
  add_to_tar(tar, "6.crop.cls", "ant");
  add_to_tar(tar, "v1.2/7.png", image_bytes("rgb.png"));  // dots of folders do not count
  add_to_tar(tar, "v1.2/7.cls", "ant");
  folder_.write("a.tar", ended(tar));
  const auto dataset = open("a.tar");
  ASSERT_EQ(dataset->size(), 3);
  EXPECT_EQ(dataset->name(2), folder_ / "a.tar: v1.2/7.png");
  const size_t skipped = (folder_ / "a.tar: ").string().size();
  using testing::Pair;
  EXPECT_THAT(passed_over_of(*dataset, skipped),
              ElementsAre(Pair("field that is not read",
                               ElementsAre("2.seg.png", "5.gif", "6.crop.PNG", "6.crop.cls")),
                          Pair("hidden", ElementsAre("x/._2.png")),
                          Pair("member without an ending", ElementsAre("6")),
                          Pair("member without partner", ElementsAre("3.png", "4.cls", "5.CLS"))));
}

// By WebDataset's rule a name's key ends at its first dot, whoever wrote the archive.
TEST_F(WebDatasetTest, AKeyThatWouldMergeSamplesIsRefused) {
  Bytes tar;
  for (const char* name : {"ant.001", "ant.002"}) {
    add_to_tar(tar, name + std::string(".jpg"), image_bytes("rgb_420.jpg"));
    add_to_tar(tar, name + std::string(".cls"), "ant");
  }
  EXPECT_THAT(error(ended(tar)),
              AllOf(HasSubstr("found ant.001.jpg and ant.002.jpg, each with a label, under the key "
                              "ant (a name up to its first dot), expected one sample per key"),
                    HasSubstr("no other dot")));
  tar = two();
  add_to_tar(tar, "2.crop.jpg", image_bytes("rgb_420.jpg"));
  add_to_tar(tar, "2.crop.cls", "ant");
  EXPECT_THAT(error(ended(tar)), HasSubstr("found 2.PNG and 2.crop.jpg, each with a label"));
  // Several views of one sample are fields.
  tar.clear();
  add_to_tar(tar, "1.jpg", image_bytes("rgb_420.jpg"));
  for (const char* view : {"1.left.jpg", "1.right.jpg", "1.right.png"})
    add_to_tar(tar, view, image_bytes("rgb_420.jpg"));
  add_to_tar(tar, "1.cls", "ant");
  folder_.write("views.tar", ended(tar));
  EXPECT_EQ(open("views.tar")->size(), 1);
}

TEST_F(WebDatasetTest, NamesOfClassesAreComparedComposed) {
  Bytes tar;
  add_to_tar(tar, "1.png", image_bytes("rgb.png"));
  add_to_tar(tar, "1.cls", "the\u0301");
  add_to_tar(tar, "2.png", image_bytes("rgb.png"));
  add_to_tar(tar, "2.cls", "th\u00e9");
  folder_.write("a.tar", ended(tar));
  folder_.write("classes.txt", "th\u00e9\ncafe\u0301\n");
  const auto dataset = open("a.tar");
  EXPECT_THAT(dataset->class_names(), ElementsAre("th\u00e9", "caf\u00e9"));
  EXPECT_EQ(dataset->stratum(0), 0);
  EXPECT_EQ(dataset->stratum(1), 0);
  folder_.write("classes.txt", "th\u00e9\nthe\u0301\n");
  EXPECT_THAT(data_error([&] { open("a.tar"); }),
              HasSubstr("classes.txt:2: found the class th\u00e9 again"));
}

TEST_F(WebDatasetTest, FilesAreTheImages) {
  folder_.write("d/s-0/a.tar", ended(two()));
  folder_.write("d/s-1/a.tar", ended(two()));
  const auto files = open("d/s-{0..1}/a.tar")->files();
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[0].path, "s-0/a.tar: x/1.jpg");
  EXPECT_EQ(files[3].path, "s-1/a.tar: 2.PNG");
  EXPECT_EQ(files[3].size_bytes, static_cast<int64_t>(image_bytes("rgb.png").size()));
  EXPECT_EQ(open("d/s-0/a.tar")->files()[0].path, "a.tar: x/1.jpg");
}

TEST_F(WebDatasetTest, NamesBeyondAsciiAreRead) {
  Bytes tar;
  add_pax_header(tar, {{"path", "caf\u00e9/\u732b.png"}, {"uname", "Zo\u00eb"}});
  add_to_tar(tar, "x", image_bytes("rgb.png"));
  add_pax_header(tar, {{"path", "caf\u00e9/\u732b.cls"}});
  add_to_tar(tar, "x", "th\u00e9");
  add_to_tar(tar, "\xE9.png", image_bytes("rgb.png"));
  add_to_tar(tar, "\xE9.cls", "the\u0301");  // equal, though written otherwise
  folder_.write("a.tar", ended(tar));
  const auto dataset = open("a.tar");
  ASSERT_EQ(dataset->size(), 2);
  EXPECT_EQ(dataset->name(0), folder_ / "a.tar: caf\u00e9/\u732b.png");
  EXPECT_THAT(dataset->class_names(), ElementsAre("th\u00e9"));
  EXPECT_THAT(dataset->warnings(), ElementsAre(HasSubstr("found one class alone, th\u00e9")));
  EXPECT_EQ(dataset->load(1), read_image(golden_path("images/rgb.png"), 3));
}

// As in the package webdataset.
TEST_F(WebDatasetTest, AKeyInTwoShardsIsTwoSamples) {
  Bytes tar;
  add_to_tar(tar, "a/7.jpg", image_bytes("rgb_420.jpg"));
  add_to_tar(tar, "a/7.cls", "ant");
  add_to_tar(tar, "b/7.cls", "bee");  // the folder is part of the key
  add_to_tar(tar, "b/7.png", image_bytes("rgb.png"));
  folder_.write("s-0.tar", ended(tar));
  tar.clear();
  add_to_tar(tar, "a/7.jpg", image_bytes("gray.jpg"));
  add_to_tar(tar, "a/7.cls", "wasp");
  add_to_tar(tar, "b/7.png", "no image");
  add_to_tar(tar, "b/7.cls", "bee");
  folder_.write("s-1.tar", ended(tar));
  const auto dataset = open("s-{0..1}.tar");
  ASSERT_EQ(dataset->size(), 4);
  EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "bee", "wasp"));
  std::vector<std::string> names;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 4; ++i) {
    names.push_back(dataset->name(i));
    labels.push_back(dataset->stratum(i));
  }
  EXPECT_THAT(names, ElementsAre(folder_ / "s-0.tar: a/7.jpg", folder_ / "s-0.tar: b/7.png",
                                 folder_ / "s-1.tar: a/7.jpg", folder_ / "s-1.tar: b/7.png"));
  EXPECT_THAT(labels, ElementsAre(0, 1, 2, 1));
  EXPECT_EQ(dataset->load(0), read_image(golden_path("images/rgb_420.jpg"), 3));
  EXPECT_EQ(dataset->load(2), read_image(golden_path("images/gray.jpg"), 3));
  EXPECT_THAT(data_error([&] { dataset->load(3); }), HasSubstr("s-1.tar: b/7.png: found"));
}

TEST_F(WebDatasetTest, AKeyThatIsNotInARowIsRefused) {
  Bytes tar = two();
  add_to_tar(tar, "x/1.png", image_bytes("rgb.png"));
  EXPECT_THAT(error(ended(tar)),
              AllOf(HasSubstr("bad.tar: found x/1.png apart from the earlier files of its key, "
                              "expected all files of a key in a row"),
                    HasSubstr("tar --sort=name")));
  // Also if the repeated file, or the file between, is neither image nor label.
  tar = two();
  add_to_tar(tar, "x/1.txt", "text");
  EXPECT_THAT(error(ended(tar)), HasSubstr("found x/1.txt apart from"));
  tar.clear();
  add_to_tar(tar, "1.cls", "ant");
  add_to_tar(tar, "2.json", "{}");
  add_to_tar(tar, "1.png", image_bytes("rgb.png"));
  EXPECT_THAT(error(ended(tar)), HasSubstr("found 1.png apart from"));
  // Hidden files and names without extension have no key; they may lie between.
  tar.clear();
  add_to_tar(tar, "readme.txt", "text");
  add_to_tar(tar, "1.cls", "ant");
  add_to_tar(tar, "._1.png", "hidden");
  add_to_tar(tar, "MANIFEST", "text");
  add_to_tar(tar, "1.png", image_bytes("rgb.png"));
  add_to_tar(tar, "zz.json", "{}");
  folder_.write("good.tar", ended(tar));
  EXPECT_EQ(open("good.tar")->size(), 1);
}

TEST_F(WebDatasetTest, RefusesWhatIsNotAPlainTar) {
  EXPECT_THAT(error({}), HasSubstr("found an empty file"));
  EXPECT_THAT(error(noise(4096)), HasSubstr("bad.tar: "));
  EXPECT_THAT(error({0x1f, 0x8b, 8, 0}), HasSubstr("found a compressed archive"));
  Bytes tar = two();
  add_to_tar(tar, "../out.png", image_bytes("rgb.png"));
  EXPECT_THAT(error(ended(tar)), HasSubstr("holds the name ../out.png"));
  tar = two();
  add_to_tar(tar, "link.png", "", '2');
  EXPECT_THAT(error(ended(tar)), HasSubstr("link.png is a link or device"));
  tar = ended(two());
  tar[2000] ^= 1;  // inside an image: found when the image is loaded
  folder_.write("changed.tar", tar);
  EXPECT_EQ(open("changed.tar")->size(), 2);
}

TEST_F(WebDatasetTest, AShardThatIsTruncatedWhileInUseIsAnError) {
  folder_.write("a.tar", ended(two()));
  const auto dataset = open("a.tar");
  std::filesystem::resize_file(folder_ / "a.tar", 1000);
  EXPECT_THAT(data_error([&] { dataset->load(1); }),
              AllOf(HasSubstr("a.tar: 2.PNG"), HasSubstr("it was truncated while in use")));
}

}  // namespace
}  // namespace swin::data
