#include "data/summary.h"

#include <gmock/gmock.h>

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Told : public Dataset {
 public:
  Told(int64_t size, std::vector<std::string> classes, std::vector<PassedOver> passed_over = {},
       std::vector<std::string> warnings = {})
      : size_(size) {
    class_names_ = std::move(classes);
    passed_over_ = std::move(passed_over);
    warnings_ = std::move(warnings);
  }
  using Dataset::load;
  using Dataset::size;
  int64_t size() const override { return size_; }
  Annotation annotation(int64_t) const override { return OneClass{0}; }
  void load(int64_t, Image&) const override {}
  std::string name(int64_t) const override { return ""; }

 private:
  int64_t size_;
};

TEST(Summary, CountsImagesAndWhatWasPassedOver) {
  const Told set(21, {"ant", "bee", "cat"},
                 {{"hidden", {"s/ant/.x"}},
                  {"no image (.gif)", {"s/a.gif", "s/b.gif", "s/c.gif", "s/d.gif", "s/e.gif"}}},
                 {"found classes named train and val"});
  const Summary summary = summary_of(set, "data.train");
  EXPECT_THAT(
      summary.notes,
      ElementsAre(
          "data.train: 21 images of 3 classes", "data.train: 1 passed over, hidden: s/ant/.x",
          "data.train: 5 passed over, no image (.gif): s/a.gif, s/b.gif, s/c.gif and 2 more"));
  EXPECT_THAT(summary.warnings,
              ElementsAre("swin: warning: data.train: found classes named train and val"));
  EXPECT_THAT(summary_of(Told(1, {"a"}), "x").notes, ElementsAre("x: 1 image of 1 class"));
}

// Sets with label maps and objects say so.
class Described : public Told {
 public:
  Described(AnnotationKind kind, int64_t objects)
      : Told(2, {"a", "b"}), kind_(kind), objects_(objects) {}
  AnnotationKind annotation_kind() const override { return kind_; }
  int64_t num_objects(int64_t) const override { return objects_; }

 private:
  AnnotationKind kind_;
  int64_t objects_;
};

TEST(Summary, SaysWhatIsKnownOfPixelsAndObjects) {
  const auto note = [](AnnotationKind kind, int64_t objects) {
    return summary_of(Described(kind, objects), "x").notes.at(0);
  };
  EXPECT_EQ(note(AnnotationKind::label_map, -1), "x: 2 images with label maps of 2 classes");
  EXPECT_EQ(note(AnnotationKind::objects, 3), "x: 2 images with 6 objects of 2 classes");
  EXPECT_EQ(note(AnnotationKind::objects, -1), "x: 2 images of 2 classes");
  EXPECT_EQ(summary_json(Described(AnnotationKind::objects, 3)).at("objects").as_int(), 6);
}

TEST(Summary, JsonHasAllNames) {
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back("s/" + std::to_string(i));
  const base::Json json = summary_json(Told(7, {"a", "b"}, {{"broken link", names}}, {"odd"}));
  EXPECT_EQ(json.at("images").as_int(), 7);
  EXPECT_EQ(json.at("classes").as_int(), 2);
  const base::Json& entry = json.at("passed_over").items()[0];
  EXPECT_EQ(entry.at("reason").as_string(), "broken link");
  EXPECT_EQ(entry.at("count").as_int(), 50);
  EXPECT_EQ(entry.at("names").items()[49].as_string(), "s/49");
  EXPECT_EQ(json.at("warnings").items()[0].as_string(), "odd");
}

// Names come from disks and archives, and lines go to a terminal.
TEST(Summary, LinesAreShortAndPlain) {
  const std::string deep = "/data" + std::string(5000, 'x') + "/ant/one.bmp";
  const std::string wide = std::string(500, '/') + "\u00e9\u00e9\u00e9\u00e9";
  std::string accents;
  for (int i = 0; i < 300; ++i) accents += "\u00e9";
  const Told set(1, {"a"}, {{"no image (.b\x1b[31mp)", {deep, deep, "a\nb\x1b]0;c\x07", accents}}},
                 {"found " + accents + accents, "a\nb"});
  const Summary summary = summary_of(set, deep);
  for (const auto& lines : {summary.notes, summary.warnings})
    for (const std::string& line : lines) {
      EXPECT_LT(line.size(), 400u);
      EXPECT_THAT(line,
                  AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b")), Not(HasSubstr("\x07"))));
    }
  EXPECT_THAT(summary.notes[0], AllOf(StartsWith("…/ant/one.bmp: 1 image")));
  EXPECT_THAT(summary.notes[1],
              AllOf(HasSubstr("…/ant/one.bmp, …/ant/one.bmp, a?b?]0;c?"), EndsWith(" and 1 more")));
  EXPECT_THAT(summary.warnings[0], EndsWith("\u00e9…"));
  EXPECT_THAT(summary_of(Told(1, {"a"}, {{"hidden", {wide}}}), "x").notes[1], HasSubstr("…/"));
}

}  // namespace
}  // namespace swin::data
