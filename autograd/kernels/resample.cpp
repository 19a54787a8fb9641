#include "autograd/kernels/resample.h"

#include "autograd/kernels/weighted_sum.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {

void resample(const real* x, GradientTarget y, int64_t batch, int64_t height, int64_t width,
              int64_t to_height, int64_t to_width, int64_t channels, const AxisSums& rows,
              const AxisSums& columns) {
  if (!y || channels == 0) return;
  // A tile is a row of y; some of its channels, if there are few rows.
  const int64_t lines = batch * to_height, line = width * channels;
  const int64_t block = lines >= 16 ? channels : std::min<int64_t>(channels, 64);
  const int64_t blocks = base::divide_up(channels, block);
  base::parallel_for(lines * blocks, [&](int64_t tile) {
    const int64_t i = tile / blocks % to_height, channel = tile % blocks * block,
                  n = std::min(block, channels - channel);
    const int64_t first = rows.begin[i], count = rows.begin[i + 1] - first;
    const real* from = x + (tile / blocks / to_height * height + rows.first[i]) * line + channel;
    real* to = y.data + tile / blocks * to_width * channels + channel;
    // The weighted sum of the rows, unless it is one of them.
    base::Buffer memory;
    int64_t stride = channels;
    if (count != 1 || rows.weights[first] != 1) {
      memory = base::allocate(static_cast<size_t>(width * n) * sizeof(real));
      real* const sums = static_cast<real*>(memory.data());
      if (n == channels)
        weighted_sum(from, line, rows.weights + first, count, sums, width * n, false);
      else
        for (int64_t j = 0; j < width; ++j)
          weighted_sum(from + j * channels, line, rows.weights + first, count, sums + j * n, n,
                       false);
      from = sums;
      stride = n;
    }
    for (int64_t j = 0; j < to_width; ++j)
      weighted_sum(from + columns.first[j] * stride, stride, columns.weights + columns.begin[j],
                   columns.begin[j + 1] - columns.begin[j], to + j * channels, n, y.add);
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(resample)
}  // namespace swin::autograd::kernels
