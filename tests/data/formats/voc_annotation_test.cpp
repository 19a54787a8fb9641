// Annotation files of Pascal VOC, honest and hostile.
#include "data/formats/voc_annotation.h"

#include <gmock/gmock.h>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string object(const std::string& box, const std::string& more = "") {
  return "<object>\n<name>cat</name>" + more + "<bndbox>" + box + "</bndbox></object>\n";
}
const std::string kBox = "<xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax>";

VocAnnotation read(const std::string& text) { return read_voc_annotation(text, "a.xml"); }
VocAnnotation read_objects(const std::string& objects) {
  return read("<annotation>\n" + objects + "</annotation>");
}
std::string refusal(const std::string& text) {
  const std::string error = data_error([&] { read(text); });
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_THAT(error, StartsWith("a.xml"));
  return error;
}
std::string objects_refusal(const std::string& objects) {
  return refusal("<annotation>\n" + objects + "</annotation>");
}

// Pixels from 1 on, the last one included: a complaint about many readers.
TEST(VocAnnotation, AnObjectOfOnePixelCoversIt) {
  const VocAnnotation one =
      read_objects(object("<xmin>7</xmin><ymin>1</ymin><xmax>7</xmax><ymax>1</ymax>"));
  ASSERT_EQ(one.objects.size(), 1u);
  EXPECT_EQ(one.objects[0].box, (BoundingBox{6, 0, 7, 1}));
  EXPECT_EQ(one.begin_at_zero, 0);
  const VocAnnotation whole =
      read_objects(object("<xmin>1</xmin><ymin>1</ymin><xmax>500</xmax><ymax>375</ymax>"));
  EXPECT_EQ(whole.objects[0].box, (BoundingBox{0, 0, 500, 375}));
}

TEST(VocAnnotation, ReadsWhatProgramsWrite) {
  const VocAnnotation read = read_objects(
      "<folder>x</folder><filename>b.jpg</filename>"
      "<size><width> 640 </width><height>480</height><depth>3</depth></size>\n" +
      object("<xmin> 1.5\n</xmin><ymin>+2</ymin><xmax>3e0</xmax><ymax>4</ymax>",
             "<pose>Left</pose><difficult>1</difficult>") +
      "<object><part><name>head</name><bndbox>" + kBox +
      "</bndbox></part><name> d\xC3\xB6g\n</name>"
      "<difficult/></object>");
  EXPECT_EQ(read.size, (base::Size2{480, 640}));
  ASSERT_EQ(read.objects.size(), 2u);
  EXPECT_EQ(read.objects[0].name, "cat");
  EXPECT_EQ(read.objects[0].box, (BoundingBox{0.5, 1, 3, 4}));
  EXPECT_TRUE(read.objects[0].difficult);
  EXPECT_EQ(read.objects[0].line, 3);
  EXPECT_EQ(read.objects[1].name, "d\xC3\xB6g");
  EXPECT_FALSE(read.objects[1].box.has_value());
  EXPECT_FALSE(read.objects[1].difficult);
}

TEST(VocAnnotation, SizesThatSayNothingAreUnknown) {
  for (const char* size : {"", "<size/>", "<size><width>0</width><height>0</height></size>",
                           "<size><width>-4</width><height>x</height></size>"})
    EXPECT_EQ(read_objects(size).size, (base::Size2{0, 0})) << size;
}

TEST(VocAnnotation, PixelsFromZeroAreCounted) {
  EXPECT_EQ(read_objects(object("<xmin>0</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax>") +
                         object(kBox))
                .begin_at_zero,
            1);
}

TEST(VocAnnotation, WrongFieldsAreNamedWithTheirLine) {
  EXPECT_THAT(objects_refusal(object("<xmin>1</xmin>\n<ymin>nan</ymin><xmax>3</xmax>")),
              HasSubstr("a.xml:4: found ymin \"nan\", expected a pixel, at most 10⁹; correct it"));
  EXPECT_THAT(objects_refusal(object("<xmin>1</xmin><ymin>1</ymin><xmax>1e308</xmax>")),
              HasSubstr("a.xml:3: found xmax \"1e308\""));
  EXPECT_THAT(objects_refusal(object("<xmin>1</xmin><ymin>1</ymin><xmax>3</xmax>")),
              HasSubstr("a.xml:3: found no ymax"));
  EXPECT_THAT(objects_refusal("<object><bndbox>" + kBox + "</bndbox></object>"),
              HasSubstr("a.xml:2: found no name of a class"));
  EXPECT_THAT(objects_refusal("<object><name>a\x01</name></object>"),
              HasSubstr("expected a class"));
  EXPECT_THAT(objects_refusal(object(kBox, "<difficult>yes</difficult>")),
              HasSubstr("found difficult \"yes\", expected 0 or 1"));
  EXPECT_THAT(refusal("<svg/>"), HasSubstr("a.xml:1: found <svg>, expected <annotation>"));
}

TEST(VocAnnotation, WhatIsNoXmlIsNamedWithItsLine) {
  EXPECT_THAT(refusal(""), HasSubstr("found no XML"));
  EXPECT_THAT(refusal("<annotation>\n<object>\n<name>cat</na"), HasSubstr("a.xml:3: found no XML"));
  EXPECT_THAT(refusal("<annotation><a></b></annotation>"), HasSubstr("mismatch"));
  EXPECT_THAT(refusal("{\"images\": []}"), HasSubstr("found no XML"));
  EXPECT_THAT(refusal(std::string("<annotation>\0</annotation>", 26)),
              HasSubstr("found a character 0"));
  EXPECT_THAT(refusal(std::string(kMaxVocBytes + 1, ' ')), HasSubstr("expected at most 4194304"));
}

// Each entity is ten of the one before: a billion when expanded.
TEST(VocAnnotation, EntitiesAreNeverExpanded) {
  std::string bomb = "<!DOCTYPE annotation [<!ENTITY e0 \"cat\">";
  for (int i = 1; i < 10; ++i) {
    bomb += "<!ENTITY e" + std::to_string(i) + " \"";
    for (int k = 0; k < 10; ++k) bomb += "&e" + std::to_string(i - 1) + ";";
    bomb += "\">";
  }
  bomb += "<!ENTITY file SYSTEM \"file:///etc/passwd\">]>";
  const VocAnnotation bombed =
      read(bomb + "<annotation><object><name>&e9;&file;&amp;</name>" + "</object></annotation>");
  ASSERT_EQ(bombed.objects.size(), 1u);
  EXPECT_EQ(bombed.objects[0].name, "&e9;&file;&");
}

TEST(VocAnnotation, DepthAndLengthDoNotMatter) {
  std::string open, close;
  for (int i = 0; i < 300'000; ++i) open += "<a>", close += "</a>";
  EXPECT_EQ(read_objects(open + close + object(kBox)).objects.size(), 1u);
  EXPECT_THAT(refusal("<annotation>" + open), HasSubstr("found no XML"));
  EXPECT_EQ(
      read_objects("<x y='" + std::string(3'000'000, 'z') + "'/>" + object(kBox)).objects.size(),
      1u);
  // Lines are counted once, not for each object.
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "<object><name>cat</name></object>\n";
  EXPECT_EQ(read_objects(many).objects.back().line, 100'001);
}

TEST(VocAnnotation, SixteenBitsAreRead) {
  const std::string text = "<annotation><object><name>cat</name></object></annotation>";
  std::string wide = "\xFF\xFE";
  for (const char c : text) wide += c, wide += '\0';
  EXPECT_EQ(read(wide).objects.at(0).name, "cat");
  EXPECT_EQ(read(wide).objects.at(0).line, 0);
  EXPECT_EQ(read("\xEF\xBB\xBF" + text).objects.at(0).line, 1);
  EXPECT_THAT(refusal(wide + std::string(2, '\0')), HasSubstr("found a character 0"));
  EXPECT_THAT(refusal(wide.substr(0, 41)), HasSubstr("found no XML"));
}

}  // namespace
}  // namespace swin::data
