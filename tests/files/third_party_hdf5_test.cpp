// Third-party HDF5 files are read in a child process: good ones are read exactly, bad ones are
// refused with the reason, and whatever the bytes, this process continues.
#include "files/hdf5_reader_process/third_party_hdf5.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "files/hdf5_reader_process/protocol.h"
#include "files/hdf5_reader_process/sandbox.h"
#include "files/hdf5_reader_process/third_party_hdf5.h"
#include "files/hdf5_signature.h"
#include "tests/files/test_files.h"
#include "tests/support/places.h"

namespace swin::files {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string file_of(const std::string& name) {
  return swin::test::source_dir() + "/tests/files/hdf5/" + name + ".h5";
}

uint8_t pixel(size_t n, size_t y, size_t x, size_t c) {
  return static_cast<uint8_t>(131 * n + 17 * y + 29 * x + 71 * c);
}

void expect_images(const ThirdPartyHdf5& file) {
  ASSERT_EQ(file.num_images(), 6);
  ASSERT_EQ(file.height(), 5);
  ASSERT_EQ(file.width(), 7);
  const auto channels = static_cast<size_t>(file.channels());
  std::vector<uint8_t> one(static_cast<size_t>(file.image_bytes())), all(6 * one.size());
  file.read_images(0, 6, all);
  for (const size_t n : {4u, 0u, 5u, 1u, 2u, 3u}) {
    file.read_images(static_cast<int64_t>(n), 1, one);
    for (size_t i = 0; i < one.size(); ++i) {
      const size_t c = i % channels, x = i / channels % 7, y = i / channels / 7;
      ASSERT_EQ(one[i], pixel(n, y, x, c)) << "image " << n << " byte " << i;
      ASSERT_EQ(all[n * one.size() + i], one[i]);
    }
  }
}

TEST(ThirdPartyHdf5, ReadsContiguousAndChunkedFiles) {
  for (const char* name : {"contiguous", "chunked", "latest", "names_attribute"}) {
    SCOPED_TRACE(name);
    const ThirdPartyHdf5 file(file_of(name));
    EXPECT_EQ(file.channels(), 3);
    EXPECT_EQ(file.label_columns(), 0);
    expect_images(file);
    EXPECT_EQ(file.read_labels(), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));
    if (std::string(name) != "chunked")
      EXPECT_EQ(file.class_names(), (std::vector<std::string>{"cat", "dog", "emu"}));
    else
      EXPECT_TRUE(file.class_names().empty());
  }
}

TEST(ThirdPartyHdf5, ReadsGrayAndBigEndianFiles) {
  const ThirdPartyHdf5 file(file_of("gray"));
  EXPECT_EQ(file.channels(), 1);
  expect_images(file);
  EXPECT_EQ(file.read_labels(), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));
}

TEST(ThirdPartyHdf5, ReadsSeveralLabels) {
  const ThirdPartyHdf5 file(file_of("many_labels"));
  EXPECT_EQ(file.label_columns(), 3);
  EXPECT_EQ(file.read_labels(),
            (std::vector<int64_t>{1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0}));
}

TEST(ThirdPartyHdf5, ThreadsTakeTurns) {
  const ThirdPartyHdf5 file(file_of("chunked"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) threads.emplace_back([&] { expect_images(file); });
  for (std::thread& thread : threads) thread.join();
}

std::string refusal_of(const std::string& path) {
  try {
    const ThirdPartyHdf5 file(path);
    file.read_labels();
    return "";
  } catch (const base::DataError& error) {
    return error.what();
  }
}

TEST(ThirdPartyHdf5, RefusesByName) {
  struct Case {
    const char *name, *found, *remedy;
  };
  const Case cases[] = {
      {"gzip", "/images is filtered (gzip), expected no filters", "without compression"},
      {"checksum", "/labels is filtered (fletcher32)", "without compression and checksums"},
      {"float_images", "/images is floating point of 4 bytes, expected uint8", "astype(\"uint8\")"},
      {"float_labels", "/labels is floating point of 8 bytes, expected integers", "write integers"},
      {"two_channels", "/images has the shape (6, 5, 7, 2), expected", "transpose(0, 2, 3, 1)"},
      {"flat_images", "/images has the shape (6, 105), expected", "bring it into this shape"},
      {"short_labels", "/labels has the shape (5), expected (6)", "the class of each image"},
      {"no_labels", "found no dataset /labels", "add or rename it"},
      {"empty", "/images is empty", "write every image"},
      {"variable_names", "class_names is of variable length", "dtype=\"S\""},
      {"unwritten", "/images has fewer bytes than its shape", "write every image"},
      {"partly_written", "/images has fewer bytes than its shape", "write every image"},
      {"huge", "/images declares more than the file can hold", "the size of what they hold"},
      {"soft_link", "/images is a soft link", "store the dataset itself"},
      {"external_link", "/images is an external link", "store the dataset itself"},
      {"external_storage", "/images lies in an external file", "create_dataset(name, data=array)"},
      {"virtual", "/images is virtual", "create_dataset(name, data=array)"},
      {"group", "/images is no dataset", "create_dataset(name, data=array)"},
  };
  for (const Case& c : cases) {
    const std::string refusal = refusal_of(file_of(c.name));
    EXPECT_THAT(refusal, StartsWith(file_of(c.name) + ": " + c.found));
    EXPECT_THAT(refusal.substr(std::min(refusal.rfind("; "), refusal.size())), HasSubstr(c.remedy));
  }
  EXPECT_THAT(refusal_of(file_of("nowhere")), HasSubstr("no such file"));
  EXPECT_THAT(refusal_of(swin::test::source_dir() + "/tests"), HasSubstr("directory"));
  EXPECT_THAT(refusal_of(swin::test::source_dir() + "/README.md"),
              HasSubstr("is not an HDF5 file"));
}

// The format allows the signature at certain offsets only. libhdf5 1.14 reads beyond the end of a
// file that has none.
TEST(ThirdPartyHdf5, TheSignatureIsCheckedFirst) {
  const TemporaryDirectory directory;
  const std::string bytes = swin::test::read_text(file_of("contiguous"));
  const auto after = [&](size_t zeros) {
    return directory.write("after_zeros.h5", std::string(zeros, '\0') + bytes).string();
  };
  for (const size_t zeros : {512, 1024, 2048, 65536}) {
    SCOPED_TRACE(zeros);
    expect_images(ThirdPartyHdf5(after(zeros)));
  }
  for (const size_t zeros : {1, 8, 256, 513, 1536}) {
    SCOPED_TRACE(zeros);
    EXPECT_THAT(refusal_of(after(zeros)), HasSubstr("is not an HDF5 file"));
  }
  for (const size_t size : {1, 7, 8, 9, 519, 520, 521, 1024, 5000}) {
    SCOPED_TRACE(size);
    const std::string path = directory.write("none.h5", std::string(size, 'x')).string();
    EXPECT_THAT(refusal_of(path), HasSubstr("is not an HDF5 file"));
    std::vector<uint64_t> offsets;
    EXPECT_FALSE(has_hdf5_signature(size, [&](uint64_t offset, char*) {
      EXPECT_LE(offset + kHdf5Signature.size(), size);
      offsets.push_back(offset);
      return false;
    }));
    EXPECT_EQ(offsets.size(), size < 8 ? 0u : size < 520 ? 1u : size < 1032 ? 2u : 5u);
  }
}

// Such a type made libhdf5 read beyond its buffer: the images differed from run to run.
TEST(ThirdPartyHdf5, AnIntegerTypeWithBitsOutsideItsBytesIsRefused) {
  const TemporaryDirectory directory;
  const auto with_offset = [&](const std::string& type, char bits) {
    std::string bytes = swin::test::read_text(file_of("contiguous"));
    const size_t at = bytes.find(type);
    EXPECT_NE(at, std::string::npos);
    bytes.at(at + 8) = bits;
    return refusal_of(directory.write("changed.h5", bytes).string());
  };
  // A datatype message: class, sign, bytes, offset of the bits, number of the bits.
  const std::string uint8("\x10\0\0\0\x01\0\0\0\0\0\x08\0", 12);
  const std::string int64("\x10\x08\0\0\x08\0\0\0\0\0\x40\0", 12);
  EXPECT_EQ(with_offset(uint8, 0), "");
  EXPECT_THAT(with_offset(uint8, '\xb7'), HasSubstr("/images is damaged"));
  EXPECT_THAT(with_offset(uint8, 1), HasSubstr("/images is damaged"));
  EXPECT_THAT(with_offset(int64, 8), HasSubstr("/labels is damaged"));
}

/// Changes some bytes of a file, mostly in its tables.
std::string changed(std::string bytes, uint64_t number) {
  uint64_t k = 0;
  const auto draw = [&](uint64_t below) {
    return base::Random(number, "mutation", k++).bits(0) % below;
  };
  const uint64_t changes = 1 + draw(6);
  for (uint64_t i = 0; i < changes; ++i) {
    const uint64_t range = draw(4) == 0 ? bytes.size() : std::min<uint64_t>(bytes.size(), 2400);
    const size_t at = draw(range);
    constexpr unsigned char kValues[] = {0, 1, 0x7f, 0x80, 0xff};
    bytes[at] = static_cast<char>(draw(2) == 0 ? kValues[draw(5)] : draw(256));
  }
  if (draw(10) == 0) bytes.resize(draw(bytes.size()) + 1);
  return bytes;
}

TEST(ThirdPartyHdf5, SurvivesAnyBytes) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "changed.h5").string();
  int refused = 0, read = 0;
  uint64_t number = 0;
  for (const char* name : {"contiguous", "chunked", "latest", "many_labels"}) {
    const std::string bytes = swin::test::read_text(file_of(name));
    for (int i = 0; i < 30; ++i, ++number) {
      {
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out << changed(bytes, number);
      }
      try {
        const ThirdPartyHdf5 file(path);
        std::vector<uint8_t> pixels(static_cast<size_t>(file.num_images() * file.image_bytes()));
        file.read_images(0, file.num_images(), pixels);
        file.read_labels();
        ++read;
      } catch (const base::DataError& error) {
        ++refused;
        ASSERT_THAT(error.what(), HasSubstr(path));
      }
    }
  }
  EXPECT_GT(refused, 20);
  EXPECT_GT(read, 20);
}

// ---- the protocol -------------------------------------------------------------------------------

struct OtherEnd {
  std::array<int, 2> sockets{};
  OtherEnd() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0); }
  ~OtherEnd() { close(); }
  void close() {
    if (sockets[1] >= 0) ::close(std::exchange(sockets[1], -1));
  }
  template <class T>
  void say(const T& value, size_t bytes = sizeof(T)) const {
    ASSERT_EQ(::write(sockets[1], &value, bytes), static_cast<ssize_t>(bytes));
  }
  ThirdPartyHdf5::Channel channel() const {
    return {.socket = sockets[0], .file_bytes = 4000, .wall_milliseconds = 0};
  }
};

hdf5_reader::Header honest() {
  hdf5_reader::Header header;
  header.images = 6;
  header.height = 5;
  header.width = 7;
  header.channels = 3;
  return header;
}

std::string answer_to(const hdf5_reader::Header& header) {
  OtherEnd other;
  other.say(header);
  other.close();
  try {
    const ThirdPartyHdf5 file("liar.h5", other.channel());
    file.read_labels();
  } catch (const base::DataError& error) {
    return error.what();
  }
  return "";
}

TEST(ThirdPartyHdf5, ALyingReaderIsNotBelieved) {
  EXPECT_THAT(answer_to(honest()), HasSubstr("liar.h5: made its reader end"));
  const auto lie = [](auto&& change) {
    hdf5_reader::Header header = honest();
    change(header);
    EXPECT_THAT(answer_to(header), HasSubstr("break the protocol"));
  };
  lie([](auto& h) { h.magic = 0; });
  lie([](auto& h) { h.images = 0; });
  lie([](auto& h) { h.images = INT64_MAX; });
  lie([](auto& h) { h.images = 39; });  // 39 · 105 bytes are more than the file has
  lie([](auto& h) { h.height = -5; });
  lie([](auto& h) { h.height = h.width = 65535; });
  lie([](auto& h) { h.channels = 2; });
  lie([](auto& h) { h.label_columns = 65536; });
  lie([](auto& h) { h.num_names = -1; });
  lie([](auto& h) { h.names_bytes = INT64_MAX; });
  lie([](auto& h) { h.num_names = 1; });  // and no name follows
  lie([](auto& h) { h.status = hdf5_reader::kRefused, h.text_bytes = UINT32_MAX; });
  lie([](auto& h) { h.status = hdf5_reader::kRefused, h.fault = hdf5_reader::kNumFaults; });
}

TEST(ThirdPartyHdf5, NamesAreWholeAndHarmless) {
  const OtherEnd other;
  hdf5_reader::Header header = honest();
  const std::string names =
      std::string(255, 'a') + "b" + '\0' + std::string(255, 'a') + "c" + '\0' + "\x1b[2J" + '\0';
  header.num_names = 3;
  header.names_bytes = static_cast<int64_t>(names.size());
  other.say(header);
  other.say(names[0], names.size());
  const ThirdPartyHdf5 file("names.h5", other.channel());
  EXPECT_EQ(file.class_names(), (std::vector<std::string>{std::string(255, 'a') + "b",
                                                          std::string(255, 'a') + "c", "?[2J"}));
}

TEST(ThirdPartyHdf5, ASilentReaderIsGivenUp) {
  const OtherEnd other;
  try {
    const ThirdPartyHdf5 file("silent.h5", other.channel());
    FAIL() << "nothing was said";
  } catch (const base::DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("silent.h5: gave nothing for 0 s"));
  }
}

TEST(ThirdPartyHdf5, ABrokenConnectionStaysBroken) {
  OtherEnd other;
  other.say(honest());
  const ThirdPartyHdf5 file("gone.h5", other.channel());
  other.close();
  for (int i = 0; i < 2; ++i) EXPECT_THROW(file.read_labels(), base::DataError);
}

// ---- the sandbox --------------------------------------------------------------------------------

/// Runs `work` in a process of its own, in a sandbox that allows this file and this socket.
/// @return its process id.
template <class Work>
pid_t in_sandbox(int file, int channel, const SandboxLimits& limits, Work work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (!enter_sandbox(file, channel, limits).empty()) ::_exit(100);
  work();
  ::_exit(0);
}

TEST(ThirdPartyHdf5, AReaderThatNeverEndsIsKilled) {
  OtherEnd other;
  const pid_t child = in_sandbox(0, other.sockets[1], {.cpu_seconds = 1}, [] {
    for (volatile unsigned i = 0;;) i = i + 1;
  });
  ASSERT_GT(child, 0);
  other.close();
  ThirdPartyHdf5::Channel channel = other.channel();
  channel.child = child;
  channel.wall_milliseconds = 60'000;
  channel.cpu_seconds = 1;
  const std::string error = swin::test::message_of<base::DataError>(
      [&] { const ThirdPartyHdf5 file("endless.h5", channel); });
  EXPECT_THAT(error, StartsWith("endless.h5: took more than 1 s to read"));
  EXPECT_EQ(::waitpid(child, nullptr, 0), -1) << "the reader was not reaped";
}

class Sandbox : public ::testing::Test {
 protected:
  Sandbox() { file_ = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC); }
  ~Sandbox() override { ::close(file_); }
  void SetUp() override {
    if (!sandbox_is_whole()) GTEST_SKIP() << "the runtimes of sanitizers need system calls";
  }
  /// The exit status of a process that does this in the sandbox.
  template <class Work>
  int status_after(Work work) const {
    const SandboxLimits limits{.memory_bytes = 64 << 20};
    const pid_t child = in_sandbox(file_, other_.sockets[1], limits, work);
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  template <class Work>
  void expect_ended(const char* what, Work work) const {
    const int status = status_after(work);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        << what << " left the status " << status;
  }
  int file_ = -1;
  OtherEnd other_;
};

TEST_F(Sandbox, AllowsTheFileAndTheChannel) {
  const int status = status_after([&] {
    char magic[4] = {};
    if (::pread(file_, magic, 4, 0) != 4) ::_exit(1);
    if (::write(other_.sockets[1], magic, 4) != 4) ::_exit(2);
    char* block = static_cast<char*>(std::malloc(16 << 20));
    if (block == nullptr) ::_exit(3);
    block[1 << 20] = 1;
    std::free(block);
  });
  EXPECT_EQ(status, 0);
  char magic[4] = {};
  ASSERT_EQ(::read(other_.sockets[0], magic, 4), 4);
  EXPECT_EQ(std::string(magic, 4),
            "\x7f"
            "ELF");
}

TEST_F(Sandbox, ForbiddenCallsEndTheProcess) {
  expect_ended("open", [] { (void)::open("/dev/null", O_RDONLY); });
  expect_ended("socket", [] { (void)::socket(AF_INET, SOCK_STREAM, 0); });
  expect_ended("pread of another file", [] {
    char byte = 0;
    (void)!::pread(0, &byte, 1, 0);
  });
  expect_ended("write into the file", [&] { (void)!::write(file_, "x", 1); });
  expect_ended("write to another channel", [] { (void)!::write(2, "", 0); });
  expect_ended("fork", [] {
    if (::fork() == 0) ::_exit(0);
  });
  expect_ended("exec", [] {
    char name[] = "true";
    char* arguments[] = {name, nullptr};
    ::execv("/bin/true", arguments);
  });
  expect_ended("kill", [] { ::kill(::getppid(), 0); });
  expect_ended("memory that holds code", [] {
    (void)::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  });
  expect_ended("mapping the file",
               [&] { (void)::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file_, 0); });
}

TEST_F(Sandbox, LimitsMemory) {
  const int status = status_after([] {
    void* volatile block = std::malloc(size_t{256} << 20);  // volatile: else the compiler drops it
    ::_exit(block == nullptr ? 7 : 8);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST(ThirdPartyHdf5, AForbiddenCallIsReported) {
  if (!sandbox_is_whole()) GTEST_SKIP() << "the runtimes of sanitizers need system calls";
  OtherEnd other;
  ThirdPartyHdf5::Channel channel = other.channel();
  channel.child =
      in_sandbox(0, other.sockets[1], {}, [] { (void)::open("/etc/passwd", O_RDONLY); });
  channel.wall_milliseconds = 60'000;
  other.close();
  EXPECT_THAT(swin::test::message_of<base::DataError>(
                  [&] { const ThirdPartyHdf5 file("hostile.h5", channel); }),
              StartsWith("hostile.h5: made its reader attempt a forbidden system call"));
}

}  // namespace
}  // namespace swin::files
