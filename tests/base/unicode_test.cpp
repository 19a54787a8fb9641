#include "base/unicode.h"

#include <gtest/gtest.h>

namespace swin::base {
namespace {

TEST(Unicode, ComposesWhatIsDecomposed) {
  EXPECT_EQ(composed("cafe\xCC\x81"), "caf\xC3\xA9");
  EXPECT_EQ(composed("caf\xC3\xA9"), "caf\xC3\xA9");
  // Hangul, and a letter with two marks in the other order.
  EXPECT_EQ(composed("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB"), "\xED\x95\x9C");
  EXPECT_EQ(composed("q\xCC\x87\xCC\xA3"), composed("q\xCC\xA3\xCC\x87"));
  EXPECT_EQ(composed("ant"), "ant");
  EXPECT_EQ(composed(""), "");
}

TEST(Unicode, KeepsWhatIsCompatibleButNotEqual) {
  EXPECT_EQ(composed("\xEF\xAC\x81"), "\xEF\xAC\x81");  // the ligature fi
  EXPECT_EQ(composed("\xE7\x8C\xAB"), "\xE7\x8C\xAB");
}

TEST(Unicode, ReturnsOtherBytesAsTheyAre) {
  for (const char* bytes : {"caf\xE9", "\xFF\xFE", "e\xCC\x81\xC3"})
    EXPECT_EQ(composed(bytes), bytes);
  EXPECT_EQ(composed(std::string("\xC3\xA9\0\xC3\xA9", 5)), std::string("\xC3\xA9\0\xC3\xA9", 5));
}

}  // namespace
}  // namespace swin::base
