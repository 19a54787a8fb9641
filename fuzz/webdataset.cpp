// The input is a tar shard of samples. A set that opens is consistent, and each of its files is one of
// its images.
#include "data/formats/formats.h"
#include "fuzz/dataset_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const swin::fuzz::Folder folder;
  folder.write("a.tar", {data, size});
  swin::data::DatasetOptions options;
  options.format = "webdataset";
  options.path = folder.path() + "/a.tar";
  try {
    const auto set = swin::data::open_webdataset(options);
    swin::fuzz::check(*set, options.channels);
    swin::fuzz::require(static_cast<int64_t>(set->files().size()) == set->size());
    for (const swin::data::ListedFile& file : set->files())
      swin::fuzz::require(file.path.starts_with("a.tar: ") && file.size_bytes >= 0);
    for (const swin::data::PassedOver& passed : set->passed_over())
      swin::fuzz::require(!passed.reason.empty() && !passed.names.empty());
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
