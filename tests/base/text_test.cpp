// Text that is safe to print: control characters, long names, long lists.
#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/counts.h"
#include "base/utf8.h"

namespace swin::base {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

TEST(Text, ControlCharactersAreReplaced) {
  EXPECT_EQ(without_controls("a\nb\rc\td", ' '), "a b c d");
  EXPECT_EQ(without_controls(std::string("nul\0.", 5), '?'), "nul?.");
  EXPECT_EQ(without_controls("\x1b[31mred\x7f", '?'), "?[31mred?");
  EXPECT_EQ(without_controls("a\u202Egpj\u2028b\u2066c", '?'), "a?gpj?b?c");
  EXPECT_EQ(without_controls("\u2014 \u200D \u2026", '?'), "\u2014 \u200D \u2026");
  EXPECT_EQ(without_controls("\xc2\x85 \xc2\x9b 1 \xc2\xa0 é 猫 🐈", '?'), "? ? 1 \xc2\xa0 é 猫 🐈");
}

// A byte that is not UTF-8 is a control character to a terminal of another encoding: 0x9B is ESC [.
TEST(Text, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(without_controls("\x9b"
                             "31m \xff caf\xe9",
                             '?'),
            "?31m ? caf?");
  EXPECT_EQ(without_controls("cut \xe7\x8c", '?'), "cut ??");
  EXPECT_EQ(printable("caf\xe9\n"), "caf??");
  EXPECT_EQ(one_line("caf\xe9\nau lait"), "caf  au lait");
}

TEST(Text, ShortenedKeepsBothEndsAndWholeCharacters) {
  EXPECT_EQ(shortened("short", 8), "short");
  const std::string long_name = "begin/" + std::string(300, 'x') + "/end.png";
  const std::string cut = shortened(long_name, 40);
  EXPECT_EQ(cut.size(), 40u);
  EXPECT_THAT(cut, StartsWith("begin/"));
  EXPECT_THAT(cut, EndsWith("/end.png"));
  EXPECT_THAT(cut, HasSubstr("…"));
  for (size_t most = 8; most < 60; ++most)
    for (const char* character : {"é", "猫", "🐈"}) {
      std::string text = "a";
      for (int i = 0; i < 40; ++i) text += character;
      const std::string part = shortened(text, most);
      EXPECT_LE(part.size(), most);
      EXPECT_TRUE(is_utf8(part)) << part;
    }
}

TEST(Text, ListsEndInTheNumberOfTheRest) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(std::to_string(i) + std::string(300, 'n'));
  for (const size_t shown : {1u, 3u, 5u}) {
    const std::string text = listing(names, shown);
    EXPECT_THAT(text, EndsWith(" and " + std::to_string(1000 - shown) + " more"));
    EXPECT_LT(text.size(), 280u) << shown;
  }
  const std::vector<std::string> few = {"a", "b", "c", "d"};
  EXPECT_EQ(listing(few), "a, b, c and 1 more");
  EXPECT_EQ(listing(few, 4), "a, b, c, d");
  EXPECT_EQ(listing({}), "");
  EXPECT_EQ(joined(names).size(), names.size() * 305 - 2 - 10 * 2 - 90 * 1);
  EXPECT_EQ(joined(few, "|"), "a|b|c|d");
}

TEST(Text, FieldsOfCsvAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(csv_line(std::vector<std::string>{"a b", "", "1.5"}), "a b,,1.5\n");
  EXPECT_EQ(csv_line(std::vector<std::string>{"a,b", "say \"x\"", "two\nlines", "\r"}),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"\r\"\n");
  EXPECT_EQ(csv_line({}), "\n");
}

TEST(Text, CountsHaveThousandsSeparators) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(grouped(28'288'354), "28,288,354");
  EXPECT_EQ(counted(1, "image"), "1 image");
  EXPECT_EQ(counted(60'000, "image"), "60,000 images");
  EXPECT_EQ(counted(0, "class", "classes"), "0 classes");
  EXPECT_THAT(listing(std::vector<std::string>(2000, "a"), 1), EndsWith("and 1,999 more"));
}

TEST(Text, ALineIsAtMost400BytesAndItsRemedyWhole) {
  const std::string name = std::string(300, 'n') + ".png";
  const std::string remedy = "; repair or remove it, or set data.max_bad_fraction";
  const std::string line = one_line("swin: folder/" + name + ": found the class " + name +
                                    ", expected " + name + remedy);
  EXPECT_LE(line.size(), kLongestLine);
  EXPECT_THAT(line, StartsWith("swin: folder/nnn"));
  EXPECT_THAT(line, HasSubstr(": found the class n"));
  EXPECT_THAT(line, HasSubstr(", expected n"));
  EXPECT_THAT(line, EndsWith(".png" + remedy));
  EXPECT_EQ(one_line(line), line);
}

TEST(Text, LongLinesOfAllKinds) {
  std::vector<std::string> lines = {std::string(5000, 'x'), std::string(5000, ' '),
                                    "; " + std::string(5000, 'x'),
                                    std::string(5000, 'x') + "; " + std::string(5000, 'y')};
  std::string words, cats, names;
  for (int i = 0; i < 1000; ++i) words += "word ", cats += "猫", names += "a/b; ";
  for (const std::string& text : {words, cats, names, cats + "; " + words}) lines.push_back(text);
  for (const std::string& text : lines) {
    const std::string line = one_line(text);
    EXPECT_LE(line.size(), kLongestLine) << text;
    EXPECT_GT(line.size(), kLongestLine / 2) << text;
    EXPECT_TRUE(is_utf8(line)) << line;
    EXPECT_THAT(line, HasSubstr("…"));
  }
  const std::string fits(400, 'x');
  EXPECT_EQ(one_line(fits), fits);
}

}  // namespace
}  // namespace swin::base
