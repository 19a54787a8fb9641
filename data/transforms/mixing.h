// mixup and cutmix: mixes a batch with itself in reversed order, before it is split into slices.
// The loop mixes the images, a task its targets.
#pragma once
#include <cstdint>
#include <span>

#include "base/random.h"

namespace swin::data {

struct Batch;

/// timm's Mixup in its mode "batch".
struct Mixing {
  double mixup = 0, cutmix = 0;     ///< α of Beta(α, α); 0: off
  double probability = 1;           ///< of mixing a batch
  double switch_probability = 0.5;  ///< of cutmix if both are on
  bool any() const { return mixup > 0 || cutmix > 0; }
};

/// The draw for a batch. mixup: out = share · own + (1 − share) · partner. cutmix: the pixels
/// inside the box are the partner's; `share` is the fraction of the image outside the box.
struct Mix {
  double share = 1;
  bool cut = false;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  ///< the box [top, bottom) × [left, right)
};

/// A sample of Beta(alpha, alpha) from two gamma samples (Marsaglia and Tsang 2000), using
/// base/math only. Draws the elements from `first` on.
double symmetric_beta(double alpha, const base::Random& random, uint64_t first);

/// Draws from ("data/mixing", epoch, batch). Sources: Zhang et al. 2017, arXiv:1710.09412;
/// Yun et al. 2019, arXiv:1905.04899.
Mix draw_mix(const Mixing& mixing, int64_t height, int64_t width, uint64_t seed, uint64_t epoch,
             uint64_t batch);

/// The image of a batch of `size` that image i is mixed with.
constexpr int64_t partner_of(int64_t i, int64_t size) { return size - 1 - i; }

/// Mixes each image with its partner and sets batch.own_share (empty for share 1).
void mix(const Mix& mix, int64_t height, int64_t width, int64_t channels, Batch& batch);

/// Mixes targets as the images were mixed: own = share · own + (1 − share) · partner's.
/// @param own_share of these images.   @param partners,own (images, columns).
template <class Real>
void mix_targets(std::span<const double> own_share, const Real* partners, int64_t columns,
                 Real* own) {
  for (const double share : own_share)
    for (int64_t c = 0; c < columns; ++c, ++own, ++partners)
      *own = static_cast<Real>(share * static_cast<double>(*own) +
                               (1 - share) * static_cast<double>(*partners));
}

}  // namespace swin::data
