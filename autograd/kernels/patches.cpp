#include "autograd/kernels/patches.h"

#include "base/parallel.h"

namespace swin::autograd::kernels::SWIN_ISA {

namespace {

// Calls f(index of a pixel's first channel in the images, its index in the patches) for the first
// pixel of every row of every patch, in parallel. The next pixels of that row are `channels` apart
// in the images and neighbors in the patches, whose channels are patch · patch elements apart.
template <class F>
void for_patch_rows(int64_t batch, int64_t height, int64_t width, int64_t channels, int64_t patch,
                    F&& f) {
  const int64_t rows = height / patch, columns = width / patch, dim = channels * patch * patch;
  base::parallel_for(batch * rows, [&](int64_t row) {  // of the patches of all images
    const int64_t first_line = row / rows * height + row % rows * patch;
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t dy = 0; dy < patch; ++dy)
        f(((first_line + dy) * width + column * patch) * channels,
          (row * columns + column) * dim + dy * patch);
  });
}

}  // namespace

void gather_patches(const real* x, real* patches, int64_t batch, int64_t height, int64_t width,
                    int64_t channels, int64_t patch) {
  if (!patches) return;
  for_patch_rows(batch, height, width, channels, patch, [=](int64_t pixel, int64_t at) {
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t dx = 0; dx < patch; ++dx)
        patches[at + c * patch * patch + dx] = x[pixel + dx * channels + c];
  });
}

void scatter_patches(const real* dpatches, GradientTarget to, int64_t batch, int64_t height,
                     int64_t width, int64_t channels, int64_t patch) {
  if (!to) return;
  for_patch_rows(batch, height, width, channels, patch, [=](int64_t pixel, int64_t at) {
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t dx = 0; dx < patch; ++dx) {
        real& value = to.data[pixel + dx * channels + c];
        value = (to.add ? value : 0) + dpatches[at + c * patch * patch + dx];
      }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(gather_patches)
SWIN_KERNEL(scatter_patches)
}  // namespace swin::autograd::kernels
