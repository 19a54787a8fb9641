#include "autograd/kernels/masked_l1.h"

#include <cmath>
#include <vector>

#include "base/parallel.h"

namespace swin::autograd::kernels::SWIN_ISA {

void masked_l1_forward(const real* prediction, const real* target, const real* mask, real* loss,
                       int64_t batch, int64_t height, int64_t width, int64_t channels,
                       int64_t patch, real factor) {
  if (!loss) return;
  std::vector<double> rows(static_cast<size_t>(batch * height));  // summed in order
  base::parallel_for(batch * height, [&](int64_t row) {
    const int64_t first = row * width * channels;
    const real* weights =
        mask + (row / height * (height / patch) + row % height / patch) * (width / patch);
    double sum = 0;
    for (int64_t i = 0; i < width * channels; ++i)
      sum += static_cast<double>(weights[i / channels / patch] *
                                 std::abs(prediction[first + i] - target[first + i]));
    rows[static_cast<size_t>(row)] = sum;
  });
  double total = 0;
  for (const double sum : rows) total += sum;
  *loss = static_cast<real>(static_cast<double>(factor) * total);
}

void masked_l1_backward(const real* dloss, const real* prediction, const real* target,
                        const real* mask, GradientTarget dprediction, int64_t batch, int64_t height,
                        int64_t width, int64_t channels, int64_t patch, real factor) {
  if (!dprediction) return;
  const real scale = *dloss * factor;
  base::parallel_for(batch * height, [&](int64_t row) {
    const int64_t first = row * width * channels;
    const real* weights =
        mask + (row / height * (height / patch) + row % height / patch) * (width / patch);
    for (int64_t i = 0; i < width * channels; ++i) {
      const real difference = prediction[first + i] - target[first + i];
      const real sign = static_cast<real>((difference > 0) - (difference < 0));
      real& to = dprediction.data[first + i];
      to = (dprediction.add ? to : 0) + scale * weights[i / channels / patch] * sign;
    }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(masked_l1_forward)
SWIN_KERNEL(masked_l1_backward)
}  // namespace swin::autograd::kernels
