#include "files/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/errors.h"
#include "files/atomic_file.h"
#include "tests/files/test_files.h"

namespace swin::files {
namespace {

using ::testing::HasSubstr;

std::string gzip_of(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string varied_text(size_t size) {
  std::string text;
  for (uint32_t state = 1; text.size() < size; state = state * 1664525u + 1013904223u)
    text += static_cast<char>('a' + (state >> 29));
  return text;
}

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Gzip, RoundTripsAtSizesAroundItsBuffers) {
  for (const size_t size : {0, 1, 100, 4095, 4096, 4097, 4098, 100'000, 3'000'000}) {
    const std::string text = varied_text(size), packed = gzip_of(text);
    EXPECT_EQ(text_of(gunzip(bytes_of(packed), "x", static_cast<int64_t>(size))), text) << size;
  }
}

TEST(Gzip, ReadsSeveralMembersAndZeroPadding) {
  const std::string packed = gzip_of("one ") + gzip_of("two") + std::string(512, '\0');
  EXPECT_EQ(text_of(gunzip(bytes_of(packed), "x", 100)), "one two");
}

TEST(Gzip, FilesByContentNotByName) {
  const TemporaryDirectory directory;
  write_text(directory / "plain.gz", "plain");
  write_text(directory / "packed", gzip_of("packed"));
  EXPECT_EQ(text_of(read_maybe_gzip(directory / "plain.gz", 5)), "plain");
  EXPECT_EQ(text_of(read_maybe_gzip(directory / "packed", 6)), "packed");
  EXPECT_THAT(message_of<base::DataError>([&] { read_maybe_gzip(directory / "plain.gz", 4); }),
              HasSubstr("found 5 bytes, expected at most 4"));
  EXPECT_THAT(message_of<base::DataError>([&] { read_maybe_gzip(directory / "packed", 5); }),
              HasSubstr("packed: inflates to more than 5 bytes"));
}

TEST(Gzip, EveryTruncationIsReported) {
  const std::string packed = gzip_of(varied_text(3000));
  for (size_t size = 2; size < packed.size(); ++size)
    EXPECT_THAT(message_of<base::DataError>(
                    [&] { gunzip(bytes_of(packed.substr(0, size)), "train.gz", 1 << 20); }),
                HasSubstr("train.gz: the gzip data ends"))
        << size;
  EXPECT_THAT(message_of<base::DataError>([&] { gunzip(bytes_of("\x1f"), "train.gz", 99); }),
              HasSubstr("no gzip header"));
}

TEST(Gzip, DamageIsReported) {
  const std::string text = varied_text(3000), packed = gzip_of(text);
  int refused = 0;
  for (size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    try {  // the time stamp and other unused header fields may change; the data may not
      EXPECT_EQ(text_of(gunzip(bytes_of(damaged), "x", 1 << 20)), text) << bit;
    } catch (const base::DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int>(packed.size() * 8) - 80);
  EXPECT_THAT(
      message_of<base::DataError>([&] { gunzip(bytes_of(packed + "tail"), "train.gz", 1 << 20); }),
      HasSubstr("found 4 bytes after the end"));
}

TEST(Gzip, ABombStopsAtTheLimit) {
  const std::string packed = gzip_of(std::string(50'000'000, '\0'));
  EXPECT_THAT(message_of<base::DataError>([&] { gunzip(bytes_of(packed), "bomb", 1'000'000); }),
              HasSubstr("more than 1000000 bytes"));
}

TEST(Gzip, AStartIsReadAlone) {
  const TemporaryDirectory directory;
  const std::string text = varied_text(100'000), packed = gzip_of(text);
  write_text(directory / "plain", text);
  write_text(directory / "packed", packed);
  write_text(directory / "cut", packed.substr(0, packed.size() / 2));
  write_text(directory / "damaged", packed.substr(0, packed.size() - 8) + "checksum");
  for (const char* name : {"plain", "packed", "cut", "damaged"})
    for (const size_t size : {0, 1, 16, 5000})
      EXPECT_EQ(text_of(read_start_maybe_gzip(directory / name, static_cast<int64_t>(size))),
                text.substr(0, size))
          << name;
  // One byte more than the file has: all of it, checked to its end.
  for (const char* name : {"plain", "packed"})
    EXPECT_EQ(text_of(read_start_maybe_gzip(directory / name, 100'001)), text);
  for (const auto& [name, what] : {std::pair{"cut", "cut: the gzip data ends after"},
                                   {"damaged", "damaged: the gzip data is damaged"}})
    EXPECT_THAT(message_of<base::DataError>(
                    [&, name = name] { read_start_maybe_gzip(directory / name, 100'001); }),
                HasSubstr(what));
}

TEST(Gzip, WritesWhatItReadsAndAlwaysTheSameBytes) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}, size_t{300000}}) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>(i * i % 251);
    const std::vector<uint8_t> zipped = gzip(std::as_bytes(std::span(text)));
    EXPECT_EQ(zipped, gzip(std::as_bytes(std::span(text))));
    EXPECT_EQ(std::vector<uint8_t>(zipped.begin() + 3, zipped.begin() + 8),
              std::vector<uint8_t>(5));  // neither a name nor a time
    const std::vector<uint8_t> again =
        gunzip(std::as_bytes(std::span(zipped)), "x.gz", static_cast<int64_t>(size));
    EXPECT_EQ(std::string(again.begin(), again.end()), text);
  }
}

}  // namespace
}  // namespace swin::files
