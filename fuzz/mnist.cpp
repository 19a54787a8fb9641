// The input describes an MNIST folder: split and names, then two IDX files, plain or gzip.
#include "data/formats/formats.h"
#include "fuzz/dataset_checks.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxBytes = 8192;  // gzip may inflate them to a thousand times as many
  if (size > kMaxBytes) return 0;
  static const swin::fuzz::Folder folder;
  swin::fuzz::Input input(data, size);
  const size_t kind = input.byte();
  swin::data::DatasetOptions options;
  options.path = folder.path();
  options.split = kind & 1 ? swin::data::Split::train : swin::data::Split::test;
  options.channels = kind & 2 ? 1 : 3;
  const std::string start = kind & 1 ? "train" : "t10k";
  folder.clear();
  folder.write(start + (kind & 4 ? "-images.idx3-ubyte" : "-images-idx3-ubyte.gz"),
               input.part(input.two_bytes()));
  folder.write(start + (kind & 8 ? "-labels.idx1-ubyte.gz" : "-labels-idx1-ubyte"), input.rest());
  try {
    const auto set = swin::data::open_mnist(options);
    swin::fuzz::check(*set, options.channels);
    swin::fuzz::require(set->num_classes() == 10);
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
