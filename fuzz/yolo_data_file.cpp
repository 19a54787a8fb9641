// The input is a data.yaml. What is accepted has names for all its classes, or none.
#include "data/formats/yolo_data_file.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using swin::fuzz::require;
  try {
    const auto file =
        swin::data::read_yolo_data_file({reinterpret_cast<const char*>(data), size}, "input");
    require(file.names.empty() || std::ssize(file.names) == file.num_classes);
    for (const auto& name : file.names) require(!name.empty());
    for (const auto& part : file.parts)
      for (const auto& path : part) require(!path.empty());
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
