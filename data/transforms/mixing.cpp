#include "data/transforms/mixing.h"

#include <algorithm>
#include <cmath>

#include "base/math.h"
#include "data/batch.h"

namespace swin::data {
namespace {

constexpr uint64_t kTries = 1000;  // each is accepted with probability above 0.95
constexpr uint64_t kGammaDraws = 2 * kTries + 2;

double cell(const base::Random& random, uint64_t element) {  // in (0, 1)
  return (static_cast<double>(random.bits(element)) + 0.5) * 0x1p-32;
}

// The logarithm of a sample of Gamma(alpha), because samples for small α underflow.
double log_gamma_sample(double alpha, const base::Random& random, uint64_t first) {
  double boost = 0;
  if (alpha < 1) {  // Gamma(α) = Gamma(α + 1) · U^(1/α)
    boost = base::log(cell(random, first)) / alpha;
    alpha += 1;
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (uint64_t element = first + 2; element < first + kGammaDraws; element += 2) {
    const double x = random.normal(element), root = 1 + c * x;
    if (root <= 0) continue;
    const double log_v = 3 * base::log(root), v = root * root * root;
    if (base::log(cell(random, element + 1)) < 0.5 * x * x + d - d * v + d * log_v)
      return base::log(d) + log_v + boost;
  }
  return base::log(d) + boost;
}

}  // namespace

double symmetric_beta(double alpha, const base::Random& random, uint64_t first) {
  const double difference =
      log_gamma_sample(alpha, random, first + kGammaDraws) - log_gamma_sample(alpha, random, first);
  return 1 / (1 + base::exp(std::clamp(difference, -700.0, 700.0)));
}

Mix draw_mix(const Mixing& mixing, int64_t height, int64_t width, uint64_t seed, uint64_t epoch,
             uint64_t batch) {
  const base::Random random(seed, "data/mixing", epoch, batch);
  Mix drawn;
  if (!mixing.any() || cell(random, 0) >= mixing.probability) return drawn;
  drawn.cut =
      mixing.cutmix > 0 && (mixing.mixup <= 0 || cell(random, 1) < mixing.switch_probability);
  drawn.share = symmetric_beta(drawn.cut ? mixing.cutmix : mixing.mixup, random, 8);
  if (!drawn.cut) return drawn;
  const double side = std::sqrt(1 - drawn.share);
  const auto cut = [&](int64_t size, uint64_t element, int64_t& begin, int64_t& end) {
    const auto length = static_cast<int64_t>(static_cast<double>(size) * side);
    const auto middle = static_cast<int64_t>(random.below(element, static_cast<uint32_t>(size)));
    begin = std::clamp<int64_t>(middle - length / 2, 0, size);
    end = std::clamp<int64_t>(middle + (length + 1) / 2, 0, size);
  };
  cut(height, 2, drawn.top, drawn.bottom);
  cut(width, 3, drawn.left, drawn.right);
  const int64_t area = (drawn.bottom - drawn.top) * (drawn.right - drawn.left);
  drawn.share = 1 - static_cast<double>(area) / static_cast<double>(height * width);
  return drawn;
}

void mix(const Mix& drawn, int64_t height, int64_t width, int64_t channels, Batch& batch) {
  batch.own_share.clear();
  if (drawn.share >= 1) return;
  const int64_t image = height * width * channels;
  const auto share = static_cast<float>(drawn.share), rest = static_cast<float>(1 - drawn.share);
  for (int64_t i = 0; i < partner_of(i, batch.size); ++i) {
    float* first = batch.images.data() + i * image;
    float* second = batch.images.data() + partner_of(i, batch.size) * image;
    if (drawn.cut) {
      for (int64_t y = drawn.top; y < drawn.bottom; ++y) {
        const int64_t begin = (y * width + drawn.left) * channels;
        const int64_t end = (y * width + drawn.right) * channels;
        std::swap_ranges(first + begin, first + end, second + begin);
      }
      continue;
    }
    for (int64_t k = 0; k < image; ++k) {
      const float a = first[k], b = second[k];
      first[k] = a * share + b * rest;
      second[k] = b * share + a * rest;
    }
  }
  batch.own_share.assign(static_cast<size_t>(batch.size), drawn.share);
}

}  // namespace swin::data
