// How the classes of a measured set and those of a head find each other.
#include "trainers/run/classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "tests/support/temporary_directory.h"

namespace swin::trainers {
namespace {

using swin::test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

/// Images with the given classes.
class Labelled : public data::Dataset {
 public:
  Labelled(Names names, std::vector<std::vector<int64_t>> labels) : labels_(std::move(labels)) {
    class_names_ = std::move(names);
  }
  using Dataset::load;
  using Dataset::size;
  int64_t size() const override { return std::ssize(labels_); }
  data::Annotation annotation(int64_t i) const override {
    const std::vector<int64_t>& own = labels_[static_cast<size_t>(i)];
    if (own.size() == 1) return data::OneClass{own[0]};
    return data::Classes{own};
  }
  void load(int64_t, data::Image&) const override {}
  std::string name(int64_t i) const override { return std::to_string(i); }

 private:
  std::vector<std::vector<int64_t>> labels_;
};

/// One image of each class but those `without`.
std::unique_ptr<data::Dataset> one_of_each(const Names& names,
                                           const std::vector<int64_t>& without = {}) {
  std::vector<std::vector<int64_t>> labels;
  for (int64_t c = 0; c < std::ssize(names); ++c)
    if (std::ranges::find(without, c) == without.end()) labels.push_back({c});
  return std::make_unique<Labelled>(names, labels);
}

Head head_of(const Names& names, bool named = true) {
  return {
      .where = "the checkpoint", .names = names, .named = named, .num_classes = std::ssize(names)};
}
Head nameless(int64_t classes) {
  return {.where = "the checkpoint", .names = {}, .named = false, .num_classes = classes};
}
MatchOptions options(const std::string& format = "image_folder", bool ignore = false) {
  return {.where = "val",
          .format = format,
          .ignore_unknown_classes = ignore,
          .ignore_remedy = "ignore them",
          .by_order = true,
          .order_remedy = "name them with --classes FILE"};
}
std::string refusal(std::unique_ptr<data::Dataset> images, const Head& head,
                    const MatchOptions& how) {
  return message_of<base::DataError>([&] { match_classes(std::move(images), head, how); });
}

TEST(Classes, EqualNamesNeedNoMapAndNoWord) {
  const MeasuredSet set =
      match_classes(one_of_each({"ant", "bee"}), head_of({"ant", "bee"}), options());
  EXPECT_THAT(set.labels, IsEmpty());
  EXPECT_THAT(set.notes, IsEmpty());
  EXPECT_EQ(set.images->size(), 2);
}

TEST(Classes, NamesDecideWhateverTheyLookLike) {
  const auto labels = [](const Names& data, const Names& head) {
    const MeasuredSet set = match_classes(one_of_each(data), head_of(head), options());
    EXPECT_THAT(set.notes, IsEmpty());
    return set.labels;
  };
  EXPECT_THAT(labels({"ant", "bee", "cat"}, {"cat", "ant", "bee"}), ElementsAre(1, 2, 0));
  EXPECT_THAT(labels({"00", "01", "10"}, {"10", "01", "00"}), ElementsAre(2, 1, 0));
  EXPECT_THAT(labels({"1", "10", "2"}, {"1", "2", "10"}), ElementsAre(0, 2, 1));
  EXPECT_THAT(labels({"0", "1", "10", "2"}, {"0", "1", "2", "10"}), ElementsAre(0, 1, 3, 2));
  // é as one character, and as e and an accent.
  EXPECT_THAT(labels({"cafe\u0301", "th\u00e9"}, {"th\u00e9", "caf\u00e9"}), ElementsAre(1, 0));
}

TEST(Classes, AMissingClassIsNamedAndNothingMovesIntoItsPlace) {
  MeasuredSet set =
      match_classes(one_of_each({"ant", "cat"}), head_of({"ant", "bee", "cat"}), options());
  EXPECT_THAT(set.labels, ElementsAre(0, 2));
  EXPECT_THAT(set.notes, ElementsAre(AllOf(HasSubstr("val: no image of 1 of 3 classes (bee)"))));
  // An empty folder.
  set = match_classes(one_of_each({"ant", "bee", "cat"}, {1}), head_of({"ant", "bee", "cat"}),
                      options());
  EXPECT_THAT(set.labels, IsEmpty());
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("(bee)")));
  // Two, one missing and one empty; a set of one class.
  set = match_classes(one_of_each({"b", "d"}, {1}), head_of({"a", "b", "c", "d", "e"}), options());
  EXPECT_THAT(set.labels, ElementsAre(1, 3));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("4 of 5 classes (a, c, d and 1 more)")));
  set = match_classes(one_of_each({"cat"}), head_of({"ant", "bee", "cat"}), options());
  EXPECT_THAT(set.labels, ElementsAre(2));
}

TEST(Classes, AnUnknownClassIsRefusedOrLeftOut) {
  const Head head = head_of({"ant", "bee"});
  const Names names = {"ant", "bee", "gnu", "yak"};
  EXPECT_THAT(
      refusal(one_of_each(names), head, options()),
      AllOf(HasSubstr("val: found the 2 classes gnu, yak, expected those of the checkpoint"),
            HasSubstr("ignore them")));
  const MeasuredSet set = match_classes(one_of_each(names), head, options("image_folder", true));
  EXPECT_EQ(set.images->size(), 2);
  EXPECT_EQ(set.images->stratum(1), 1);
  EXPECT_THAT(set.labels, ElementsAre(0, 1, -1, -1));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("left out 2 images of 2 classes that the checkpoint "
                                               "does not have: gnu, yak")));
  // An empty folder of an unknown class is of no matter.
  EXPECT_EQ(match_classes(one_of_each(names, {2, 3}), head, options()).images->size(), 2);
  // Nothing in common is another data set.
  EXPECT_THAT(refusal(one_of_each({"gnu", "yak"}), head, options("image_folder", true)),
              HasSubstr("use a data set of its classes"));
}

TEST(Classes, AnImageWithAnUnknownClassAmongItsClassesIsLeftOut) {
  auto images = std::make_unique<Labelled>(Names{"ant", "gnu"},
                                           std::vector<std::vector<int64_t>>{{0}, {0, 1}, {}});
  const MeasuredSet set =
      match_classes(std::move(images), head_of({"ant"}), options("manifest", true));
  ASSERT_EQ(set.images->size(), 2);
  EXPECT_EQ(set.images->name(1), "2");
}

TEST(Classes, ANamelessHeadTakesTheOrderOfTheTextAndSaysSo) {
  MeasuredSet set = match_classes(one_of_each({"0", "1", "10", "2"}), nameless(4), options());
  EXPECT_THAT(set.labels, IsEmpty());
  EXPECT_THAT(set.notes,
              ElementsAre(AllOf(HasSubstr("the order of their text (0, 1, 10 and 1 more)"),
                                HasSubstr("--classes FILE"))));
  set = match_classes(one_of_each({"cat", "ant"}), nameless(2), options("manifest"));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("their own order (cat, ant)")));
  EXPECT_THAT(refusal(one_of_each({"ant", "cat"}), nameless(3), options()),
              AllOf(HasSubstr("found 2 classes, expected 3 as in the checkpoint"),
                    HasSubstr("--classes FILE")));
  // Names that are numbers of labels (a list of numbers was learned) are none.
  set = match_classes(one_of_each({"ant", "bee"}), head_of({"0", "1"}, false), options());
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("the order of their text")));
  // In training there is nothing to assume.
  MatchOptions strict = options();
  strict.by_order = false;
  strict.order_remedy = "list the names in a classes.txt";
  EXPECT_THAT(refusal(one_of_each({"ant", "bee"}), head_of({"0", "1"}, false), strict),
              AllOf(HasSubstr("found the classes ant, bee, expected the class numbers"),
                    HasSubstr("classes.txt")));
}

TEST(Classes, ClassNumbersAreComparedByNumber) {
  MeasuredSet set = match_classes(one_of_each({"0", "1"}), nameless(3), options("mnist"));
  EXPECT_THAT(set.labels, ElementsAre(0, 1));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("no image of 1 of 3 classes (2)")));
  set = match_classes(one_of_each({"0", "1"}), head_of({"bee", "ant"}), options("manifest"));
  EXPECT_THAT(set.labels, IsEmpty());
  EXPECT_THAT(set.notes,
              ElementsAre(HasSubstr("its labels are class numbers; taken as those of the "
                                    "checkpoint: 0 is bee, 1 is ant")));
  // Where every number is the name of a class, it is that class.
  set = match_classes(one_of_each({"0", "1", "2"}), head_of({"2", "1", "0"}), options("manifest"));
  EXPECT_THAT(set.labels, ElementsAre(2, 1, 0));
  EXPECT_THAT(set.notes, IsEmpty());
}

TEST(Classes, ANameOfSeveralRowsIsRefused) {
  EXPECT_THAT(refusal(one_of_each({"ant", "crane"}), head_of({"crane", "ant", "crane"}), options()),
              HasSubstr("found the class crane"));
  EXPECT_EQ(
      match_classes(one_of_each({"ant"}), head_of({"crane", "ant", "crane"}), options()).labels,
      std::vector<int64_t>{1});
}

TEST(Classes, NumbersAreNamesOfFoldersAlone) {
  EXPECT_THAT(real_class_names({"0", "1", "2"}, "manifest"), IsEmpty());
  EXPECT_THAT(real_class_names({"0", "1", "2"}, ""), IsEmpty());
  EXPECT_THAT(real_class_names({"0", "1"}, "image_folder"), ElementsAre("0", "1"));
  EXPECT_THAT(real_class_names({"0", "1", "10"}, "packed"), ElementsAre("0", "1", "10"));
  EXPECT_THAT(real_class_names({"1", "2"}, "manifest"), ElementsAre("1", "2"));
  EXPECT_TRUE(same_names({"caf\u00e9"}, {"cafe\u0301"}));
  EXPECT_FALSE(same_names({"a", "b"}, {"b", "a"}));
}

}  // namespace
}  // namespace swin::trainers
