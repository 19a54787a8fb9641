#include "data/transforms/transform.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/errors.h"

namespace swin::data {

Normalization::Normalization(int64_t channels, const std::vector<float>& mean,
                             const std::vector<float>& std)
    : channels_(channels), table_(static_cast<size_t>(channels * 256)) {
  const auto check = [&](const char* field, const std::vector<float>& values) {
    if (values.size() != 1 && static_cast<int64_t>(values.size()) != channels)
      throw base::UsageError(std::string("preprocess.") + field,
                             "found " + std::to_string(values.size()) + " values, expected " +
                                 std::to_string(channels),
                             "give one value for each channel of the model (model.in_chans)");
  };
  check("mean", mean);
  check("std", std);
  for (int64_t c = 0; c < channels; ++c) {
    const float m = mean[mean.size() == 1 ? 0 : static_cast<size_t>(c)];
    const float s = std[std.size() == 1 ? 0 : static_cast<size_t>(c)];
    if (!(s > 0) || !std::isfinite(s) || !std::isfinite(m))
      throw base::UsageError("preprocess.std", "found mean " + std::to_string(m) + " and std " +
                                                   std::to_string(s) +
                                                   ", expected finite values and a std above 0");
    for (int value = 0; value < 256; ++value) {
      const float unit = static_cast<float>(value) / 255.0f;
      table_[static_cast<size_t>(c * 256 + value)] = (unit - m) / s;
    }
  }
}

namespace {

// `step` is +1, or −1 for a mirrored row.
template <int64_t kChannels>
void write_row(const uint8_t* from, int64_t pixels, int64_t step,
               const Normalization& normalization, float* out) {
  const float* tables[kChannels];
  for (int64_t c = 0; c < kChannels; ++c) tables[c] = normalization.table(c);
  for (int64_t x = 0; x < pixels; ++x) {
    for (int64_t c = 0; c < kChannels; ++c) out[x * kChannels + c] = tables[c][from[c]];
    from += step * kChannels;
  }
}

void write_zeros(int64_t pixels, const Normalization& normalization, float* out) {
  const int64_t channels = normalization.channels();
  for (int64_t x = 0; x < pixels; ++x)
    for (int64_t c = 0; c < channels; ++c) out[x * channels + c] = normalization.table(c)[0];
}

}  // namespace

void write_normalized(const Image& image, Corner corner, int64_t height, int64_t width, bool flip,
                      const Normalization& normalization, float* out, int64_t row_pixels) {
  const int64_t c = normalization.channels();
  if (image.channels != c || (c != 1 && c != 3))
    throw base::InternalError("data::write_normalized",
                              "found an image of " + std::to_string(image.channels) +
                                  " channels and a normalization of " + std::to_string(c));
  // Columns [first, end) of the window lie inside the image; if mirrored, counted from the right.
  const int64_t first = std::clamp<int64_t>(-corner.left, 0, width);
  const int64_t end = std::clamp<int64_t>(image.width - corner.left, first, width);
  const int64_t before = flip ? width - end : first;
  const int64_t from_x = corner.left + (flip ? end - 1 : first);
  const int64_t row_values = (row_pixels > 0 ? row_pixels : width) * c;
  for (int64_t y = 0; y < height; ++y, out += row_values) {
    const int64_t from_y = corner.top + y;
    if (from_y < 0 || from_y >= image.height || first == end) {
      write_zeros(width, normalization, out);
      continue;
    }
    const uint8_t* from = image.row(from_y) + from_x * c;
    write_zeros(before, normalization, out);
    (c == 3 ? write_row<3> : write_row<1>)(from, end - first, flip ? -1 : 1, normalization,
                                           out + before * c);
    const int64_t written = before + end - first;
    write_zeros(width - written, normalization, out + written * c);
  }
}

void write_padding(const base::Size2& real, const base::Size2& padded, int64_t channels,
                   float* out) {
  const int64_t row = padded[1] * channels, values = real[1] * channels;
  for (int64_t y = 0; y < real[0]; ++y) std::fill_n(out + y * row + values, row - values, 0.0f);
  std::fill_n(out + real[0] * row, (padded[0] - real[0]) * row, 0.0f);
}

}  // namespace swin::data
