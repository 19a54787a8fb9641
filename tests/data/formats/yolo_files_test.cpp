// Label files and data.yaml of YOLO, honest and hostile.
#include <gmock/gmock.h>

#include "data/formats/yolo_data_file.h"
#include "data/formats/yolo_labels.h"
#include "tests/data/test_files.h"
#include "tests/support/heap_meter.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

YoloLabels labels(const std::string& text, int64_t classes = 0) {
  return read_yolo_labels(text, "a.txt", classes);
}
std::string labels_refusal(const std::string& text, int64_t classes = 0) {
  const std::string error = data_error([&] { labels(text, classes); });
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_THAT(error, StartsWith("a.txt"));
  return error;
}

TEST(YoloLabels, BoxesAndPolygons) {
  const YoloLabels read = labels(
      "0 0.5 0.5 1 1\r\n\n 2.0\t0 0 1 0 .5 1.01 \n1 -0.01 0 +0.25 2e-1\n0 0.5 0.5 1 1\n"
      "0 0.50 0.5 1 1.0",
      3);
  ASSERT_EQ(read.rows.size(), 3u);
  EXPECT_EQ(read.rows[0].class_index, 0);
  EXPECT_TRUE(read.rows[0].is_box());
  EXPECT_EQ(read.rows[1].class_index, 2);
  EXPECT_THAT(read.rows[1].numbers, ElementsAre(0, 0, 1, 0, .5, 1.01));
  EXPECT_EQ(read.rows[2].line, 4);
  EXPECT_THAT(read.rows[2].numbers, ElementsAre(-0.01, 0, 0.25, 0.2));
  EXPECT_THAT(read.repeated, ElementsAre(5, 6));
  EXPECT_THAT(labels("").rows, IsEmpty());
  EXPECT_THAT(labels("\xEF\xBB\xBF\n").rows, IsEmpty());
}

TEST(YoloLabels, WrongRowsAreNamedWithLineAndValue) {
  EXPECT_THAT(labels_refusal("0 0 0 1 1\n3 0 0 1 1\n", 3),
              HasSubstr("a.txt:2: found the class 3, expected 0 … 2; correct the row, or add the "
                        "name of the class"));
  EXPECT_THAT(labels_refusal("-1 0 0 1 1"),
              HasSubstr("found the class -1, expected a class number"));
  EXPECT_THAT(labels_refusal("0.5 0 0 1 1"), HasSubstr("found the class 0.5"));
  EXPECT_THAT(labels_refusal("1e30 0 0 1 1"), HasSubstr("found the class 1e30"));
  EXPECT_THAT(labels_refusal("cat 0 0 1 1"),
              HasSubstr("a.txt:1: found \"cat\", expected a number"));
  EXPECT_THAT(labels_refusal("0 nan 0 1 1"), HasSubstr("found \"nan\", expected a number"));
  EXPECT_THAT(labels_refusal("0 0 1e308 1 1"),
              HasSubstr("a.txt:1: found 1e308, expected a part of the width or height, 0 … 1; "
                        "divide pixels by the width or height of the image, or remove the row"));
  EXPECT_THAT(labels_refusal("0 0 1e999 1 1"), HasSubstr("found \"1e999\""));
  EXPECT_THAT(labels_refusal("0 0 0.5 1.0101 1"), HasSubstr("found 1.0101"));
  EXPECT_THAT(labels_refusal("0 -0.0101 0.5 1 1"), HasSubstr("found -0.0101"));
  EXPECT_THAT(labels_refusal("0 0 0 1"), HasSubstr("found 4 numbers, expected class x y width"));
  EXPECT_THAT(
      labels_refusal("0 0 0 1 1 0.9"),
      HasSubstr("found 6 numbers, expected class x y width height, or a class and the x and "
                "y of at least 3 points; remove the sixth number if it is the score"));
  EXPECT_THAT(labels_refusal("0 0 0 1 1 0 1 1"), HasSubstr("found 8 numbers"));
  EXPECT_THAT(labels_refusal("0,0,0,1,1"), HasSubstr("found \"0,0,0,1,1\""));
  EXPECT_THAT(labels_refusal(std::string("0 0 0 1 \0", 9)), HasSubstr("expected a number"));
}

TEST(YoloLabels, LongRowsTakeNoMoreThanTheirNumbers) {
  std::string row = "0";
  for (int i = 0; i < 1'000'000; ++i) row += " 0.";
  const files::testing::HeapMeter meter;
  EXPECT_EQ(labels(row).rows.at(0).numbers.size(), 1'000'000u);
  EXPECT_LT(meter.peak_bytes(), 64 << 20);
  EXPECT_THAT(labels_refusal(std::string(kMaxYoloBytes + 1, ' ')), HasSubstr("expected at most"));
}

YoloDataFile yaml(const std::string& text) { return read_yolo_data_file(text, "data.yaml"); }
std::string yaml_refusal(const std::string& text) {
  const std::string error = data_error([&] { yaml(text); });
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_THAT(error, StartsWith("data.yaml"));
  return error;
}

TEST(YoloDataFile, NamesAsAListOrAMap) {
  const YoloDataFile list = yaml(
      "# a comment\npath: ../x\ntrain: images/train\nval: [a, 'b c']\ntest:  # none\n"
      "nc: 2\nnames: ['cat', \"d\\u00F6g\"]\ndownload: |\n  import os\n");
  EXPECT_EQ(list.path, "../x");
  EXPECT_THAT(list.parts[0], ElementsAre("images/train"));
  EXPECT_THAT(list.parts[1], ElementsAre("a", "b c"));
  EXPECT_THAT(list.parts[2], IsEmpty());
  EXPECT_THAT(list.names, ElementsAre("cat", "d\xC3\xB6g"));
  EXPECT_EQ(list.num_classes, 2);
  const YoloDataFile map = yaml("validation: v\nnames:\n  1: no\n  0: 12\n");
  EXPECT_THAT(map.names, ElementsAre("12", "no"));
  EXPECT_EQ(map.num_classes, 2);
  EXPECT_THAT(map.parts[1], ElementsAre("v"));
  EXPECT_EQ(yaml("nc: 80").num_classes, 80);
  EXPECT_THAT(yaml("nc: 80").names, IsEmpty());
}

TEST(YoloDataFile, AnchorsOfHonestFilesAreRead) {
  const YoloDataFile data = yaml(
      "base: &base\n  path: /sets\n  names: &names [cat, dog]\nother: *names\n"
      "<<: *base\ntrain: &where images/train\nval: *where\n");
  EXPECT_EQ(data.path, "/sets");
  EXPECT_THAT(data.names, ElementsAre("cat", "dog"));
  EXPECT_THAT(data.parts[1], ElementsAre("images/train"));
}

TEST(YoloDataFile, WrongFilesAreNamedWithTheirLine) {
  EXPECT_THAT(yaml_refusal("train: a\nnames: {0: a, 2: b}"),
              HasSubstr("data.yaml:2: found \"2\", expected the numbers 0 … 1, each once"));
  EXPECT_THAT(yaml_refusal("names: {0: a, 0: b}"), HasSubstr("found \"0\", expected the numbers"));
  EXPECT_THAT(yaml_refusal("names: [a, a]"), HasSubstr("found the name a again"));
  EXPECT_THAT(yaml_refusal("names: cat"), HasSubstr("expected names, as a list or a map"));
  EXPECT_THAT(yaml_refusal("names: [[a]]"), HasSubstr("found a list, expected a name"));
  EXPECT_THAT(yaml_refusal("names: []"), HasSubstr("found no names"));
  EXPECT_THAT(yaml_refusal("nc: 3\nnames: [a, b]"),
              HasSubstr("data.yaml:2: found 2 names and nc: 3, expected as many names as classes"));
  EXPECT_THAT(yaml_refusal("nc: many"), HasSubstr("expected a number of classes"));
  EXPECT_THAT(yaml_refusal("nc: 1\nnc: 2"), HasSubstr("found the key \"nc\" again"));
  EXPECT_THAT(yaml_refusal("train: {a: b}"), HasSubstr("found a map, expected a folder"));
  EXPECT_THAT(yaml_refusal("kpt_shape: [17, 3]"), HasSubstr("key points"));
  EXPECT_THAT(yaml_refusal("- a"), HasSubstr("found no keys"));
  EXPECT_THAT(yaml_refusal(""), HasSubstr("found no keys"));
  EXPECT_THAT(yaml_refusal("names: [a\nnc: 3"), HasSubstr("found no YAML"));
  EXPECT_THAT(yaml_refusal("a: *b"), HasSubstr("found no YAML"));
}

TEST(YoloDataFile, BombsRingsAndDepthsAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  const files::testing::HeapMeter meter;
  EXPECT_THAT(yaml_refusal(bomb), HasSubstr("data.yaml:5: found more than 100000 values"));
  EXPECT_LT(meter.peak_bytes(), 64 << 20);
  EXPECT_THAT(yaml_refusal("a: &a [*a]"), HasSubstr("an alias of a value that it lies in"));
  EXPECT_THAT(yaml_refusal("&a b: &b {c: *b}"), HasSubstr("an alias of a value that it lies in"));
  EXPECT_THAT(yaml_refusal("a: " + std::string(33, '[') + std::string(33, ']')),
              HasSubstr("more than 32 deep"));
  EXPECT_THAT(yaml_refusal("a: " + std::string(100'000, '[')), HasSubstr("more than 32 deep"));
  EXPECT_THAT(yaml_refusal("a: " + std::string(100'000, '{')), HasSubstr("data.yaml:1"));
  std::string many = "a:\n";
  for (int i = 0; i < 100'001; ++i) many += "- x\n";
  EXPECT_THAT(yaml_refusal(many), HasSubstr("found more than 100000 values"));
  EXPECT_THAT(yaml_refusal(std::string(kMaxYamlBytes + 1, ' ')), HasSubstr("expected at most"));
}

}  // namespace
}  // namespace swin::data
