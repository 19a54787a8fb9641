#include "autograd/kernels/roi_align.h"

#include <algorithm>

#include "autograd/kernels/softmax_row.h"
#include "autograd/kernels/weighted_sum.h"
#include "base/parallel.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;

// The bins of an axis of a region.
struct Axis {
  const int64_t* begin;
  const int32_t* first;
  const real* weights;
  int64_t low, high;  // their pixels are low … high − 1; none if equal

  Axis(const RoiBins& bins, int64_t region, int64_t axis)
      : begin(bins.begin + (2 * region + axis) * bins.size),
        first(bins.first + (2 * region + axis) * bins.size),
        weights(bins.weights) {
    low = INT64_MAX;
    high = 0;
    for (int64_t i = 0; i < bins.size; ++i) {
      if (count(i) == 0) continue;
      low = std::min<int64_t>(low, first[i]);
      high = std::max<int64_t>(high, first[i] + count(i));
    }
    low = std::min(low, high);
  }
  int64_t count(int64_t bin) const { return begin[bin + 1] - begin[bin]; }
  const real* of(int64_t bin) const { return weights + begin[bin]; }
};

int64_t most_columns(const RoiBins& bins) {
  int64_t most = 0;
  for (int64_t region = 0; region < bins.regions; ++region) {
    const Axis columns(bins, region, 1);
    most = std::max(most, columns.high - columns.low);
  }
  return most;
}

// to += weight · from, n elements.
SWIN_INLINE void add_scaled(const real* from, real weight, real* to, int64_t n) {
  for_vectors(
      n, [&](int64_t i, auto part) __attribute__((always_inline)) {
        part.store(to + i, fma(part.load(from + i), base::broadcast(weight), part.load(to + i)));
      });
}

}  // namespace

void roi_align_forward(const RoiFeatures* maps, const RoiBins& bins, real* y, int64_t channels) {
  if (!y || channels == 0) return;
  const int64_t size = bins.size;
  const ThreadRows sums(most_columns(bins) * channels);
  base::parallel_for(bins.regions * size, [&](int64_t tile) {
    const int64_t region = tile / size, i = tile % size;
    const Axis rows(bins, region, 0), columns(bins, region, 1);
    real* const to = y + tile * size * channels;
    if (rows.count(i) == 0 || columns.low == columns.high) {
      std::fill_n(to, size * channels, real{0});
      return;
    }
    const RoiFeatures& map = maps[bins.place[2 * region + 1]];
    const int64_t line = map.width * channels;
    const real* from = map.data + (bins.place[2 * region] * map.height + rows.first[i]) * line +
                       columns.low * channels;
    real* const sum = sums.own();
    weighted_sum(from, line, rows.of(i), rows.count(i), sum,
                 (columns.high - columns.low) * channels, false);
    for (int64_t j = 0; j < size; ++j)
      weighted_sum(sum + (columns.count(j) ? columns.first[j] - columns.low : 0) * channels,
                   channels, columns.of(j), columns.count(j), to + j * channels, channels, false);
  });
}

void roi_align_backward(const real* dy, const RoiGradient* dmaps, int64_t num_maps,
                        const RoiBins& bins, int64_t images, int64_t channels) {
  const auto wanted = [](const RoiGradient& map) { return static_cast<bool>(map.data); };
  if (channels == 0 || std::none_of(dmaps, dmaps + num_maps, wanted)) return;
  const int64_t size = bins.size;
  for (int64_t m = 0; m < num_maps; ++m) {
    const RoiGradient& map = dmaps[m];
    if (!map.data || map.data.add) continue;
    base::parallel_ranges(images * map.height * map.width * channels, 1 << 16,
                          [&](int64_t begin, int64_t end) {
                            std::fill(map.data.data + begin, map.data.data + end, real{0});
                          });
  }
  if (!bins.place) return;  // in a dry run
  // Whole cache lines.
  const int64_t block = channels >= 256 ? 32 : 16, blocks = base::divide_up(channels, block);
  const ThreadRows sums(most_columns(bins) * block);
  base::parallel_for(num_maps * images * blocks, [&](int64_t tile) {
    const int64_t m = tile / blocks / images, image = tile / blocks % images,
                  channel = tile % blocks * block, n = std::min(block, channels - channel);
    const RoiGradient& map = dmaps[m];
    if (!map.data) return;
    real* const of_image = map.data.data + image * map.height * map.width * channels + channel;
    real* const sum = sums.own();
    for (int64_t region = 0; region < bins.regions; ++region) {
      if (bins.place[2 * region] != image || bins.place[2 * region + 1] != m) continue;
      const Axis rows(bins, region, 0), columns(bins, region, 1);
      const int64_t width = columns.high - columns.low;
      if (width == 0) continue;
      for (int64_t i = 0; i < size; ++i) {
        if (rows.count(i) == 0) continue;
        std::fill_n(sum, width * n, real{0});
        for (int64_t j = 0; j < size; ++j) {
          const real* const d = dy + ((region * size + i) * size + j) * channels + channel;
          for (int64_t e = 0; e < columns.count(j); ++e)
            add_scaled(d, columns.of(j)[e], sum + (columns.first[j] - columns.low + e) * n, n);
        }
        for (int64_t e = 0; e < rows.count(i); ++e) {
          real* const to = of_image + ((rows.first[i] + e) * map.width + columns.low) * channels;
          for (int64_t c = 0; c < width; ++c)
            add_scaled(sum + c * n, rows.of(i)[e], to + c * channels, n);
        }
      }
    }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(roi_align_forward)
SWIN_KERNEL(roi_align_backward)
}  // namespace swin::autograd::kernels
