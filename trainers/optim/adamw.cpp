#include "trainers/optim/adamw.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/simd.h"

namespace swin::trainers {
namespace {

constexpr int64_t kChunk = 1 << 16;

int64_t chunks_of(int64_t numel) { return base::divide_up(numel, kChunk); }

}  // namespace

double gradient_norm(const layers::Parameters& parameters) {
  const float* g = parameters.gradient_slab();
  const int64_t numel = parameters.slab_numel();
  std::vector<double> partial(static_cast<size_t>(chunks_of(numel)));
  base::parallel_for(chunks_of(numel), [&](int64_t chunk) {
    const int64_t end = std::min(numel, (chunk + 1) * kChunk);
    // Eight running sums in double: the order of additions is fixed, however the compiler
    // vectorizes.
    double sums[8] = {};
    int64_t i = chunk * kChunk;
    for (; i + 8 <= end; i += 8)
      for (int j = 0; j < 8; ++j) {
        const double x = g[i + j];
        sums[j] += x * x;
      }
    for (; i < end; ++i) sums[0] += static_cast<double>(g[i]) * g[i];
    double total = 0;
    for (const double sum : sums) total += sum;
    partial[static_cast<size_t>(chunk)] = total;
  });
  double total = 0;
  for (const double p : partial) total += p;
  return std::sqrt(total);
}

AdamW::AdamW(layers::Parameters& parameters, const OptimizerConfig& config,
             std::vector<double> lr_scales)
    : parameters_(&parameters), config_(config), lr_scales_(std::move(lr_scales)) {
  if (lr_scales_.empty()) lr_scales_.assign(parameters.size(), 1.0);
  if (lr_scales_.size() != parameters.size())
    throw base::InternalError("AdamW", "found " + std::to_string(lr_scales_.size()) +
                                           " learning rates, expected one for each of " +
                                           std::to_string(parameters.size()) + " parameters");
  const size_t bytes = static_cast<size_t>(parameters.slab_numel()) * sizeof(float);
  exp_avg_ = base::allocate(bytes);
  exp_avg_sq_ = base::allocate(bytes);
  for (const Slot& slot : slots())
    if (slot.slab) std::fill_n(slot.slab, parameters.slab_numel(), 0.f);
}

std::vector<AdamW::Slot> AdamW::slots() {
  return {{"exp_avg", static_cast<float*>(exp_avg_.data())},
          {"exp_avg_sq", static_cast<float*>(exp_avg_sq_.data())}};
}

void AdamW::step(double lr, double gradient_factor, int64_t step) {
  using Vector = base::Vec<float>;
  constexpr int64_t L = base::kLanes<float>;
  if (!parameters_->slab()) return;
  const double correction1 = 1 - std::pow(config_.betas[0], static_cast<double>(step));
  const double correction2 = 1 - std::pow(config_.betas[1], static_cast<double>(step));
  const float beta1 = static_cast<float>(config_.betas[0]),
              beta2 = static_cast<float>(config_.betas[1]);
  const float factor = static_cast<float>(gradient_factor);
  const float inverse_root = static_cast<float>(1 / std::sqrt(correction2));
  const float eps = static_cast<float>(config_.eps);
  float *m_slab = static_cast<float*>(exp_avg_.data()),
        *v_slab = static_cast<float*>(exp_avg_sq_.data());

  // Parameters in chunks, each with its own learning rate and weight decay.
  struct Range {
    int64_t begin, end;
    float keep, step_size;
  };
  std::vector<Range> ranges;
  for (size_t i = 0; i < parameters_->size(); ++i) {
    const layers::ParameterEntry& entry = (*parameters_)[i];
    if (!entry.trainable) continue;
    const double own_lr = lr * lr_scales_[i];
    const double decay = entry.decay == layers::WeightDecay::yes ? config_.weight_decay : 0;
    for (int64_t begin = 0; begin < entry.numel(); begin += kChunk)
      ranges.push_back(
          {entry.offset + begin, entry.offset + std::min(entry.numel(), begin + kChunk),
           static_cast<float>(1 - own_lr * decay), static_cast<float>(own_lr / correction1)});
  }
  base::parallel_for(static_cast<int64_t>(ranges.size()), [&](int64_t r) {
    const Range range = ranges[static_cast<size_t>(r)];
    float* w = parameters_->slab();
    const float* g = parameters_->gradient_slab();
    // Every slab pads a parameter to a whole vector; the elements of the padding are zeros and stay
    // so.
    for (int64_t i = range.begin; i < range.end; i += L) {
      const Vector gradient = base::load(g + i) * factor;
      const Vector m =
          base::fma(base::broadcast(beta1), base::load(m_slab + i), gradient * (1 - beta1));
      const Vector v = base::fma(base::broadcast(beta2), base::load(v_slab + i),
                                 gradient * gradient * (1 - beta2));
      base::store(m_slab + i, m);
      base::store(v_slab + i, v);
      Vector root;
      for (int64_t j = 0; j < L; ++j)
        root[static_cast<size_t>(j)] = std::sqrt(v[static_cast<size_t>(j)]);
      const Vector denominator =
          base::fma(root, base::broadcast(inverse_root), base::broadcast(eps));
      base::store(w + i, base::load(w + i) * range.keep - m * range.step_size / denominator);
    }
  });
}

}  // namespace swin::trainers
