// Parameters and the path that names them. A layer is built from a Scope; `scope / "attn" / "qkv"`
// is at once the place in the model, the prefix of the parameters' names and what errors and
// profiles print.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tensor/tensor.h"

namespace swin::layers {

using autograd::Shape;
using autograd::Tensor;

/// How a parameter begins: a function of (seed, its name) alone.
struct Initializer {
  enum class Kind { constant, normal, uniform } kind = Kind::constant;
  double size = 0;  ///< the value, the standard deviation, or half the width of the interval
  static Initializer constant(double value) { return {Kind::constant, value}; }
  static Initializer zeros() { return constant(0); }
  static Initializer ones() { return constant(1); }
  /// timm's trunc_normal_ cuts at ±2 absolute, a hundred deviations away: a plain normal
  /// (SWIN_FACTS).
  static Initializer normal(double deviation) { return {Kind::normal, deviation}; }
  static Initializer uniform(double bound) { return {Kind::uniform, bound}; }
};

enum class WeightDecay : bool { no, yes };

/// One parameter: its entry in the slab.
struct ParameterEntry {
  std::string name;
  Shape shape;
  Initializer initial;
  WeightDecay decay = WeightDecay::no;
  bool trainable = true;
  int64_t offset = 0;  ///< in numbers, from the start of the slab; 64-byte aligned
  Tensor tensor;
  int64_t numel() const { return shape.numel(); }
};

/// A handle to a parameter, held by layers.
class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(std::shared_ptr<ParameterEntry> entry) : entry_(std::move(entry)) {}
  bool defined() const { return entry_ != nullptr; }
  /// The tensor that ops read; undefined for an absent parameter, as linear takes it for "no bias".
  const Tensor& tensor() const;

 private:
  std::shared_ptr<ParameterEntry> entry_;
};

/// All parameters of a model, in creation order, in one slab. Gradients are a slab of the same
/// layout, and so are optimizer slots: what goes over all parameters is a loop over ranges.
class Parameters {
 public:
  Parameter add(const std::string& name, const Shape& shape, const Initializer& initial,
                WeightDecay decay);

  /// Ends construction: makes the slab. In a dry run without memory.
  /// @param with_gradients for training; without it the gradients stay empty and tapes record
  /// nothing.
  void allocate(bool with_gradients);
  /// Gives every parameter its initial values. @param seed of the run.
  void initialize(uint64_t seed);
  /// A new step begins: the next gradient of every parameter stores.
  void begin_step();

  size_t size() const { return entries_.size(); }
  const ParameterEntry& operator[](size_t i) const { return *entries_[i]; }
  /// Null where there is none.
  const ParameterEntry* find(const std::string& name) const;
  int64_t count() const;  ///< numbers in all parameters, without the slab's gaps

  int64_t slab_numel() const { return slab_numel_; }
  real* slab() const { return static_cast<real*>(data_.data()); }
  real* gradient_slab() const { return static_cast<real*>(gradients_.data()); }
  /// To change a parameter.
  real* mutable_data(size_t i) const { return slab() + entries_[i]->offset; }
  const real* gradient(size_t i) const { return gradient_slab() + entries_[i]->offset; }
  void set_trainable(size_t i, bool trainable);
  /// The first trainable parameter without a gradient since begin_step, or empty.
  std::string without_gradient() const;

 private:
  std::vector<std::shared_ptr<ParameterEntry>> entries_;
  int64_t slab_numel_ = 0;
  base::Buffer data_, gradients_;
};

/// A place in the model under construction.
class Scope {
 public:
  explicit Scope(Parameters& parameters, std::string path = "")
      : parameters_(&parameters), path_(std::move(path)) {}
  Scope operator/(const std::string& name) const {
    return Scope(*parameters_, path_.empty() ? name : path_ + "." + name);
  }
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }
  const std::string& path() const { return path_; }
  /// @param name the last part of the parameter's name. Biases and one-dimensional parameters never
  /// decay.
  Parameter parameter(const std::string& name, const Shape& shape, const Initializer& initial,
                      WeightDecay decay = WeightDecay::yes) const;
  /// The stream of random draws `name` of this layer, as `layers.0.blocks.1/drop_path`.
  uint64_t stream(const std::string& name) const;

 private:
  Parameters* parameters_;
  std::string path_;
};

}  // namespace swin::layers
