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

Parameter Slab::add(const std::string& name, const Shape& shape, const Initializer& initial,
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

void Slab::allocate() {
  data_ = base::allocate(static_cast<size_t>(slab_numel_) * sizeof(real));
  point_at(data_);
  // Loops over the slab include the gaps between tensors: they must be zero.
  if (real* memory = write(0, slab_numel_)) std::fill_n(memory, slab_numel_, real{0});
}

base::Buffer Slab::point_at(base::Buffer memory) {
  for (auto& entry : entries_) {
    real* data = static_cast<real*>(memory.data());
    const size_t bytes = static_cast<size_t>(entry->numel()) * sizeof(real);
    entry->tensor =
        Tensor(entry->shape, base::adopt(data ? data + entry->offset : nullptr, bytes, nullptr),
               entry->tensor.gradient());
  }
  std::swap(used_, memory);
  return memory;
}

real* Slab::write(int64_t begin, int64_t end) {
  if (used_.data() != data_.data())
    throw base::InternalError("Slab::write", "found another slab in use, expected the model's own",
                              "end the use first");
  if (begin < 0 || begin > end || end > slab_numel_)
    throw base::InternalError("Slab::write", "found elements " + std::to_string(begin) + " … " +
                                                 std::to_string(end) + ", expected a part of " +
                                                 std::to_string(slab_numel_));
  auto entry =
      std::upper_bound(entries_.begin(), entries_.end(), begin,
                       [](int64_t at, const auto& e) { return at < e->offset + e->numel(); });
  for (; entry != entries_.end() && (*entry)->offset < end; ++entry)
    (*entry)->tensor.advance_version();
  return data_.data() ? static_cast<real*>(data_.data()) + begin : nullptr;
}

Slab::Use::Use(Slab& slab, base::Buffer other) : slab_(slab) {
  if (other.bytes() != slab.data_.bytes())
    throw base::InternalError("Slab::use", "found a slab of " + std::to_string(other.bytes()) +
                                               " bytes, expected " +
                                               std::to_string(slab.data_.bytes()));
  outer_ = slab.point_at(std::move(other));
}

Slab::Use::~Use() { slab_.point_at(outer_); }

void Slab::initialize(uint64_t seed) {
  real* const slab = write(0, slab_numel_);
  if (!slab) return;
  base::parallel_for(static_cast<int64_t>(entries_.size()), [&](int64_t i) {
    const ParameterEntry& entry = *entries_[static_cast<size_t>(i)];
    const base::Random random(seed, entry.name);
    real* data = slab + entry.offset;
    for (int64_t j = 0; j < entry.numel(); ++j) {
      const auto element = static_cast<uint64_t>(j);
      double value = 1;
      if (entry.initial.kind == Initializer::Kind::normal) value = random.normal(element);
      if (entry.initial.kind == Initializer::Kind::uniform)
        value = 2.0 * static_cast<double>(random.uniform(element)) - 1;
      // Rounded to float in the double build, too: both builds have the same initial values.
      data[j] = static_cast<float>(entry.initial.size * value);
    }
  });
}

const ParameterEntry* Slab::find(const std::string& name) const {
  for (const auto& entry : entries_)
    if (entry->name == name) return entry.get();
  return nullptr;
}

void Parameters::allocate(bool with_gradients) {
  Slab::allocate();
  buffers_.allocate();
  if (!with_gradients) return;
  gradients_ = base::allocate(static_cast<size_t>(slab_numel()) * sizeof(real));
  if (gradient_slab()) std::fill_n(gradient_slab(), slab_numel(), real{0});
  for (size_t i = 0; i < size(); ++i) set_trainable(i, entries_[i]->trainable);
}

void Parameters::initialize(uint64_t seed) {
  Slab::initialize(seed);
  buffers_.initialize(seed);
}

void Parameters::begin_step() {
  for (auto& entry : entries_) entry->tensor.gradient().mark_unwritten();
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

void Parameters::commit(const std::vector<BufferUpdate>& updates) {
  for (const BufferUpdate& update : updates) {
    const ParameterEntry& entry = *update.buffer.entry_;
    if (buffers_.find(entry.name) != &entry || update.statistics.shape() != entry.shape)
      throw base::InternalError(entry.name,
                                "found statistics of shape " + update.statistics.shape().text() +
                                    ", expected those of a buffer " + entry.shape.text());
    real* to = buffers_.write(entry.offset, entry.offset + entry.numel());
    const real* from = update.statistics.data();
    for (int64_t i = 0; to && i < entry.numel(); ++i)
      to[i] = (1 - update.momentum) * to[i] + update.momentum * from[i];
  }
}

Parameter Scope::parameter(const std::string& name, const Shape& shape, const Initializer& initial,
                           WeightDecay decay) const {
  const bool exempt = shape.rank() == 1 || name == "bias";
  return parameters_->add(name_of(name), shape, initial, exempt ? WeightDecay::no : decay);
}

Parameter Scope::buffer(const std::string& name, const Shape& shape,
                        const Initializer& initial) const {
  return parameters_->buffers().add(name_of(name), shape, initial, WeightDecay::no);
}

uint64_t Scope::stream(const std::string& name) const {
  return base::hash_name(path_ + "/" + name);
}

}  // namespace swin::layers
