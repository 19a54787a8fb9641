// The two ends of the conversation of files/hdf5_reader_process/third_party_hdf5.h, and the end
// that meets libhdf5.
#pragma once
#include <cstdint>

namespace swin::files::hdf5_reader {

inline constexpr int kFile = 3, kSocket = 4;  // descriptors of the child
inline constexpr int64_t kMaxSide = 65535, kMaxImageBytes = 300'000'000;
inline constexpr int64_t kMaxClasses = 65536, kMaxNameBytes = 256;
inline constexpr int64_t kMaxReplyBytes = 8 << 20;  // unless one image is larger
inline constexpr uint32_t kMaxTextBytes = 2000;
inline constexpr uint64_t kMagic = 0x3158'4648'4e49'5753;

enum Status : uint32_t { kDone = 0, kRefused = 1, kNoWalls = 2 };
/// What is wrong with a file, by what its owner can do about it: a row of the parent's table.
enum Fault : uint32_t {
  kDamaged,
  kMissing,
  kLink,
  kStorage,
  kFiltered,
  kUnwritten,
  kImageType,
  kImageShape,
  kLabelKind,
  kNames,
  kMemory,
  kNumFaults
};
enum What : uint32_t { kImages = 0, kLabels = 1 };

/// What a child says first; `text_bytes` of a reason follow unless it is done, else
/// `names_bytes` of names, each ended by a zero.
struct Header {
  uint64_t magic = kMagic;
  uint32_t status = kDone, text_bytes = 0, fault = kDamaged, unused = 0;
  int64_t images = 0, height = 0, width = 0, channels = 0;
  int64_t label_columns = 0, num_names = 0, names_bytes = 0;
};
struct Request {
  uint32_t what = kImages, unused = 0;
  int64_t first = 0, count = 0;
};
/// `text_bytes` of a reason follow, or the rows: bytes of images, int64 of labels.
struct Reply {
  uint32_t status = kDone, text_bytes = 0, fault = kDamaged, unused = 0;
};

/// Reads kFile as kSocket asks until that is closed. Enters the sandbox first.
/// @param cpu_seconds for the header; the parent allows more with each question.
[[noreturn]] void run_child(int cpu_seconds);

}  // namespace swin::files::hdf5_reader
