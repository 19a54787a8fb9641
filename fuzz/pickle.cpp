// The input is a pickle, read directly and as the data.pkl of an otherwise valid .pth file (the
// checksums of a zip would refuse most changes of a whole file).
#include "files/pickle.h"

#include <string>

#include "files/torch_file.h"
#include "fuzz/check.h"
#include "tests/files/torch_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace files = swin::files;
  swin::fuzz::run([&] {
    const files::Pickle pickle(swin::fuzz::bytes_of(data, size), "input", size);
    swin::fuzz::require(pickle.size_bytes() <= size);
  });
  return swin::fuzz::run([&] {
    const std::string bytes =
        files::testing::zip_of({{"archive/data.pkl", {reinterpret_cast<const char*>(data), size}},
                                {"archive/byteorder", "little"},
                                {"archive/data/0", files::testing::floats(3)},
                                {"archive/data/1", files::testing::floats(6)},
                                {"archive/data/2", files::testing::floats(2)}});
    for (const char* key : {"run.student", "run.teacher.net", "model"})
      swin::fuzz::run([&] {
        const files::TorchFile file(files::testing::span_of(bytes), "input", nullptr, {.key = key});
        swin::fuzz::check(file.arrays());
      });
    swin::fuzz::check(files::TorchFile(files::testing::span_of(bytes), "input").arrays());
  });
}
