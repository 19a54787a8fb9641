// The input is a size and a text of run lengths, or polygons. What is accepted covers the image;
// written and read again it is the same.
#include "data/run_lengths.h"

#include "fuzz/check.h"
#include "fuzz/input.h"

namespace {

using namespace swin;
using fuzz::require;

void check(const data::RunLengths& runs) {
  data::check_runs(runs);
  require(data::read_counts(data::write_counts(runs), runs.height, runs.width) == runs);
  const int64_t pixels = data::count_pixels(runs);
  require(data::count_common(runs, runs) == pixels);
  require(data::count_pixels(data::united(runs, runs)) == pixels);
  const data::BoundingBox box = data::box_of(runs);
  require(box.x2 <= static_cast<double>(runs.width) && box.y2 <= static_cast<double>(runs.height));
  require(static_cast<double>(pixels) <= box.area());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::Input input(bytes, size);
  const size_t kind = input.byte();
  const auto height = static_cast<int64_t>(input.byte()),
             width = static_cast<int64_t>(input.byte());
  try {
    if (kind % 2 == 0) {
      const auto text = input.rest();
      check(data::read_counts({reinterpret_cast<const char*>(text.data()), text.size()}, height,
                              width));
      return 0;
    }
    std::vector<data::Polygon> polygons;
    for (size_t part = input.below(4) + 1; part > 0; --part) {
      data::Polygon& polygon = polygons.emplace_back();
      const double scale = 1. / static_cast<double>(1 + input.below(16));
      for (size_t point = input.below(32); point > 0; --point) {
        const auto x = static_cast<double>(static_cast<int16_t>(input.two_bytes())),
                   y = static_cast<double>(static_cast<int16_t>(input.two_bytes()));
        polygon.push_back({x * scale, y * scale});
      }
    }
    check(data::rasterize(polygons, height, width));
  } catch (const base::DataError&) {
  }
  return 0;
}
