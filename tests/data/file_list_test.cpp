#include "data/file_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(FileLists, AreReadAsTheyWereWritten) {
  const std::vector<FileList> lists = {
      {"train", "abc", {{"a/1.png", 12}, {"odd \\x \n\t\x7f name\xff.png", 0}}},
      {"validation", "def", {}}};
  const std::vector<FileList> again = parse_file_lists(to_text(lists), "files.gz");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].fingerprint, "abc");
  ASSERT_EQ(again[0].files.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again[0].files[i].path, lists[0].files[i].path);
    EXPECT_EQ(again[0].files[i].size_bytes, lists[0].files[i].size_bytes);
  }
  EXPECT_EQ(again[1].set, "validation");
  for (const char* bad : {"12\ta\n", "# train\n", "# train f\n12 a\n", "# train f\n12\ta",
                          "# train f\n1x\ta\n", "# train f\n1\ta\\x\n", "# train f\n1\t\\xzz\n"})
    EXPECT_THROW(parse_file_lists(bad, "files.gz"), base::DataError) << bad;
}

TEST(FileLists, AChangeNamesTheFirstFilesInAShortLine) {
  std::vector<ListedFile> before, now;
  for (int i = 0; i < 100; ++i) {
    before.push_back({"old" + std::to_string(i), 1});
    now.push_back({std::string(300, 'y') + std::to_string(i), 1});
    before.push_back({"same" + std::to_string(i), 1});
    now.push_back({"same" + std::to_string(i), i < 98 ? 2 : 1});
  }
  const std::string change = change_of(before, now);
  EXPECT_LE(change.size(), 250u);
  EXPECT_THAT(change, AllOf(HasSubstr("removed old0, old1, old2 and 97 more; added y"),
                            HasSubstr(" and 99 more; replaced same0, same1, same2 and 95 more")));
  // Where no names fit, their numbers do.
  for (ListedFile& file : before) file.path = std::string(200, 'x') + file.path;
  for (ListedFile& file : now) file.path = std::string(200, 'x') + file.path;
  EXPECT_EQ(change_of(before, now), "removed 100 files; added 100 files; replaced 98 files");
  EXPECT_THAT(change_of(before, before), HasSubstr("other contents, labels or order"));
}

}  // namespace
}  // namespace swin::data
