#include "files/atomic_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "base/errors.h"
#include "tests/files/test_files.h"
#include "tests/support/forked_child.h"

namespace swin::files {
namespace {

using test::limit_file_size;
using test::run_in_child;

TEST(AtomicDirectory, IsReplacedAsAWhole) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "made/folder";
  {
    AtomicDirectory first(path);
    first.write("a.txt", "one");
    first.write("more/b.txt", "two");
    EXPECT_FALSE(fs::exists(path));
    first.put_into_place();
  }
  EXPECT_EQ(read_text(path / "more/b.txt"), "two");
  {
    AtomicDirectory second(path);
    second.write("c.txt", "three");
    EXPECT_EQ(read_text(path / "a.txt"), "one");
    second.put_into_place();
    EXPECT_FALSE(fs::exists(path / "a.txt"));
  }
  EXPECT_EQ(read_text(path / "c.txt"), "three");
  { AtomicDirectory(path).write("d.txt", "given up"); }
  EXPECT_FALSE(fs::exists(path / "d.txt"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory / "made"), {}), 1);
}

TEST(AtomicDirectory, GoesThroughALink) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "target");
  fs::create_directory_symlink("target", directory / "link");
  AtomicDirectory folder(directory / "link/");
  folder.write("a.txt", "one");
  folder.put_into_place();
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(read_text(directory / "target/a.txt"), "one");
}

TEST(AtomicDirectory, AKilledWriterLeavesTheOldFolderAndIsSweptAfterwards) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "folder";
  const auto write = [&](const char* text) {
    AtomicDirectory folder(path);
    folder.write("a.txt", text);
    folder.put_into_place();
  };
  write("old");
  EXPECT_EQ(run_in_child([&] {
              AtomicDirectory folder(path);
              folder.write("a.txt", "new");
              return ::raise(SIGKILL);
            }),
            -SIGKILL);
  EXPECT_EQ(read_text(path / "a.txt"), "old");
  EXPECT_EQ(directory.num_entries(), 2);
  {
    // What a living process writes stays.
    AtomicDirectory other(path);
    other.write("a.txt", "slow");
    EXPECT_EQ(run_in_child([&] {
                write("new");
                return 0;
              }),
              0);
    EXPECT_EQ(read_text(path / "a.txt"), "new");
    other.put_into_place();
  }
  EXPECT_EQ(read_text(path / "a.txt"), "slow");
  EXPECT_EQ(directory.num_entries(), 1);
}

TEST(AtomicDirectory, FailuresAreDiskErrorsAndLeaveTheOldFolder) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "content");
  EXPECT_THROW(AtomicDirectory(directory / "file"), base::DiskError);
  EXPECT_THROW(AtomicDirectory(directory / "file/folder"), base::DiskError);
  EXPECT_THROW(AtomicDirectory("/proc/folder"), base::DiskError);
  EXPECT_THROW(AtomicDirectory(directory / std::string(300, 'x')), base::DiskError);
  const int code = run_in_child([&] {
    limit_file_size(100);
    AtomicDirectory folder(directory / "folder");
    folder.write("large.txt", std::string(1000, 'x'));
    folder.put_into_place();
    return 0;
  });
  EXPECT_EQ(code, static_cast<int>(base::ExitCode::disk));
  EXPECT_EQ(directory.num_entries(), 1);
}

}  // namespace
}  // namespace swin::files
