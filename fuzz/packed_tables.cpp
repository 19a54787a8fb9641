// The input describes the tables of a packed set. If they are accepted, all offsets must be valid.
#include "fuzz/packed_tables.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using swin::fuzz::require;
  swin::fuzz::Input input(data, size);
  int64_t images_bytes = 0;
  const swin::data::PackedTables tables = swin::fuzz::tables_from(input, images_bytes);
  if (!tables.fit(images_bytes)) return 0;
  require(tables.size() >= 1);
  int64_t at = 0;
  size_t names = 0, labels = 0;
  for (int64_t i = 0; i < tables.size(); ++i) {
    const auto index = static_cast<size_t>(i);
    require(tables.image_offsets[index] == at && at <= tables.image_offsets[index + 1]);
    at = tables.image_offsets[index + 1];
    names += tables.name_of(i).size();
    for (const char letter : tables.name_of(i)) require(letter == 'n' || letter == 'm');
    require(tables.multi_label || tables.labels_of(i).size() == 1);
    for (const int64_t label : tables.labels_of(i)) {
      require(label >= 0 && label < static_cast<int64_t>(tables.class_names.size()));
      ++labels;
    }
  }
  require(at == images_bytes && names == tables.names.size() && labels == tables.labels.size());
  return 0;
}
