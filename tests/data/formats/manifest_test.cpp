#include <gmock/gmock.h>

#include <set>

#include "data/decode/decode.h"
#include "data/formats/formats.h"
#include "data/formats/manifest_rows.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    for (const char* name : {"a.png", "b.png", "deep/c.png", "d, e.png"})
      folder_.write(name, read_bytes(golden_path("images/rgb.png")));
  }
  std::unique_ptr<Dataset> open(const std::string& text, int64_t num_classes = 0,
                                const std::string& file = "list.csv") const {
    DatasetOptions options = dataset_options("manifest", folder_.write(file, text));
    options.num_classes = num_classes;
    return open_dataset(options);
  }
  std::string error(const std::string& text, int64_t num_classes = 0) const {
    return data_error([&] { open(text, num_classes); });
  }
  std::string list() const { return folder_ / "list.csv"; }
  TemporaryDirectory folder_;
};

std::vector<std::vector<int64_t>> labels_of(const Dataset& dataset) {
  std::vector<std::vector<int64_t>> labels;
  for (int64_t i = 0; i < dataset.size(); ++i) labels.push_back(classes_of(dataset.annotation(i)));
  return labels;
}

TEST_F(ManifestTest, ReadsCsv) {
  const auto dataset = open(
      "\xEF\xBB\xBFid,label,path\r\n1,zebra,a.png\r\n\r\n"
      "2,\"Ant \"\"x\"\"\",\"d, e.png\"\r\n3, zebra ,deep/c.png");
  EXPECT_THAT(dataset->class_names(), ElementsAre("Ant \"x\"", "zebra"));
  EXPECT_THAT(labels_of(*dataset), ElementsAre(ElementsAre(1), ElementsAre(0), ElementsAre(1)));
  EXPECT_EQ(dataset->annotation_kind(), AnnotationKind::one_class);
  EXPECT_EQ(dataset->name(1), folder_ / "d, e.png");
  EXPECT_EQ(dataset->load(2), read_image(golden_path("images/rgb.png"), 3));
}

TEST_F(ManifestTest, ReadsJsonLines) {
  const auto dataset = open(
      "{\"path\": \"a.png\", \"label\": 1, \"width\": 3}\n\n{\"label\": \"0\", \"path\": "
      "\"b.png\"}\n");
  EXPECT_THAT(dataset->class_names(), ElementsAre("0", "1"));
  EXPECT_EQ(dataset->stratum(0), 1);
  EXPECT_EQ(dataset->annotation_kind(), AnnotationKind::one_class);
}

TEST_F(ManifestTest, SeveralLabelsMakeItMultiLabel) {
  const auto expect = [](const Dataset& dataset) {
    EXPECT_EQ(dataset.annotation_kind(), AnnotationKind::classes);
    EXPECT_THAT(dataset.class_names(), ElementsAre("bird", "cat", "dog"));
    EXPECT_THAT(labels_of(dataset),
                ElementsAre(ElementsAre(1, 2), ElementsAre(0), ElementsAre(0, 2)));
    EXPECT_EQ(dataset.stratum(0), 1);
  };
  expect(*open("path,label\na.png,dog;cat\nb.png,bird\ndeep/c.png,bird; dog;bird\n"));
  expect(*open("path,labels\na.png,cat;dog\nb.png,bird\ndeep/c.png,bird;dog\n"));
  expect(
      *open("{\"path\":\"a.png\",\"labels\":[\"dog\",\"cat\"]}\n"
            "{\"path\":\"b.png\",\"label\":\"bird\"}\n"
            "{\"path\":\"deep/c.png\",\"labels\":[\"bird\",\"dog\"]}\n"));
  const auto none = open("path,labels\na.png,cat\nb.png,\n");
  EXPECT_THAT(labels_of(*none), ElementsAre(ElementsAre(0), ElementsAre()));
  EXPECT_EQ(none->stratum(1), 0);
}

TEST_F(ManifestTest, FractionsOfMultiLabelSetsAreDisjoint) {
  DatasetOptions options;
  options.format = "manifest";
  options.path = folder_.write("list.csv",
                               "path,label\na.png,x;y\nb.png,x\ndeep/c.png,x\n"
                               "\"d, e.png\",x;y\n");
  std::set<std::string> names;
  for (const auto& [begin, end] : {std::pair(0.0, 0.75), std::pair(0.75, 1.0)}) {
    options.fraction_begin = begin, options.fraction_end = end;
    const auto part = open_dataset(options);
    EXPECT_EQ(part->annotation_kind(), AnnotationKind::classes);
    for (int64_t i = 0; i < part->size(); ++i) {
      EXPECT_TRUE(names.insert(part->name(i)).second);
      EXPECT_EQ(classes_of(part->annotation(i)).size(),
                part->name(i).ends_with("a.png") || part->name(i).ends_with("e.png") ? 2u : 1u);
      Bytes memory;
      EXPECT_GT(part->encoded(i, memory).size(), 0u);
    }
  }
  EXPECT_EQ(names.size(), 4u);
}

TEST_F(ManifestTest, LabelsOutOfRangeAreNamed) {
  EXPECT_THAT(error("path,label\na.png,0\nb.png,-1\n"),
              HasSubstr(list() + ":3: found the label -1, expected a class number from 0 on"));
  EXPECT_THAT(error("path,label\na.png,0\nb.png,99\n"),
              HasSubstr(list() + ":3: found the label 99, but no image of class 1"));
  EXPECT_THAT(error("path,label\na.png,0\nb.png,99999999999999999999\n"),
              HasSubstr(":3: found the label 99999999999999999999, expected 0 … "));
  EXPECT_THAT(error("path,label\na.png,0\nb.png,2\n", 2),
              HasSubstr(":3: found the label 2, expected 0 … 1: out of range"));
  EXPECT_EQ(open("path,label\na.png,0\nb.png,2\n", 5)->num_classes(), 5);
}

TEST_F(ManifestTest, ClassesTxtGivesOrderAndRange) {
  folder_.write("classes.txt", "zebra\nant\r\nbee\n\n");
  const auto dataset = open("path,label\na.png,ant\nb.png,0\n");
  EXPECT_THAT(dataset->class_names(), ElementsAre("zebra", "ant", "bee"));
  EXPECT_THAT(labels_of(*dataset), ElementsAre(ElementsAre(1), ElementsAre(0)));
  EXPECT_THAT(labels_of(*open("path,label\na.png,ant;1;zebra\n")), ElementsAre(ElementsAre(0, 1)));
  EXPECT_THAT(error("path,label\na.png,wasp\n"),
              AllOf(HasSubstr(":2: found the label wasp, expected one of the 3 classes of"),
                    HasSubstr("classes.txt")));
  EXPECT_THAT(error("path,label\na.png,3\n"), HasSubstr(":2: found the label 3, expected 0 … 2"));
  folder_.write("classes.txt", "a\nb\na\n");
  EXPECT_THAT(error("path,label\na.png,a\n"), HasSubstr("classes.txt:3: found the class a again"));
}

TEST_F(ManifestTest, PathsMustStayInside) {
  const TemporaryDirectory outside;
  outside.write("s.png", "secret");
  for (const std::string path : {"../s.png", "deep/../../s.png", "/etc/passwd"})
    EXPECT_THAT(error("path,label\na.png,x\n" + path + ",x\n"),
                HasSubstr(list() + ":3: found the path " + path + ", expected one inside"));
  fs::create_symlink(outside / "s.png", folder_ / "link.png");
  fs::create_directory_symlink(outside.path(), folder_ / "linked");
  fs::create_symlink("a.png", folder_ / "inside.png");
  EXPECT_THAT(error("path,label\nlink.png,x\n"), HasSubstr(":2: found the path link.png"));
  EXPECT_THAT(error("path,label\nlinked/s.png,x\n"), HasSubstr("a link leads out"));
  EXPECT_EQ(open("path,label\ninside.png,x\n")->size(), 1);
}

TEST_F(ManifestTest, EqualPathsAreRecognized) {
  const auto dataset = open("path , label\n./a.png,x\ndeep/.//c.png,y\n");
  EXPECT_EQ(dataset->name(0), folder_ / "a.png");
  EXPECT_EQ(dataset->name(1), folder_ / "deep/c.png");
  for (const char* again : {"./a.png", ".//./a.png"})
    EXPECT_THAT(error(std::string("path,label\na.png,x\n") + again + ",y\n"),
                HasSubstr(std::string(":3: found ") + again + " again, line 2 has it too"));
  const std::string absolute = fs::canonical(folder_.path()).string() + "/deep/c.png";
  EXPECT_THAT(error("path,label\n" + absolute + ",x\n"),
              HasSubstr(": it is absolute; write it relative to there, as deep/c.png"));
}

TEST_F(ManifestTest, ErrorsNameTheLine) {
  EXPECT_THAT(error("[{\"path\":\"a.png\",\"label\":1}]\n"),
              HasSubstr("found a JSON array, expected JSON Lines"));
  EXPECT_THAT(error(""), HasSubstr("found no row"));
  EXPECT_THAT(error("path,label\n"), HasSubstr("found no image"));
  EXPECT_THAT(error("a.png,cat\nb.png,dog\n"),
              HasSubstr(list() + ":1: found the columns a.png,cat, expected a header with path"));
  EXPECT_THAT(error("path,class\na.png,cat\n"), HasSubstr(":1: found the columns path,class"));
  EXPECT_THAT(error("path,label,path\na.png,cat,b\n"), HasSubstr("the column path twice"));
  EXPECT_THAT(error("path,label\na.png,cat,3\n"), HasSubstr(":2: found 3 fields, expected the 2"));
  EXPECT_THAT(error("path,label\na.png,\n"), HasSubstr(":2: found no label"));
  EXPECT_THAT(error("path,label\n,x\n"), HasSubstr(":2: found no path"));
  EXPECT_THAT(error("path,label\na.png,x\nb.png,\"x\n\n"), HasSubstr(":3: found a quote that is"));
  EXPECT_THAT(error("path,label\na.png,\"x\"y\n"), HasSubstr(":2: found text after a closing"));
  EXPECT_THAT(error("path,label\na.png,x\na.png,y\n"),
              HasSubstr(":3: found a.png again, line 2 has it too, expected every image once"));
  EXPECT_THAT(error("path,label\nno.png,x\n"), HasSubstr(":2: found no file"));
  EXPECT_THAT(error("path,label\nno.png,x\nnor.png,x\n"),
              HasSubstr("no.png, nor any of the 1 other rows, expected the images it lists"));
  EXPECT_THAT(error("{\"path\":\"a.png\",\"label\":1}\n{\"path\":3,\"label\":1}\n"),
              HasSubstr(":2: found a line without path and label"));
  EXPECT_THAT(error("{\"path\":\"a.png\",\"label\":[1]}\n"), HasSubstr("a label that is array"));
  EXPECT_THAT(error("{\"path\":\"a.png\",\"label\":1\n"), HasSubstr(list() + ":1: "));
}

TEST(ManifestRows, LinesEndAtLfCrlfOrCr) {
  for (const char* text : {"path,label\na,0\nb,1\n", "path,label\r\na,0\r\nb,1\r\n",
                           "path,label\ra,0\rb,1\r", "path,label\na,0\rb,1"}) {
    std::vector<int64_t> lines;
    read_manifest(text, "list.csv", [&](const ManifestRow& row) { lines.push_back(row.line); });
    EXPECT_EQ(lines, (std::vector<int64_t>{2, 3})) << text;
  }
}

TEST_F(ManifestTest, AMissingFileIsABadImage) {
  const auto dataset = open("path,label\na.png,x\ngone.png,x\n");
  EXPECT_EQ(dataset->size(), 2);
  EXPECT_THAT(data_error([&] { dataset->load(1); }), HasSubstr("gone.png: no such file"));
}

TEST_F(ManifestTest, FingerprintCoversLabelsAndSizes) {
  const std::string one = open("path,label\na.png,x\nb.png,y\n")->fingerprint();
  EXPECT_EQ(open("path,label\na.png,x\nb.png,y\n", 0, "other.csv")->fingerprint(), one);
  EXPECT_NE(open("path,label\na.png,x\nb.png,x\n")->fingerprint(), one);
  folder_.write("b.png", "another");
  EXPECT_NE(open("path,label\na.png,x\nb.png,y\n")->fingerprint(), one);
}

}  // namespace
}  // namespace swin::data
