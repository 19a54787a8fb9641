// The input is a manifest, CSV or JSON Lines. Line numbers must ascend, and rows whose labels are
// not a list must have one label.
#include "data/formats/manifest_rows.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int64_t last = 0;
  try {
    swin::data::read_manifest({reinterpret_cast<const char*>(data), size}, "input",
                              [&](const swin::data::ManifestRow& row) {
                                swin::fuzz::require(row.line > last);
                                swin::fuzz::require(row.list || row.labels.size() == 1);
                                last = row.line;
                              });
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
