// Foreign HDF5 files are read in a child: what is fine is read exactly, what is not is named, and
// whatever the bytes, this process goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "files/foreign_hdf5.h"
#include "files/foreign_hdf5_child.h"
#include "tests/support/temporary_directory.h"

namespace swin::files {
namespace {

using swin::test::TemporaryDirectory;
using ::testing::HasSubstr;

std::string file_of(const std::string& name) {
  return std::string(SWIN_SOURCE_DIR "/tests/files/hdf5/") + name + ".h5";
}

uint8_t pixel(size_t n, size_t y, size_t x, size_t c) {
  return static_cast<uint8_t>(131 * n + 17 * y + 29 * x + 71 * c);
}

void expect_images(const ForeignHdf5& file) {
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

TEST(ForeignHdf5, ReadsContiguousAndChunkedFiles) {
  for (const char* name : {"contiguous", "chunked", "latest", "names_attribute"}) {
    SCOPED_TRACE(name);
    const ForeignHdf5 file(file_of(name));
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

TEST(ForeignHdf5, ReadsGrayAndForeignByteOrder) {
  const ForeignHdf5 file(file_of("gray"));
  EXPECT_EQ(file.channels(), 1);
  expect_images(file);
  EXPECT_EQ(file.read_labels(), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));
}

TEST(ForeignHdf5, ReadsSeveralLabels) {
  const ForeignHdf5 file(file_of("many_labels"));
  EXPECT_EQ(file.label_columns(), 3);
  EXPECT_EQ(file.read_labels(),
            (std::vector<int64_t>{1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0}));
}

TEST(ForeignHdf5, ThreadsTakeTurns) {
  const ForeignHdf5 file(file_of("chunked"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) threads.emplace_back([&] { expect_images(file); });
  for (std::thread& thread : threads) thread.join();
}

std::string refusal_of(const std::string& path) {
  try {
    const ForeignHdf5 file(path);
    file.read_labels();
    return "";
  } catch (const base::DataError& error) {
    return error.what();
  }
}

TEST(ForeignHdf5, RefusesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"gzip", "/images is filtered (gzip), expected no filters"},
      {"checksum", "/labels is filtered (fletcher32)"},
      {"float_images", "/images is floating point of 4 bytes, expected uint8"},
      {"float_labels", "/labels is floating point of 8 bytes, expected integers"},
      {"two_channels", "/images has the shape (6, 5, 7, 2), expected"},
      {"flat_images", "/images has the shape (6, 105), expected"},
      {"short_labels", "/labels has the shape (5), expected (6)"},
      {"no_labels", "found no dataset /labels"},
      {"empty", "/images is empty"},
      {"variable_names", "class_names is of variable length"},
      {"unwritten", "/images has fewer bytes than its shape"},
      {"huge", "/images declares more than the file can hold"},
      {"soft_link", "/images is a soft link"},
      {"external_link", "/images is an external link"},
      {"external_storage", "/images lies in an external file"},
      {"virtual", "/images is virtual"},
      {"group", "/images is no dataset"},
  };
  for (const auto& [name, expected] : cases) {
    const std::string refusal = refusal_of(file_of(name));
    EXPECT_THAT(refusal, HasSubstr(expected));
    EXPECT_THAT(refusal, HasSubstr(file_of(name)));
  }
  EXPECT_THAT(refusal_of(file_of("nowhere")), HasSubstr("no such file"));
  EXPECT_THAT(refusal_of(SWIN_SOURCE_DIR "/tests"), HasSubstr("directory"));
  EXPECT_THAT(refusal_of(SWIN_SOURCE_DIR "/README.md"), HasSubstr("is not an HDF5 file"));
}

/// Changes some bytes of a file, most of them where tables lie.
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

TEST(ForeignHdf5, SurvivesAnyBytes) {
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
        const ForeignHdf5 file(path);
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

// ---- whoever is at the other end ----------------------------------------------------------------

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
  ForeignHdf5::Channel channel() const { return {sockets[0], -1, 4000, 1}; }
};

foreign::Header honest() {
  foreign::Header header;
  header.images = 6;
  header.height = 5;
  header.width = 7;
  header.channels = 3;
  return header;
}

std::string answer_to(const foreign::Header& header) {
  OtherEnd other;
  other.say(header);
  other.close();
  try {
    const ForeignHdf5 file("liar.h5", other.channel());
    file.read_labels();
  } catch (const base::DataError& error) {
    return error.what();
  }
  return "";
}

TEST(ForeignHdf5, ALyingReaderIsNotBelieved) {
  EXPECT_THAT(answer_to(honest()), HasSubstr("liar.h5: made its reader end"));
  const auto lie = [](auto&& change) {
    foreign::Header header = honest();
    change(header);
    EXPECT_THAT(answer_to(header), HasSubstr("talk nonsense"));
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
  lie([](auto& h) { h.status = foreign::kRefused, h.text_bytes = UINT32_MAX; });
}

TEST(ForeignHdf5, ASilentReaderIsGivenUp) {
  const OtherEnd other;
  try {
    const ForeignHdf5 file("silent.h5", other.channel());
    FAIL() << "nothing was said";
  } catch (const base::DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("silent.h5: gave nothing for 1 s"));
  }
}

TEST(ForeignHdf5, ABrokenConversationStaysBroken) {
  OtherEnd other;
  other.say(honest());
  const ForeignHdf5 file("gone.h5", other.channel());
  other.close();
  for (int i = 0; i < 2; ++i) EXPECT_THROW(file.read_labels(), base::DataError);
}

}  // namespace
}  // namespace swin::files
