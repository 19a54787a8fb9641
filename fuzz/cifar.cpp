// The input describes a CIFAR folder: kind and split, then the class names, then the records.
#include "data/formats/formats.h"
#include "fuzz/dataset_checks.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const swin::fuzz::Folder folder;
  swin::fuzz::Input input(data, size);
  const size_t kind = input.byte();
  const bool hundred = kind & 1, train = kind & 2, named = kind & 4, whole = kind & 8;
  swin::data::DatasetOptions options;
  options.path = folder.path();
  options.split = train ? swin::data::Split::train : swin::data::Split::test;
  options.channels = kind & 16 ? 1 : 3;
  folder.clear();
  if (named)
    folder.write(hundred ? "fine_label_names.txt" : "batches.meta.txt",
                 input.part(input.two_bytes()));
  auto records = input.rest();
  if (whole) records = records.first(records.size() - records.size() % (hundred ? 3074 : 3073));
  if (train && !hundred) {
    const size_t half = records.size() / 2 / 3073 * 3073;
    folder.write("data_batch_1.bin", half > 0 ? records.first(half) : records);
    if (half > 0) folder.write("data_batch_2.bin", records.subspan(half));
  } else {
    folder.write(!hundred ? "test_batch.bin" : train ? "train.bin" : "test.bin", records);
  }
  try {
    const auto set =
        hundred ? swin::data::open_cifar100(options) : swin::data::open_cifar10(options);
    swin::fuzz::check(*set, options.channels);
    swin::fuzz::require(set->num_classes() == (hundred ? 100 : 10));
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
