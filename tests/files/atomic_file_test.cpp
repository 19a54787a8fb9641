#include "files/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/errors.h"
#include "tests/files/test_files.h"
#include "tests/support/forked_child.h"

namespace swin::files {
namespace {

using test::limit_file_size;
using test::run_in_child;
using ::testing::HasSubstr;

TEST(AtomicFile, WritesSpansInOrderAndLeavesNothingElse) {
  const TemporaryDirectory directory;
  const ByteSpan spans[] = {bytes_of("one "), bytes_of(""), bytes_of("two")};
  write_file_atomically(directory / "file", spans);
  EXPECT_EQ(read_text(directory / "file"), "one two");
  write_file_atomically(directory / "file", "three");
  EXPECT_EQ(read_text(directory / "file"), "three");
  write_file_atomically(directory / "file", std::span<const ByteSpan>());
  EXPECT_EQ(read_text(directory / "file"), "");
  EXPECT_EQ(directory.num_entries(), 1);
}

TEST(AtomicFile, WhatCannotBeWrittenIsKnownBefore) {
  const TemporaryDirectory directory;
  write_text(directory / "old", "content");
  require_writable(directory / "old");
  require_writable(directory / "new");
  EXPECT_EQ(read_text(directory / "old"), "content");
  EXPECT_EQ(directory.num_entries(), 1);
  for (const fs::path& path :
       {directory / "missing/file", directory / "old/file", directory.path(), fs::path("/dev/null"),
        fs::path("/proc/file"), directory / std::string(300, 'x')}) {
    EXPECT_THROW(require_writable(path), base::DiskError) << path;
    EXPECT_THROW(write_file_atomically(path, "text"), base::DiskError) << path;
  }
}

TEST(AtomicFile, TakesRelativePaths) {
  const TemporaryDirectory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());
  write_file_atomically("file", "text");
  replace_symlink("link", "file");
  fs::current_path(before);
  EXPECT_EQ(read_text(directory / "link"), "text");
}

TEST(AtomicFile, AReaderKeepsTheOldFile) {
  const TemporaryDirectory directory;
  write_file_atomically(directory / "file", "old");
  std::ifstream reader(directory / "file");
  write_file_atomically(directory / "file", "new");
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old");
}

TEST(AtomicFile, AReaderSeesOneWholeFile) {
  const TemporaryDirectory directory;
  const std::string texts[] = {std::string(100'000, 'a'), std::string(50'000, 'b')};
  write_file_atomically(directory / "file", texts[0]);
  std::thread writer([&] {
    for (int i = 0; i < 24; ++i) write_file_atomically(directory / "file", texts[i % 2]);
  });
  for (int i = 0; i < 200; ++i) {
    const std::string text = read_text(directory / "file");
    EXPECT_TRUE(text == texts[0] || text == texts[1]) << text.size();
  }
  writer.join();
}

TEST(AtomicFile, ImpossiblePathsAreDiskErrors) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "old");
  fs::create_directory(directory / "folder");
  const auto message = [](const fs::path& path) {
    return message_of<base::DiskError>([&] { write_file_atomically(path, "new"); });
  };
  EXPECT_THAT(message(directory / "none" / "file"), HasSubstr("make the directory first"));
  EXPECT_THAT(message(directory / "file" / "below"), HasSubstr("choose another path"));
  EXPECT_THAT(message(directory / "folder"), HasSubstr("found a directory"));
  EXPECT_THAT(message(directory.path() / ""), HasSubstr("add a file name"));
  EXPECT_THAT(message(directory / std::string(300, 'x')), HasSubstr("choose a shorter name"));
  EXPECT_THAT(message("/proc/swin_cannot_write_here"), HasSubstr("cannot create"));
  EXPECT_THAT(message("/dev/full"), HasSubstr("device"));
  EXPECT_EQ(directory.num_entries(), 2);
  EXPECT_EQ(read_text(directory / "file"), "old");
}

TEST(AtomicFile, AnUnwritableDirectoryIsADiskError) {
  const TemporaryDirectory directory;
  ::chmod(directory.path().c_str(), 0500);
  const int status = run_in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 97;  // root may write everywhere
    try {
      write_file_atomically(directory / "file", "x");
    } catch (const base::DiskError& error) {
      const std::string text = error.what();
      return text.find("choose a directory you may write to") != std::string::npos ? 5 : 98;
    }
    return 0;
  });
  ::chmod(directory.path().c_str(), 0700);
  EXPECT_EQ(status, 5);
}

TEST(AtomicFile, AFileSizeLimitIsADiskErrorAndTheOldFileStays) {
  const TemporaryDirectory directory;
  write_file_atomically(directory / "file", "old");
  for (const rlim_t limit : {0, 1, 4096, 99'999}) {
    const int status = run_in_child([&] {
      limit_file_size(limit);
      try {
        write_file_atomically(directory / "file", std::string(100'000, 'x'));
      } catch (const base::DiskError& error) {
        const std::string text = error.what();
        return text.find("ulimit -f") != std::string::npos ? static_cast<int>(error.code()) : 98;
      }
      return 0;
    });
    EXPECT_EQ(status, 5) << limit;
    EXPECT_EQ(read_text(directory / "file"), "old");
    EXPECT_EQ(directory.num_entries(), 1);
  }
  EXPECT_EQ(run_in_child([&] {
              limit_file_size(100'000);
              write_file_atomically(directory / "file", std::string(100'000, 'x'));
              return 0;
            }),
            0);
  EXPECT_EQ(read_text(directory / "file").size(), 100'000u);
}

TEST(AtomicFile, AKilledWriterLeavesTheOldFileAndATemporaryToSweep) {
  const TemporaryDirectory directory;
  write_file_atomically(directory / "file", "old");
  // SIGXFSZ with the default handler stands for a kill in the middle of a write.
  const int status = run_in_child([&] {
    ignore_file_size_signal();
    std::signal(SIGXFSZ, SIG_DFL);
    limit_file_size(4096);
    write_file_atomically(directory / "file", std::string(100'000, 'x'));
    return 0;
  });
  EXPECT_EQ(status, -SIGXFSZ);
  EXPECT_EQ(read_text(directory / "file"), "old");
  EXPECT_EQ(directory.num_entries(), 2);
  EXPECT_EQ(sweep_stale_temporaries(directory.path()), 1);
  EXPECT_EQ(directory.num_entries(), 1);
}

TEST(AtomicFile, SweepTakesOnlyTemporariesWithoutAWriter) {
  const TemporaryDirectory directory;
  for (const char* name :
       {"file", ".hidden", "file.tmp.12", ".file.tmp.", ".file.tmp.x1", ".tmp.7"})
    write_text(directory / name, "keep");
  write_text(directory / ".file.tmp.12", "stale");
  write_text(directory / (".file.tmp." + std::to_string(::getpid())), "stale");
  fs::create_symlink("file", directory / ".last.h5.tmp.12");
  fs::create_directory(directory / ".folder.tmp.12");
  write_text(directory / ".busy.tmp.12", "being written");
  const int busy = ::open((directory / ".busy.tmp.12").c_str(), O_RDWR);
  ASSERT_EQ(::flock(busy, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(sweep_stale_temporaries(directory.path()), 3);
  EXPECT_TRUE(fs::exists(directory / ".busy.tmp.12"));
  EXPECT_EQ(directory.num_entries(), 8);
  ::close(busy);
  EXPECT_EQ(sweep_stale_temporaries(directory.path()), 1);
  EXPECT_EQ(sweep_stale_temporaries(directory / "none"), 0);
}

TEST(AtomicFile, LeftoversOfTheSameProcessIdAreReplaced) {
  const TemporaryDirectory directory;
  write_text(directory / "victim", "victim");
  const std::string temporary = ".file.tmp." + std::to_string(::getpid());
  fs::create_symlink("victim", directory / temporary);
  write_file_atomically(directory / "file", "text");
  EXPECT_EQ(read_text(directory / "victim"), "victim");
  EXPECT_EQ(read_text(directory / "file"), "text");
  EXPECT_FALSE(fs::is_symlink(directory / "file"));
}

TEST(Symlink, IsReplacedWhole) {
  const TemporaryDirectory directory;
  write_text(directory / "step_1.h5", "1");
  write_text(directory / "step_2.h5", "2");
  replace_symlink(directory / "last.h5", "step_1.h5");
  EXPECT_EQ(read_text(directory / "last.h5"), "1");
  replace_symlink(directory / "last.h5", "step_2.h5");
  EXPECT_EQ(read_text(directory / "last.h5"), "2");
  EXPECT_EQ(fs::read_symlink(directory / "last.h5"), "step_2.h5");
  EXPECT_EQ(directory.num_entries(), 3);
  EXPECT_THROW(replace_symlink(directory / "none" / "last.h5", "x"), base::DiskError);
  EXPECT_THROW(replace_symlink(directory.path(), "x"), base::DiskError);
  write_file_atomically(directory / "last.h5", "file");  // replaces the link, not its target
  EXPECT_EQ(read_text(directory / "step_2.h5"), "2");
}

TEST(Directories, AreMadeOrRefused) {
  const TemporaryDirectory directory;
  make_directories(directory / "a" / "b");
  make_directories(directory / "a" / "b");
  EXPECT_TRUE(fs::is_directory(directory / "a" / "b"));
  write_text(directory / "file", "");
  EXPECT_THROW(make_directories(directory / "file"), base::DiskError);
  EXPECT_THROW(make_directories(directory / "file" / "below"), base::DiskError);
  EXPECT_THROW(make_directories("/proc/swin"), base::DiskError);
}

}  // namespace
}  // namespace swin::files
