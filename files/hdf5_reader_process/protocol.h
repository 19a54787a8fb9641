// The protocol between ThirdPartyHdf5 (files/hdf5_reader_process/third_party_hdf5.h) and its child
// process, in which libhdf5 runs.
#pragma once
#include <cstdint>

namespace swin::files::hdf5_reader {

inline constexpr int kFile = 3, kSocket = 4;  // descriptors of the child
inline constexpr int64_t kMaxSide = 65535, kMaxImageBytes = 300'000'000;
inline constexpr int64_t kMaxClasses = 65536, kMaxNameBytes = 256;
inline constexpr int64_t kMaxReplyBytes = 8 << 20;  // unless one image is larger
inline constexpr uint32_t kMaxTextBytes = 2000;
inline constexpr uint64_t kMagic = 0x3158'4648'4e49'5753;

enum Status : uint32_t { kDone = 0, kRefused = 1, kNoSandbox = 2 };
/// What is wrong with a file: the index of its remedy in the parent's table.
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

/// The child's first message. If its status is kDone, `names_bytes` of names follow, each ended by
/// a zero; else `text_bytes` of a reason.
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
/// If its status is kDone, the rows follow: images as bytes, labels as int64; else `text_bytes` of
/// a reason.
struct Reply {
  uint32_t status = kDone, text_bytes = 0, fault = kDamaged, unused = 0;
};

/// Enters the sandbox, then answers requests from kSocket about kFile until the socket is closed.
/// @param cpu_seconds for the header; the parent allows more with each request.
[[noreturn]] void run_child(int cpu_seconds);

}  // namespace swin::files::hdf5_reader
