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

TEST_F(ManifestTest, NamesThatLookLikeNumbersHaveOneReading) {
  folder_.write("classes.txt", "1\n10\n2\n");
  EXPECT_THAT(labels_of(*open("path,label\na.png,10\nb.png,2\n")),
              ElementsAre(ElementsAre(1), ElementsAre(2)));
  // 0 can only be a class number, so 1 is one, too.
  EXPECT_THAT(labels_of(*open("path,label\na.png,0\nb.png,1\n")),
              ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(error("path,label\na.png,0\nb.png,10\n"),
              HasSubstr(":3: found the label 10, expected 0 … 2"));
}

TEST_F(ManifestTest, NumbersAreNamesWhereAllOfThemAreKnown) {
  DatasetOptions options = dataset_options("manifest", folder_.write("known.csv",
                                                                     "path,label\n"
                                                                     "a.png,12\n"
                                                                     "b.png,1\n"));
  options.num_classes = 3;
  options.known_names = {"1", "11", "12"};
  EXPECT_THAT(open_dataset(options)->class_names(), ElementsAre("1", "12"));
  options.known_names = {"1", "11"};
  EXPECT_THAT(data_error([&] { open_dataset(options); }),
              HasSubstr(":2: found the label 12, expected 0 … 2"));
}

TEST_F(ManifestTest, ClassesTxtIsUtf8WithOrWithoutAMark) {
  folder_.write("classes.txt",
                "\xEF\xBB\xBF"
                "caf\xC3\xA9\nant\n");
  const auto dataset = open("path,label\na.png,caf\xC3\xA9\nb.png,ant\n");
  EXPECT_THAT(dataset->class_names(), ElementsAre("caf\xC3\xA9", "ant"));
  folder_.write("classes.txt", "caf\xE9\nant\n");
  EXPECT_THAT(error("path,label\na.png,ant\n"),
              AllOf(HasSubstr("classes.txt:1: found no name, expected one line"),
                    HasSubstr("save the file as UTF-8")));
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

TEST_F(ManifestTest, TheHeaderTellsTheSeparator) {
  const auto expect = [&](const std::string& text) {
    const auto dataset = open(text);
    EXPECT_THAT(dataset->class_names(), ElementsAre("ant", "bee")) << text;
    EXPECT_THAT(labels_of(*dataset), ElementsAre(ElementsAre(1), ElementsAre(0))) << text;
    EXPECT_EQ(dataset->name(1), folder_ / "d, e.png") << text;
    EXPECT_EQ(dataset->annotation_kind(), AnnotationKind::one_class) << text;
  };
  expect("path,label\na.png,bee\n\"d, e.png\",ant\n");
  expect("path;label\na.png;bee\nd, e.png;ant\n");
  expect("path\tlabel\na.png\tbee\nd, e.png\tant\n");
  expect(
      "\"label\";\"width, cm\";\"path\"\r\n\"bee\";1,5;\"a.png\"\r\n\"ant\";2,5;\"d, e.png\"\r\n");
  expect("sep=;\r\npath;label\r\na.png;bee\r\nd, e.png;ant\r\n");
  expect("sep=;\npath,label\na.png,bee\n\"d, e.png\",ant\n");
  expect("\xEF\xBB\xBFPath ; LABEL\na.png;bee\nd, e.png;ant\n");
  const auto several = open("path;labels\na.png;\"bee;ant\"\nb.png;ant\n");
  EXPECT_THAT(labels_of(*several), ElementsAre(ElementsAre(0, 1), ElementsAre(0)));
}

TEST_F(ManifestTest, ErrorsNameTheSeparator) {
  for (const char* header : {"path|label", "path label", "path:label"})
    EXPECT_THAT(error(std::string(header) + "\na.png|x\n"),
                AllOf(HasSubstr(list() + ":1: found the columns " + header),
                      HasSubstr("separated by commas, semicolons or tabs")));
  EXPECT_THAT(error("path;name\na.png;x\n"),
              HasSubstr(":1: found the columns path,name, expected"));
  EXPECT_THAT(error("path;label\na.png;x;y\n"),
              HasSubstr(":2: found 3 fields, expected the 2 of the header, separated by a "
                        "semicolon; put a field that holds a semicolon into double quotes"));
  EXPECT_THAT(error("path\tlabel\na.png x\n"),
              HasSubstr(":2: found 1 fields, expected the 2 of the "
                        "header, separated by a tab"));
  EXPECT_THAT(error("path;label\n\"a.png\"x;y\n"),
              HasSubstr(":2: found text after a closing quote, expected a semicolon"));
  EXPECT_THAT(error("Path;PATH;label\na.png;b;x\n"), HasSubstr(":1: found the column path twice"));
}

std::string utf16(const std::u16string& text, bool big_endian) {
  std::string bytes;
  for (const char16_t unit : u"\uFEFF" + text) {
    const char low = static_cast<char>(unit & 255), high = static_cast<char>(unit >> 8);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  }
  return bytes;
}

TEST_F(ManifestTest, ReadsUtf16) {
  folder_.write("\u732B.png", read_bytes(golden_path("images/rgb.png")));
  for (const bool big_endian : {false, true}) {
    const auto dataset =
        open(utf16(u"path\tlabel\r\n\u732B.png\tcaf\u00E9\r\na.png\t\U0001F41D\r\n", big_endian));
    EXPECT_THAT(dataset->class_names(), ElementsAre("caf\u00E9", "\U0001F41D"));
    EXPECT_EQ(dataset->name(0), folder_ / "\u732B.png");
    const auto json = open(utf16(u"{\"path\": \"a.png\", \"label\": \"\u00E9\"}\n", big_endian));
    EXPECT_THAT(json->class_names(), ElementsAre("\u00E9"));
    const std::string whole = utf16(u"path,label\na.png,x\n", big_endian);
    EXPECT_THAT(error(whole.substr(0, whole.size() - 1)), HasSubstr(":2: found damaged UTF-16"));
    for (const auto& bad : {std::u16string(u"path,label\na.png,") + char16_t(0xD83D) + u"\n",
                            std::u16string(u"path,label\na.png,") + char16_t(0xDC1D) + u"\n",
                            std::u16string(u"path,label\na.png,") + char16_t(0xD83D)})
      EXPECT_THAT(error(utf16(bad, big_endian)), HasSubstr(":2: found damaged UTF-16"));
    EXPECT_THAT(error(whole.substr(2)), HasSubstr(":1: found UTF-16 without a byte order mark"));
  }
}

TEST_F(ManifestTest, OtherEncodingsAreNamedByLine) {
  const std::string line =
      ": found text that is not UTF-8 (Latin-1 or Windows-1252?), expected "
      "UTF-8; save the list as UTF-8";
  EXPECT_EQ(error("path,label\na.png,x\nb.png,caf\xE9\n"), list() + ":3" + line);
  EXPECT_EQ(error("path,label\na.png,x\ncaf\xE9.png,x\n"), list() + ":3" + line);
  EXPECT_EQ(error("path,cat\xE9gorie\na.png,x\n"), list() + ":1" + line);
  // A file may be called so.
  folder_.write("caf\xE9.png", read_bytes(golden_path("images/rgb.png")));
  EXPECT_EQ(open("path,label\ncaf\xE9.png,x\n")->size(), 1);
}

TEST_F(ManifestTest, ListsOfOneLabelEachDependOnTheTask) {
  DatasetOptions options = dataset_options("manifest", "");
  for (const char* text : {"path,labels\na.png,cat\nb.png,dog\n",
                           "{\"path\":\"a.png\",\"labels\":[\"cat\"]}\n"
                           "{\"path\":\"b.png\",\"labels\":[\"dog\", \"dog\"]}\n"}) {
    options.path = folder_.write("list.csv", text);
    options.label_rows = false;
    const auto one = open_dataset(options);
    EXPECT_EQ(one->annotation_kind(), AnnotationKind::one_class);
    options.label_rows = true;
    const auto lists = open_dataset(options);
    EXPECT_EQ(lists->annotation_kind(), AnnotationKind::classes);
    EXPECT_EQ(labels_of(*one), labels_of(*lists));
    EXPECT_EQ(one->fingerprint(), lists->fingerprint());
  }
}

TEST_F(ManifestTest, ListsItsFiles) {
  const auto dataset = open("path,label\n./deep/c.png,x\ngone.png,x\na.png,y\n");
  const auto bytes = static_cast<int64_t>(fs::file_size(folder_ / "a.png"));
  std::vector<std::pair<std::string, int64_t>> files;
  for (const ListedFile& file : dataset->files()) files.emplace_back(file.path, file.size_bytes);
  EXPECT_THAT(files, ElementsAre(testing::Pair("deep/c.png", bytes), testing::Pair("gone.png", -1),
                                 testing::Pair("a.png", bytes)));
}

TEST_F(ManifestTest, TheEndingOfAListMayBeInCapitals) {
  for (const char* name : {"LIST.CSV", "list.Csv", "list.tsv", "A.JSONL"})
    EXPECT_EQ(format_of_path(folder_.write(name, "path,label\na.png,x\n")), "manifest") << name;
  EXPECT_EQ(format_of_path("shard-{000..001}.TAR"), "webdataset");
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

TEST_F(ManifestTest, OneClassAndSplitsAsClassesAreWarnedOf) {
  EXPECT_THAT(open("path,label\na.png,cat\nb.png,cat\n")->warnings(),
              ElementsAre(HasSubstr("found one class alone, cat, ")));
  EXPECT_THAT(open("path,label\na.png,train\nb.png,val\n")->warnings(),
              ElementsAre(HasSubstr("found classes named train and val, as splits are")));
  EXPECT_THAT(open("path,label\na.png,cat\nb.png,dog\n")->warnings(), testing::IsEmpty());
}

}  // namespace
}  // namespace swin::data
