// The input is an annotation file of Pascal VOC. What is accepted has names and finite boxes, in
// the order of its lines.
#include "data/formats/voc_annotation.h"

#include <cmath>

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using swin::fuzz::require;
  try {
    const auto annotation =
        swin::data::read_voc_annotation({reinterpret_cast<const char*>(data), size}, "input");
    require(annotation.size[0] >= 0 && annotation.size[1] >= 0);
    int64_t line = 0;
    for (const auto& object : annotation.objects) {
      require(!object.name.empty() && object.line >= line);
      line = object.line;
      if (!object.box) continue;
      for (const double edge : {object.box->x1, object.box->y1, object.box->x2, object.box->y2})
        require(std::abs(edge) <= 1e9 + 1);
    }
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
