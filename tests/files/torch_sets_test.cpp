// Where the state dict lies in a file of torch.save that holds dicts in dicts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "files/torch_file.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"
#include "tests/files/torch_samples.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using testing::code_of;
using testing::dict_of;
using ::testing::ElementsAre;
using testing::find;
using testing::floats;
using ::testing::HasSubstr;
using testing::pth_of;
using testing::span_of;
using testing::text;

/// The instructions of a dict with one member.
std::string in(const std::string& key, const std::string& value) {
  return "}" + text(key) + value + "s";
}
/// One more member of the dict before.
std::string and_in(const std::string& key, const std::string& value) {
  return text(key) + value + "s";
}
std::string file_of(const std::string& code) { return pth_of(code, {{"0", floats(6)}}); }

TorchFile read(const std::string& bytes, const std::string& key = "") {
  return TorchFile(span_of(bytes), "x", nullptr, {.key = key});
}
std::string refused(const std::string& bytes, const std::string& key = "") {
  return message_of<base::WeightError>([&] { read(bytes, key); });
}

TEST(TorchSets, TheOnlyDictOfTensorsIsFoundAtAnyDepth) {
  const std::string bytes =
      file_of(in("checkpoint", in("model", dict_of({})) + and_in("epoch", "K\3")) +
              and_in("optimizer", in("state", in("w", in("exp_avg", code_of({}))))) +
              and_in("seed", "K\1"));
  for (const char* key : {"", "checkpoint.model"}) {
    const TorchFile file = read(bytes, key);
    EXPECT_EQ(file.key(), "checkpoint.model");
    EXPECT_EQ(file.arrays().at(0).name, "w");
    EXPECT_THAT(file.ignored(), ElementsAre("optimizer", "seed", "checkpoint.epoch"));
  }
  EXPECT_EQ(read(file_of(in("model", in("state_dict", dict_of({}))))).key(), "model.state_dict");
}

TEST(TorchSets, SeveralAreListedAndChosenByKey) {
  const std::string large = dict_of({}) + text("v") + code_of({}) + "s";
  const std::string bytes = file_of(in("student", dict_of({})) + and_in("teacher", large) +
                                    and_in("a.b", in("c", dict_of({}, "dotted"))));
  EXPECT_THAT(refused(bytes), AllOf(HasSubstr("\"teacher\" (2), \"student\" (1), \"a.b.c\" (1)"),
                                    HasSubstr("--key teacher"), HasSubstr("init.key")));
  EXPECT_EQ(read(bytes, "student").arrays().at(0).name, "w");
  EXPECT_EQ(read(bytes, "a.b.c").arrays().at(0).name, "dotted");
  ASSERT_EQ(read(bytes, "teacher").other_sets().size(), 1u);
  EXPECT_EQ(read(bytes, "teacher").other_sets()[0].key, "student");
  for (const char* key : {"nothing", "a", "a.b", "student.w", "student.", ".", "a.b.c.d"})
    EXPECT_THAT(refused(bytes, key), AllOf(HasSubstr(std::string("under \"") + key + "\""),
                                           HasSubstr("one of \"teacher\"")));
}

TEST(TorchSets, AFileOfTorchIsReadByKey) {
  const fs::path nested = testing::sample("nested.pth");
  EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile file(nested); }),
              HasSubstr("\"run.student\" (3), \"run.teacher.net\" (3)"));
  const TorchFile file(nested, {.key = "run.student"});
  EXPECT_EQ(find(file, "head.weight").dtype, DType::f64);
  EXPECT_THAT(file.ignored(), ElementsAre("epoch", "optimizer", "run.teacher"));
}

TEST(TorchSets, AKeyComesBeforeTheUsualOnes) {
  const std::string bytes =
      file_of(in("model", dict_of({})) + and_in("discriminator", dict_of({}, "d")));
  EXPECT_EQ(read(bytes).key(), "model");
  EXPECT_EQ(read(bytes, "discriminator").arrays().at(0).name, "d");
  EXPECT_THAT(refused(file_of(dict_of({})), "model"),
              AllOf(HasSubstr("a state dict at the top level"), HasSubstr("leave --key")));
  EXPECT_THAT(refused(file_of("}"), "model"), HasSubstr("a dict without tensors"));
}

TEST(TorchSets, DictsInARingOrSharedAreLookedAtOnce) {
  // A dict that holds itself, and one dict under two keys.
  std::string code = "}" + text("first") + dict_of({}) + std::string("q\0", 2) + "s";
  code += text("second") + std::string("h\0", 2) + "s";
  EXPECT_EQ(read(file_of(code)).key(), "first");
  std::string self = "}" + std::string("q\0", 2) + text("self") + std::string("h\0", 2) + "s";
  EXPECT_THAT(refused(file_of(self)), HasSubstr("a dict without tensors"));
  // Deeper than any file of a training.
  std::string deep = dict_of({});
  for (int i = 0; i < 20; ++i) deep = in("d", deep);
  EXPECT_THAT(refused(file_of(deep)), HasSubstr("a dict without tensors"));
}

TEST(TorchSets, OpenMmlabsRunnersKeepTheClassesInMeta) {
  const std::string sky_and_tree = "(" + text("sky") + text("tree") + "t";
  const std::string listed = "](" + text("sky") + text("tree") + "e";
  const auto names = [](const std::string& meta) {
    return read(file_of(in("state_dict", dict_of({})) + and_in("meta", meta))).class_names();
  };
  EXPECT_THAT(names(in("CLASSES", sky_and_tree)), ElementsAre("sky", "tree"));
  EXPECT_THAT(names(in("epoch", "K\3") + and_in("CLASSES", listed)), ElementsAre("sky", "tree"));
  EXPECT_THAT(names(in("dataset_meta", in("classes", sky_and_tree))), ElementsAre("sky", "tree"));
  EXPECT_THAT(names(in("dataset_meta", in("CLASSES", listed))), ElementsAre("sky", "tree"));
  // Nothing else is taken for names.
  for (const std::string& other :
       {std::string("K\1"), text("text"), in("CLASSES", "K\1"), in("CLASSES", text("sky")),
        in("CLASSES", "(" + text("sky") + "K\1t"), in("CLASSES", "(" + text("a\nb") + "t"),
        in("dataset_meta", "K\1"), in("CLASSES", "}")})
    EXPECT_TRUE(names(other).empty());
  EXPECT_TRUE(read(file_of(dict_of({}))).class_names().empty());
}

}  // namespace
}  // namespace swin::files
