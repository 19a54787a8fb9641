#include "layers/scope.h"

#include <algorithm>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/random.h"

namespace swin::layers {

using autograd::Gradient;

const Tensor& Parameter::tensor() const {
  static const Tensor none;
  return entry_ ? entry_->tensor : none;
}

Parameter Parameters::add(const std::string& name, const Shape& shape, const Initializer& initial,
                          WeightDecay decay) {
  if (find(name))
    throw base::InternalError(name, "found two parameters of this name, expected one");
  auto entry = std::make_shared<ParameterEntry>();
  entry->name = name;
  entry->shape = shape;
  entry->initial = initial;
  entry->decay = decay;
  entry->offset = slab_numel_;
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(real));
  slab_numel_ += (entry->numel() + kLine - 1) / kLine * kLine;
  entries_.push_back(entry);
  return Parameter(entry);
}

void Parameters::allocate(bool with_gradients) {
  const size_t bytes = static_cast<size_t>(slab_numel_) * sizeof(real);
  data_ = base::allocate(bytes);
  if (with_gradients) gradients_ = base::allocate(bytes);
  // Loops over the slab include the gaps between parameters: they must be zero.
  for (real* memory : {slab(), gradient_slab()})
    if (memory) std::fill_n(memory, slab_numel_, real{0});
  for (auto& entry : entries_) {
    real* data = slab() ? slab() + entry->offset : nullptr;
    const size_t entry_bytes = static_cast<size_t>(entry->numel()) * sizeof(real);
    Gradient gradient;
    if (with_gradients)
      gradient = Gradient::in_slab(gradient_slab() ? gradient_slab() + entry->offset : nullptr,
                                   entry->numel());
    entry->tensor = Tensor(entry->shape, base::adopt(data, entry_bytes, nullptr), gradient);
  }
}

void Parameters::initialize(uint64_t seed) {
  if (!slab()) return;
  base::parallel_for(static_cast<int64_t>(entries_.size()), [&](int64_t i) {
    const ParameterEntry& entry = *entries_[static_cast<size_t>(i)];
    const base::Random random(seed, entry.name);
    real* data = slab() + entry.offset;
    for (int64_t j = 0; j < entry.numel(); ++j) {
      switch (entry.initial.kind) {
        case Initializer::Kind::constant:
          data[j] = static_cast<float>(entry.initial.size);
          break;
        // Rounded to float in the double build, too: both builds have the same initial values.
        case Initializer::Kind::normal:
          data[j] =
              static_cast<float>(entry.initial.size * random.normal(static_cast<uint64_t>(j)));
          break;
        case Initializer::Kind::uniform:
          data[j] = static_cast<float>(
              entry.initial.size *
              (2.0 * static_cast<double>(random.uniform(static_cast<uint64_t>(j))) - 1));
          break;
      }
    }
  });
}

void Parameters::begin_step() {
  for (auto& entry : entries_) entry->tensor.gradient().mark_unwritten();
}

const ParameterEntry* Parameters::find(const std::string& name) const {
  for (const auto& entry : entries_)
    if (entry->name == name) return entry.get();
  return nullptr;
}

int64_t Parameters::count() const {
  int64_t total = 0;
  for (const auto& entry : entries_) total += entry->numel();
  return total;
}

void Parameters::set_trainable(size_t i, bool trainable) {
  ParameterEntry& entry = *entries_[i];
  entry.trainable = trainable;
  Gradient gradient;
  if (trainable && gradients_)
    gradient = Gradient::in_slab(gradient_slab() ? gradient_slab() + entry.offset : nullptr,
                                 entry.numel());
  entry.tensor.set_gradient(gradient);
}

std::string Parameters::without_gradient() const {
  for (const auto& entry : entries_)
    if (entry->trainable && !entry->tensor.gradient().written()) return entry->name;
  return "";
}

Parameter Scope::parameter(const std::string& name, const Shape& shape, const Initializer& initial,
                           WeightDecay decay) const {
  const bool exempt = shape.rank() == 1 || name == "bias";
  return parameters_->add(path_.empty() ? name : path_ + "." + name, shape, initial,
                          exempt ? WeightDecay::no : decay);
}

uint64_t Scope::stream(const std::string& name) const {
  return base::hash_name(path_ + "/" + name);
}

}  // namespace swin::layers
