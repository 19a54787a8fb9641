#include "autograd/kernels/patches.h"

#include "base/parallel.h"

namespace swin::autograd::kernels {

void gather_patches(const real* x, real* patches, int64_t batch, int64_t height, int64_t width,
                    int64_t channels, int64_t patch) {
  if (!patches) return;
  const int64_t rows = height / patch, columns = width / patch, area = patch * patch,
                dim = channels * area;
  base::parallel_for(batch * rows, [&](int64_t tile) {
    const int64_t b = tile / rows, row = tile % rows;
    for (int64_t column = 0; column < columns; ++column) {
      real* to = patches + ((b * rows + row) * columns + column) * dim;
      for (int64_t dy = 0; dy < patch; ++dy)
        for (int64_t dx = 0; dx < patch; ++dx) {
          const real* from =
              x + ((b * height + row * patch + dy) * width + column * patch + dx) * channels;
          for (int64_t c = 0; c < channels; ++c) to[c * area + dy * patch + dx] = from[c];
        }
    }
  });
}

void scatter_patches(const real* dpatches, GradientTarget to, int64_t batch, int64_t height,
                     int64_t width, int64_t channels, int64_t patch) {
  if (!to) return;
  const int64_t rows = height / patch, columns = width / patch, area = patch * patch,
                dim = channels * area;
  base::parallel_for(batch * rows, [&](int64_t tile) {
    const int64_t b = tile / rows, row = tile % rows;
    for (int64_t column = 0; column < columns; ++column) {
      const real* from = dpatches + ((b * rows + row) * columns + column) * dim;
      for (int64_t dy = 0; dy < patch; ++dy)
        for (int64_t dx = 0; dx < patch; ++dx) {
          real* at =
              to.data + ((b * height + row * patch + dy) * width + column * patch + dx) * channels;
          for (int64_t c = 0; c < channels; ++c)
            at[c] = (to.add ? at[c] : 0) + from[c * area + dy * patch + dx];
        }
    }
  });
}

}  // namespace swin::autograd::kernels
