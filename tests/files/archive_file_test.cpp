// Stored zip archives, read as views.
#include "files/archive_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tests/files/torch_bytes.h"

namespace swin::files {
namespace {

using testing::span_of;
using testing::zip_of;

TEST(ZipArchive, GivesViewsInTheOrderOfTheFile) {
  const std::string bytes =
      zip_of({{"b/one", "first"}, {"a", std::string(100'000, 'x')}, {"empty", ""}});
  const auto entries = read_stored_zip(span_of(bytes), "x");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "b/one");
  EXPECT_EQ(entries[1].bytes.size(), 100'000u);
  EXPECT_GE(entries[1].bytes.data(), span_of(bytes).data());
  EXPECT_EQ(entries[2].bytes.size(), 0u);
  EXPECT_EQ(std::memcmp(entries[0].bytes.data(), "first", 5), 0);
}

}  // namespace
}  // namespace swin::files
