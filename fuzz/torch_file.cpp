// The input is a .pth file, a zip archive or the legacy format.
#include "files/torch_file.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return swin::fuzz::run([&] {
    swin::fuzz::check(swin::files::TorchFile(swin::fuzz::bytes_of(data, size), "input").arrays());
  });
}
