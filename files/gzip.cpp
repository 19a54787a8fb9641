#include "files/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "base/limits.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

constexpr int kGzipWindow = 15 + 16;          // the largest window; 16: a gzip header is expected
constexpr int64_t kMaxRatio = 1032;           // deflate cannot expand a byte to more
constexpr size_t kMaxStep = size_t{1} << 30;  // zlib counts in 32 bits

struct Inflater {
  z_stream stream{};
  Inflater() {
    if (inflateInit2(&stream, kGzipWindow) != Z_OK)
      throw base::InternalError("gzip", "zlib gives no inflater");
  }
  ~Inflater() { inflateEnd(&stream); }
};

/// The inflated size as the last four bytes state it, limited to what is possible and asked for:
/// the initial size of the buffer.
int64_t expected_bytes(ByteSpan compressed, int64_t most_bytes) {
  uint32_t stated = 0;
  if (compressed.size() >= 18) std::memcpy(&stated, compressed.data() + compressed.size() - 4, 4);
  const int64_t possible = static_cast<int64_t>(compressed.size()) * kMaxRatio;
  return std::clamp<int64_t>(stated, 4096, std::max<int64_t>(4096, std::min(possible, most_bytes)));
}

/// Inflates until `most` bytes came out or the data end.
std::vector<uint8_t> inflate_start(ByteSpan compressed, const std::string& where, size_t most) {
  if (!is_gzip(compressed))
    throw base::DataError(where, "found no gzip header, expected a gzip file");
  Inflater inflater;
  z_stream& stream = inflater.stream;
  const int64_t expected = expected_bytes(compressed, static_cast<int64_t>(most));
  std::vector<uint8_t> out(std::min(most, static_cast<size_t>(expected) + 1));
  size_t produced = 0, consumed = 0;
  for (;;) {
    if (produced == out.size()) out.resize(std::min(most, out.size() * 2));
    const size_t input = std::min(compressed.size() - consumed, kMaxStep);
    const size_t room = std::min(out.size() - produced, kMaxStep);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data() + consumed));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = out.data() + produced;
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    consumed += input - stream.avail_in;
    produced += room - stream.avail_out;
    if (produced == most) break;
    if (status == Z_STREAM_END) {
      const auto rest = compressed.subspan(consumed);
      if (is_gzip(rest)) {  // another member follows
        inflateReset(&stream);
        continue;
      }
      if (!all_zero(rest))
        throw base::DataError(where,
                              "found " + std::to_string(rest.size()) +
                                  " bytes after the end of the gzip data, expected none",
                              "get the file again");
      break;
    }
    if (status == Z_MEM_ERROR) throw base::MemoryError(where, "no memory to inflate the file");
    const bool starved = consumed == compressed.size() && stream.avail_out != 0;
    if ((status == Z_OK || status == Z_BUF_ERROR) && !starved) continue;
    if (status == Z_OK || status == Z_BUF_ERROR)
      throw base::DataError(where,
                            "the gzip data ends after " + std::to_string(compressed.size()) +
                                " bytes (" + std::to_string(produced) +
                                " inflated), expected more: the file is truncated",
                            "get the file again");
    throw base::DataError(where,
                          "the gzip data is damaged near byte " + std::to_string(consumed) + " (" +
                              (stream.msg != nullptr ? stream.msg : "bad data") + ")",
                          "get the file again");
  }
  out.resize(produced);
  return out;
}

}  // namespace

bool is_gzip(ByteSpan bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<uint8_t> gunzip(ByteSpan compressed, const std::string& where, int64_t limit_bytes) {
  // One byte more than the limit, to notice that the limit is exceeded.
  const auto limit = static_cast<size_t>(std::max<int64_t>(limit_bytes, 0));
  std::vector<uint8_t> out = inflate_start(compressed, where, limit + 1);
  if (out.size() > limit)
    throw base::DataError(where, "inflates to more than " + std::to_string(limit_bytes) +
                                     " bytes, expected at most that many");
  return out;
}

std::vector<uint8_t> read_start_maybe_gzip(const std::filesystem::path& path, int64_t size_bytes) {
  const MappedFile file(path, FileKind::data);
  const auto most = static_cast<size_t>(std::max<int64_t>(size_bytes, 0));
  if (is_gzip(file.bytes())) return inflate_start(file.bytes(), path.string(), most);
  const auto* begin = reinterpret_cast<const uint8_t*>(file.bytes().data());
  return {begin, begin + std::min(most, file.bytes().size())};
}

std::vector<uint8_t> read_maybe_gzip(const std::filesystem::path& path, int64_t limit_bytes) {
  const MappedFile file(path, FileKind::data);
  if (is_gzip(file.bytes())) return gunzip(file.bytes(), path.string(), limit_bytes);
  if (file.size_bytes() > limit_bytes)
    throw base::DataError(path.string(), "found " + std::to_string(file.size_bytes()) +
                                             " bytes, expected at most " +
                                             std::to_string(limit_bytes));
  base::require_memory(file.size_bytes(), path.string(), "raise the group's memory limit");
  const auto* begin = reinterpret_cast<const uint8_t*>(file.bytes().data());
  return {begin, begin + file.bytes().size()};
}

std::vector<uint8_t> gzip(ByteSpan bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw base::MemoryError("gzip", "found no memory to compress");
  std::vector<uint8_t> out;
  size_t consumed = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t input = std::min(bytes.size() - consumed, kMaxStep), produced = out.size();
    out.resize(produced + std::clamp<size_t>(bytes.size() / 4, 4096, kMaxStep));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data() + consumed));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = out.data() + produced;
    stream.avail_out = static_cast<uInt>(out.size() - produced);
    status = deflate(&stream, consumed + input == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    consumed += input - stream.avail_in;
    out.resize(out.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw base::InternalError("gzip", "zlib does not compress");
  return out;
}

}  // namespace swin::files
