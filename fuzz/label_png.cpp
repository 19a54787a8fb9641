// The input is a PNG of labels; what is read of it is written and read again.
#include "data/decode/decode.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace swin::data;  // NOLINT
  constexpr int64_t kMostPixels = 1 << 16;
  LabelPixels labels;
  try {
    labels = decode_label_png({data, size}, "input", kMostPixels);
  } catch (const swin::base::DataError&) {
    return 0;
  }
  const auto pixels = static_cast<size_t>(labels.height * labels.width);
  swin::fuzz::require(labels.height > 0 && labels.width > 0 && pixels <= kMostPixels);
  swin::fuzz::require(labels.values.empty() ? labels.colors.size() == 3 * pixels
                                            : labels.values.size() == pixels);
  if (labels.values.empty()) return 0;
  constexpr uint16_t kIgnored = 65535;
  const std::vector<Color> palette(16);
  const auto written =
      encode_label_png(labels.height, labels.width, labels.values, kIgnored, palette);
  const LabelPixels again = decode_label_png(written, "written", kMostPixels);
  swin::fuzz::require(again.values.size() == pixels);
  for (size_t p = 0; p < pixels; ++p) {
    const uint16_t before = labels.values[p], after = again.values[p];
    swin::fuzz::require(before == after || (before == kIgnored && after == 255));
  }
  return 0;
}
