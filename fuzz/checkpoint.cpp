// The input is a checkpoint, whose header and digest are checked. libhdf5 crashes on damaged files,
// but only reads files that swin wrote and whose digest is right. So the input also describes the
// contents of a checkpoint, which is written, read back, compared, and refused after one byte of it
// is changed.
#include <algorithm>
#include <string>
#include <vector>

#include "files/checkpoint_file.h"
#include "fuzz/check.h"

namespace {

namespace files = swin::files;

void round_trip(const uint8_t* data, size_t size) {
  std::vector<float> values(64);
  std::copy_n(data, std::min(size, values.size()), values.begin());
  const auto byte_at = [&](size_t i) { return i < size ? data[i] : uint8_t{0}; };
  files::CheckpointContents contents;
  contents.step = byte_at(0) * 256 + byte_at(1);
  contents.epoch = byte_at(2);
  const size_t count = byte_at(3) % 8;
  for (size_t i = 0; i < count; ++i) {
    std::vector<int64_t> shape;
    for (size_t k = 0; k < byte_at(4 + 4 * i) % 4u; ++k)
      shape.push_back(byte_at(5 + 4 * i + k) % 5);
    const auto elements = static_cast<size_t>(*files::num_elements_of(shape));
    // Names in any order.
    const std::string name = (byte_at(4 + i) % 2 == 0 ? "model/" : "optimizer/exp_avg/") +
                             std::string(1 + byte_at(7 + 4 * i) % 40, 'a' + byte_at(8 + i) % 26) +
                             "." + std::to_string(i);
    contents.arrays.push_back(
        files::NamedArray::of(name, shape, std::span<const float>(values).first(elements)));
  }
  contents.meta = {{"config", std::string(reinterpret_cast<const char*>(data), size)}};

  std::vector<std::byte> bytes = files::checkpoint_bytes(contents);
  {
    const files::CheckpointFile file(bytes, "input");
    swin::fuzz::require(file.step() == contents.step && file.epoch() == contents.epoch);
    swin::fuzz::require(file.entries().size() == count);
    swin::fuzz::require(file.meta("config") == contents.meta[0].second);
    for (const files::NamedArray& array : contents.arrays) {
      const files::NamedArray read = file.read(array.name);
      swin::fuzz::require(read.shape == array.shape && std::ranges::equal(read.bytes, array.bytes));
    }
  }
  const size_t at = (byte_at(4) * 65536u + byte_at(5) * 256u + byte_at(6)) % bytes.size();
  bytes[at] ^= std::byte{static_cast<uint8_t>(byte_at(7) | 1)};
  bool refused = false;
  try {
    files::verify_checkpoint(bytes, "changed");
  } catch (const swin::base::WeightError&) {
    refused = true;
  }
  swin::fuzz::require(refused);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swin::fuzz::run([&] { files::verify_checkpoint(swin::fuzz::bytes_of(data, size), "input"); });
  constexpr size_t kMaxDescription = 300;  // writing takes much longer than checking a header
  if (size <= kMaxDescription) round_trip(data, size);
  return 0;
}
