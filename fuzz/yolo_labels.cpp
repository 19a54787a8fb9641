// The first byte is the number of classes, the others a label file of YOLO. What is accepted are
// boxes and polygons in range, each row once.
#include "data/formats/yolo_labels.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using swin::fuzz::require;
  if (size == 0) return 0;
  const int64_t classes = data[0];
  try {
    const auto labels = swin::data::read_yolo_labels(
        {reinterpret_cast<const char*>(data + 1), size - 1}, "input", classes);
    int64_t line = 0;
    for (const auto& row : labels.rows) {
      require(row.line > line);
      line = row.line;
      require(row.class_index >= 0 && (classes == 0 || row.class_index < classes));
      require(row.is_box() || (row.numbers.size() >= 6 && row.numbers.size() % 2 == 0));
      for (const double number : row.numbers) require(number >= -0.01 && number <= 1.01);
    }
    for (const int64_t again : labels.repeated) require(again > 1);
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
