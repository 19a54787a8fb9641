// Names of classes in JSON and in text files.
#include "weights/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "tests/support/temporary_directory.h"

namespace swin::weights {
namespace {

using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string written(const TemporaryDirectory& folder, const std::string& text) {
  std::ofstream(folder / "names.txt") << text;
  return folder / "names.txt";
}

TEST(ClassNames, JsonKeepsAnyName) {
  const std::vector<std::string> names = {"9", "10", "007", "café", "猫", "a \"b\", c", "ant"};
  EXPECT_EQ(parse_class_names(class_names_json(names), "file"), names);
  EXPECT_THAT(parse_class_names("[]", "file"), IsEmpty());
}

TEST(ClassNames, JsonOfAnotherKindIsRefused) {
  for (const char* text : {"[", "{\"0\": \"ant\"}", "[\"ant\", 1]", "\"ant\"", "null"})
    EXPECT_THROW(parse_class_names(text, "file"), base::WeightError) << text;
}

TEST(ClassNames, AListHasANameOnEachLine) {
  const TemporaryDirectory folder;
  EXPECT_THAT(read_class_list(written(folder, "ant\nbee\nsea cat\n")),
              ElementsAre("ant", "bee", "sea cat"));
  // As other systems write it, without an end of the last line, and with two classes of one name.
  EXPECT_THAT(read_class_list(written(folder,
                                      "\xef\xbb\xbf"
                                      "10\r\n 9 \r\ncrane\r\ncrane")),
              ElementsAre("10", "9", "crane", "crane"));
}

TEST(ClassNames, AListThatIsNoneIsRefusedByItsLine) {
  const TemporaryDirectory folder;
  const auto refused = [&](const std::string& file, const std::string& text) {
    try {
      read_class_list(file);
      FAIL() << text;
    } catch (const base::UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  };
  refused(written(folder, "ant\n\nbee\n"), "names.txt:2: found an empty line");
  refused(written(folder, "ant\nbee\n\n"), "names.txt:3: found an empty line");
  refused(written(folder, "ant\nb\x1b[31m\n"), "names.txt:2: found no name");
  refused(written(folder,
                  "\xff\xfe"
                  "a"),
          "names.txt:1: found no name");
  refused(written(folder, ""), "found an empty file");
  refused(folder / "none.txt", "none.txt: found no file that can be read");
  refused(folder.path().string(), "found no file that can be read");
}

TEST(ClassNames, ThereIsOneForEachRowOrNone) {
  EXPECT_NO_THROW(require_name_for_each({}, 3, "file", "do"));
  EXPECT_NO_THROW(require_name_for_each({"a", "b"}, 2, "file", "do"));
  EXPECT_THROW(require_name_for_each({"a", "b"}, 3, "file", "do"), base::WeightError);
}

}  // namespace
}  // namespace swin::weights
