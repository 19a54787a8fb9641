// The input is a .pth file, a zip archive or the legacy format, or a file of another kind.
#include "files/torch_file.h"

#include "files/foreign_weights.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swin::fuzz::run([&] {
    const auto foreign = swin::files::foreign_weights(swin::fuzz::bytes_of(data, size), "input");
    swin::fuzz::require(!foreign || !foreign->remedy.empty());
  });
  return swin::fuzz::run([&] {
    swin::fuzz::check(swin::files::TorchFile(swin::fuzz::bytes_of(data, size), "input").arrays());
  });
}
