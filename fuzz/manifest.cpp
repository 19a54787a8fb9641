// The input is a manifest, CSV or JSON lines: rows in rising order of their lines, each with labels
// unless they are a list.
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
