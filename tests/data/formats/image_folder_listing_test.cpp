// What is in an image folder beside plain images: links, other endings, other files.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class ImageFolderListing : public testing::Test {
 protected:
  ImageFolderListing() {
    put("rgb.png", "ant/1.png");
    put("rgb.png", "bee/deep/1.png");
  }
  void put(const std::string& image, const std::string& to) const {
    const fs::path path = root_ / to;
    fs::create_directories(path.parent_path());
    fs::copy_file(golden_path("images/" + image), path);
  }
  void link(const std::string& target, const std::string& from) const {
    fs::create_directories(fs::path(root_ / from).parent_path());
    fs::create_symlink(target, root_ / from);
  }
  std::unique_ptr<Dataset> open(bool follow_links = true) const {
    DatasetOptions options = dataset_options("image_folder", root_);
    options.follow_links = follow_links;
    return open_dataset(options);
  }
  size_t prefix() const { return root_.string().size() + 1; }
  Names names(const Dataset& dataset) const {
    Names all;
    for (int64_t i = 0; i < dataset.size(); ++i) {
      all.push_back(dataset.name(i).substr(prefix()));
      EXPECT_EQ(dataset.load(i).height, 37) << all.back();
    }
    return all;
  }
  std::map<std::string, Names> passed(const Dataset& dataset) const {
    return passed_over_of(dataset, prefix());
  }
  TemporaryDirectory folder_;
  fs::path root_ = folder_ / "set";
};

TEST_F(ImageFolderListing, LinksAreFollowedWhereverTheyLead) {
  const TemporaryDirectory store;
  for (const char* name : {"x/1.jpg", "x/deep/2.jpg", "bees/9.jpg"}) {
    fs::create_directories((store.path() / name).parent_path());
    fs::copy_file(golden_path("images/rgb_420.jpg"), store / name);
  }
  link("1.png", "ant/inside.png");
  link(store / "x/1.jpg", "ant/outside.jpg");
  link(fs::relative(store / "x/1.jpg", root_ / "ant"), "ant/relative.jpg");
  link(store / "x", "ant/folder");
  link("../bee/deep", "ant/other_class");
  link(store / "bees", "wasp");  // a class
  link("outside.jpg", "ant/twice.jpg");
  const auto dataset = open();
  EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "bee", "wasp"));
  EXPECT_THAT(names(*dataset),
              ElementsAre("ant/1.png", "ant/folder/1.jpg", "ant/folder/deep/2.jpg",
                          "ant/inside.png", "ant/other_class/1.png", "ant/outside.jpg",
                          "ant/relative.jpg", "ant/twice.jpg", "bee/deep/1.png", "wasp/9.jpg"));
  EXPECT_EQ(dataset->stratum(9), 2);
  EXPECT_THAT(passed(*dataset), IsEmpty());
  EXPECT_THAT(dataset->warnings(), IsEmpty());
}

TEST_F(ImageFolderListing, LinksMayBePassedOver) {
  link("1.png", "ant/inside.png");
  link("../bee/deep", "ant/deep");
  link("bee", "wasp");
  link("nowhere", "ant/broken");
  const auto dataset = open(false);
  EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "bee"));
  EXPECT_THAT(names(*dataset), ElementsAre("ant/1.png", "bee/deep/1.png"));
  EXPECT_THAT(
      passed(*dataset),
      ElementsAre(Pair("link", ElementsAre("ant/broken", "ant/deep", "ant/inside.png", "wasp"))));
}

// A file on two ways is two images, as torchvision reads it; a ring has no end, and is left where
// it begins again.
TEST_F(ImageFolderListing, RingsEnd) {
  link("..", "bee/deep/up");          // to the class
  link("../..", "bee/deep/root");     // to the root
  link("/", "bee/all");               // to what holds the root
  link("again", "bee/again");         // to itself
  link("deep", "bee/twin");           // no ring
  link("../cat/there", "ant/there");  // two that lead to each other
  put("rgb.png", "cat/there/1.png");
  link("../../ant", "cat/there/back");
  link(".", "whole");  // a class folder that is the root
  const auto dataset = open();
  EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "bee", "cat"));
  EXPECT_THAT(names(*dataset),
              ElementsAre("ant/1.png", "ant/there/1.png", "bee/deep/1.png", "bee/twin/1.png",
                          "cat/there/1.png", "cat/there/back/1.png"));
  EXPECT_THAT(
      passed(*dataset),
      ElementsAre(Pair("ring of links",
                       UnorderedElementsAre("ant/there/back", "bee/again", "bee/all",
                                            "bee/deep/root", "bee/deep/up", "bee/twin/root",
                                            "bee/twin/up", "cat/there/back/there", "whole"))));
}

TEST_F(ImageFolderListing, ManyFoldersThatLinkToEachOtherAreRefused) {
  for (int a = 0; a < 9; ++a)
    for (int b = 0; b < 9; ++b)
      link("../" + std::to_string(b), "ant/" + std::to_string(a) + "/" + std::to_string(b));
  EXPECT_THAT(data_error([&] { open(); }), AllOf(HasSubstr("found over 1000 ways over links to "),
                                                 HasSubstr("data.follow_links")));
  EXPECT_EQ(open(false)->size(), 2);
}

TEST_F(ImageFolderListing, BrokenLinksAreNamed) {
  link("nothing.png", "ant/gone.png");
  link("1.png/under_a_file", "ant/under.png");
  link("/nowhere/at/all", "ant/deep/folder");
  link("gone", "ant/second");
  link("second", "ant/first");
  EXPECT_THAT(
      passed(*open()),
      ElementsAre(Pair("broken link", ElementsAre("ant/deep/folder", "ant/first", "ant/gone.png",
                                                  "ant/second", "ant/under.png"))));
  // It could be a class.
  link("elsewhere/wasp", "wasp");
  const auto dataset = open();
  EXPECT_EQ(passed(*dataset).at("broken link").back(), "wasp");
  EXPECT_THAT(dataset->warnings(),
              ElementsAre(AllOf(HasSubstr("broken link " + (root_ / "wasp").string()),
                                HasSubstr("correct or remove the link"))));
}

// The first bytes tell.
TEST_F(ImageFolderListing, ImagesMayHaveAnyName) {
  put("rgb.bmp", "ant/bits");
  put("rgb_420.jpg", "ant/browser.JPE");
  put("rgb_420.jpg", "ant/CAPITALS.JPEG");
  put("rgb.png", "ant/no_ending");
  put("gray_inverted.tif", "ant/scan.0");
  put("rgb.png", "ant/wrong.txt");
  put("rgb.png", "ant/n01440764.0001");
  put("rgb.png", "ant/ends.");
  link("no_ending", "ant/also_none");
  EXPECT_THAT(names(*open()),
              ElementsAre("ant/1.png", "ant/CAPITALS.JPEG", "ant/also_none", "ant/bits",
                          "ant/browser.JPE", "ant/ends.", "ant/n01440764.0001", "ant/no_ending",
                          "ant/scan.0", "ant/wrong.txt", "bee/deep/1.png"));
}

TEST_F(ImageFolderListing, EverythingElseIsNamedByReason) {
  folder_.write("set/ant/notes.txt", "an ant");
  folder_.write("set/ant/Notes.TXT", "an ant");
  folder_.write("set/ant/list", "1.png");
  folder_.write("set/ant/empty.gif", "");
  folder_.write("set/ant/almost.dat", "\xFF\xD8");
  folder_.write("set/ant/BMW.md", "BMW, 320i: bees and ants");
  put("gray_inverted.tif", "ant/raw.DNG");  // a camera's: its first page is a thumbnail
  folder_.write("set/ant/.DS_Store", "x");
  folder_.write("set/bee/.thumbnails/1.png", "x");
  folder_.write("set/.git/config", "x");
  folder_.write("set/README.md", "x");
  folder_.write("set/classes.txt", "ant\nbee\n");
  put("rgb.png", "loose.png");
  link("ant/1.png", "linked.png");
  ASSERT_EQ(::mkfifo((root_ / "bee/pipe.png").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((root_ / "bee/pipe").c_str(), 0600), 0);
  link("/dev/null", "bee/device.jpg");
  const auto dataset = open();
  EXPECT_EQ(dataset->size(), 2);
  EXPECT_THAT(
      passed(*dataset),
      ElementsAre(
          Pair("beside the class folders", ElementsAre("README.md", "linked.png", "loose.png")),
          Pair("hidden", ElementsAre(".git", "ant/.DS_Store", "bee/.thumbnails")),
          Pair("no image (.dat)", ElementsAre("ant/almost.dat")),
          Pair("no image (.dng)", ElementsAre("ant/raw.DNG")),
          Pair("no image (.gif)", ElementsAre("ant/empty.gif")),
          Pair("no image (.md)", ElementsAre("ant/BMW.md")),
          Pair("no image (.txt)", ElementsAre("ant/Notes.TXT", "ant/notes.txt")),
          Pair("no image (no ending)", ElementsAre("ant/list")),
          Pair("no regular file", ElementsAre("bee/device.jpg", "bee/pipe", "bee/pipe.png"))));
  // A part of the set says it, too.
  DatasetOptions options = dataset_options("image_folder", root_);
  options.fraction_begin = 0.25;
  EXPECT_EQ(passed(*open_dataset(options)), passed(*dataset));
}

TEST_F(ImageFolderListing, NumberedFilesAreOneReason) {
  for (int i = 0; i < 100; ++i) folder_.write("set/ant/log." + std::to_string(1000 + i), "text");
  folder_.write("set/ant/odd.a b", "text");
  for (int i = 0; i < 2; ++i) folder_.write("set/ant/" + std::to_string(i) + ".csv", "text");
  const auto all = passed(*open());
  EXPECT_LE(all.size(), 10u);
  EXPECT_EQ(all.at("no image (.csv)").size(), 2u);
  size_t count = 0;
  for (const auto& [reason, names] : all) count += names.size();
  EXPECT_EQ(count, 103u);
}

TEST_F(ImageFolderListing, FilesHaveTheirSizes) {
  fs::rename(root_ / "bee/deep/1.png", root_ / "bee/none");
  const auto size = static_cast<int64_t>(fs::file_size(golden_path("images/rgb.png")));
  const auto files = open()->files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1].path, "bee/none");
  EXPECT_EQ(files[1].size_bytes, size);
  DatasetOptions options = dataset_options("image_folder", root_);
  put("rgb.png", "bee/other");
  put("rgb.png", "ant/2.png");
  options.fraction_end = 0.5;
  const auto half = open_dataset(options);
  ASSERT_EQ(half->files().size(), 2u);
  for (int64_t i = 0; i < 2; ++i)
    EXPECT_EQ(root_ / half->files()[static_cast<size_t>(i)].path, half->name(i));
}

// The same letter may be written as one character or as two.
TEST_F(ImageFolderListing, ClassesAreComparedComposed) {
  for (const char* name : {"caf\u00e9/1.png", "cafz/1.png"}) put("rgb.png", name);
  const auto composed = open();
  fs::rename(root_ / "caf\u00e9", root_ / "cafe\u0301");
  const auto decomposed = open();
  EXPECT_THAT(composed->class_names(), ElementsAre("ant", "bee", "cafz", "caf\u00e9"));
  EXPECT_EQ(decomposed->class_names(), composed->class_names());
  EXPECT_EQ(names(*decomposed).back(), "cafe\u0301/1.png");
  put("rgb.png", "caf\u00e9/2.png");
  EXPECT_THAT(data_error([&] { open(); }),
              AllOf(HasSubstr("found two folders of the class caf\u00e9"),
                    HasSubstr("cafe\\xcc\\x81"), HasSubstr("caf\\xc3\\xa9")));
}

TEST_F(ImageFolderListing, SplitsAsClassesAreWarnedOf) {
  const auto warnings_for = [&](const Names& classes) {
    fs::remove_all(root_);
    for (const std::string& name : classes) put("rgb.png", name + "/ant/1.png");
    return open()->warnings();
  };
  const auto both = [&](const std::string& a, const std::string& b) {
    return ElementsAre(AllOf(HasSubstr(a + " and " + b), HasSubstr("one level too high"),
                             HasSubstr((root_ / a).string() + ", " + (root_ / b).string())));
  };
  EXPECT_THAT(warnings_for({"train", "val"}), both("train", "val"));
  EXPECT_THAT(warnings_for({"Training", "Validation", "labels"}), both("Training", "Validation"));
  EXPECT_THAT(warnings_for({"test2017", "train2017"}), both("train2017", "test2017"));
  EXPECT_THAT(warnings_for({"seg_pred", "seg_test", "seg_train"}), both("seg_train", "seg_test"));
  EXPECT_THAT(warnings_for({"car", "train"}), IsEmpty());  // a railway
  EXPECT_THAT(warnings_for({"contest", "trainer", "strain"}), IsEmpty());
}

TEST_F(ImageFolderListing, OneClassIsWarnedOf) {
  fs::remove_all(root_);
  put("rgb.png", "ant/1.png");
  EXPECT_THAT(open()->warnings(), ElementsAre(HasSubstr("found one class alone, ant, ")));
  fs::remove_all(root_);
  put("rgb.png", "train/1.png");
  EXPECT_THAT(open()->warnings(), ElementsAre(AllOf(HasSubstr("named train, as a split is"),
                                                    HasSubstr((root_ / "train").string()))));
  // An archive that was unpacked into a folder of its name.
  fs::remove_all(root_);
  for (const char* name : {"photos/ant/1.png", "photos/bee/1.png"}) put("rgb.png", name);
  EXPECT_THAT(open()->warnings(),
              ElementsAre(AllOf(HasSubstr("holds folders alone"), HasSubstr("archive"),
                                HasSubstr("give " + (root_ / "photos").string()))));
}

}  // namespace
}  // namespace swin::data
