// The input is a safetensors file.
#include "files/safetensors.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return swin::fuzz::run([&] {
    const swin::files::SafetensorsFile file(swin::fuzz::bytes_of(data, size), "input");
    swin::fuzz::check(file.arrays());
    size_t total = 0;
    for (const auto& array : file.arrays()) {
      total += array.bytes.size();
      swin::fuzz::require(file.find(array.name) != nullptr);
    }
    swin::fuzz::require(total < size);  // no two tensors share a byte
  });
}
