#include "files/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "tests/files/test_files.h"

namespace swin::files {
namespace {

using ::testing::HasSubstr;

TEST(MappedFile, ReportsWhatIsWrongByKind) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<base::DataError>([&] { MappedFile(directory / "none", FileKind::data); }),
              HasSubstr("none: no such file"));
  EXPECT_THAT(
      message_of<base::WeightError>([&] { MappedFile(directory / "none", FileKind::weights); }),
      HasSubstr("none: no such file"));
  EXPECT_THAT(message_of<base::DataError>([&] { MappedFile(directory.path(), FileKind::data); }),
              HasSubstr("found a directory"));
  EXPECT_THAT(message_of<base::DataError>([&] { MappedFile("/dev/zero", FileKind::data); }),
              HasSubstr("device"));
  write_text(directory / "file", "text");
  EXPECT_THAT(message_of<base::DataError>(
                  [&] { MappedFile(directory / "file" / "below", FileKind::data); }),
              HasSubstr("no such file"));
  write_text(directory / "empty", "");
  EXPECT_EQ(MappedFile(directory / "empty", FileKind::data).size_bytes(), 0);
  MappedFile first(directory / "file", FileKind::data), second = std::move(first);
  EXPECT_EQ(second.size_bytes(), 4);
  EXPECT_EQ(second.bytes()[3], std::byte{'t'});
}

}  // namespace
}  // namespace swin::files
