#include "trainers/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/parallel.h"
#include "trainers/config/optimizer_table.h"
#include "trainers/optim/adamw.h"
#include "trainers/optim/kernels/update.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/optim/sgd.h"

namespace swin::trainers {
namespace {

constexpr int64_t kChunk = 1 << 16;

template <class T>
std::unique_ptr<Optimizer> make(layers::Parameters& parameters, const OptimizerConfig& config,
                                std::vector<double> lr_scales) {
  return std::make_unique<T>(parameters, config, std::move(lr_scales));
}

struct Factory {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(layers::Parameters&, const OptimizerConfig&,
                                     std::vector<double>);
};
constexpr Factory kFactories[] = {
    {"adamw", make<AdamW>},
    {"sgd", make<Sgd>},
};

}  // namespace

double gradient_norm(const layers::Parameters& parameters) {
  const float* g = parameters.gradient_slab();
  const int64_t numel = parameters.slab_numel();
  std::vector<double> partial(static_cast<size_t>(base::divide_up(numel, kChunk)));
  base::parallel_for(std::ssize(partial), [&](int64_t chunk) {
    const int64_t begin = chunk * kChunk;
    partial[static_cast<size_t>(chunk)] =
        kernels::sum_of_squares(g + begin, std::min(kChunk, numel - begin));
  });
  double total = 0;
  for (const double p : partial) total += p;
  return std::sqrt(total);
}

Optimizer::Optimizer(layers::Parameters& parameters, const OptimizerConfig& config,
                     std::vector<double> lr_scales, const std::vector<std::string>& slots)
    : parameters_(&parameters),
      weight_decays_(weight_decays(parameters, config)),
      lr_scales_(std::move(lr_scales)),
      slot_names_(slots) {
  if (lr_scales_.empty()) lr_scales_.assign(parameters.size(), 1.0);
  if (lr_scales_.size() != parameters.size())
    throw base::InternalError("optimizer", "found " + std::to_string(lr_scales_.size()) +
                                               " learning rates, expected one for each of " +
                                               std::to_string(parameters.size()) + " parameters");
  for (size_t i = 0; i < slots.size(); ++i) {
    slots_.push_back(base::allocate(static_cast<size_t>(parameters.slab_numel()) * sizeof(float)));
    if (slot(i)) std::fill_n(slot(i), parameters.slab_numel(), 0.f);
  }
}

std::vector<Optimizer::Slot> Optimizer::slots() const {
  std::vector<Slot> slots;
  for (size_t i = 0; i < slots_.size(); ++i) slots.push_back({slot_names_[i], slot(i)});
  return slots;
}

void Optimizer::step(double lr, double gradient_factor, int64_t step) {
  if (!parameters_->slab()) return;
  float* slab = nullptr;
  std::vector<Range> ranges;
  for (size_t i = 0; i < parameters_->size(); ++i) {
    const layers::ParameterEntry& entry = (*parameters_)[i];
    if (!entry.trainable) continue;
    slab = parameters_->mutable_data(i) - entry.offset;
    for (int64_t begin = 0; begin < entry.numel(); begin += kChunk)
      ranges.push_back({.begin = entry.offset + begin,
                        .end = entry.offset + std::min(entry.numel(), begin + kChunk),
                        .lr = lr * lr_scales_[i],
                        .weight_decay = weight_decays_[i],
                        .step = step,
                        .gradient_factor = static_cast<float>(gradient_factor)});
  }
  base::parallel_for(std::ssize(ranges), [&](int64_t r) {
    update(ranges[static_cast<size_t>(r)], slab, parameters_->gradient_slab());
  });
}

std::unique_ptr<Optimizer> make_optimizer(layers::Parameters& parameters,
                                          const OptimizerConfig& config,
                                          std::vector<double> lr_scales) {
  OptimizerConfig complete = config;
  complete.own = {base::row_named(optimizer_rows(), config.name, "optimizer.name"), config.own};
  for (const Factory& factory : kFactories)
    if (config.name == factory.name)
      return factory.make(parameters, complete, std::move(lr_scales));
  throw base::InternalError(config.name, "found an optimizer without a factory, expected one");
}

}  // namespace swin::trainers
