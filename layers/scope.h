// Parameters and their names. A layer is built from a Scope. The path of `scope / "attn" / "qkv"`
// is the prefix of its parameters' names, and it is what errors and profiles print.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "autograd/tensor/tensor.h"

namespace swin::layers {

using autograd::Shape;
using autograd::Tensor;

/// The initial values of a parameter, a function of the seed and its name alone.
struct Initializer {
  enum class Kind { constant, normal, uniform } kind = Kind::constant;
  double size = 0;  ///< the value, the standard deviation, or the bound of [−size, size)
  static Initializer constant(double value) { return {Kind::constant, value}; }
  static Initializer zeros() { return constant(0); }
  static Initializer ones() { return constant(1); }
  /// The published code calls timm's trunc_normal_, which cuts at the absolute values ±2. With a
  /// deviation of 0.02 that is a plain normal distribution.
  static Initializer normal(double deviation) { return {Kind::normal, deviation}; }
  static Initializer uniform(double bound) { return {Kind::uniform, bound}; }
};

enum class WeightDecay : bool { no, yes };

/// A parameter and its position in the slab.
struct ParameterEntry {
  std::string name;
  Shape shape;
  Initializer initial;
  WeightDecay decay = WeightDecay::no;
  bool trainable = true;
  int64_t offset = 0;  ///< in elements from the start of the slab; 64-byte aligned
  Tensor tensor;
  int64_t numel() const { return shape.numel(); }
};

/// A handle to a parameter or a buffer, held by layers.
class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(std::shared_ptr<ParameterEntry> entry) : entry_(std::move(entry)) {}
  bool defined() const { return entry_ != nullptr; }
  /// The tensor for ops; undefined if there is no parameter, which linear takes for "no bias".
  const Tensor& tensor() const;

 private:
  friend class Parameters;
  std::shared_ptr<ParameterEntry> entry_;
};

/// New statistics of a buffer, from one forward: the buffer becomes (1 − momentum) · buffer +
/// momentum · statistics.
struct BufferUpdate {
  Parameter buffer;
  Tensor statistics;
  real momentum = 1;
};

/// Named tensors in one contiguous slab, in the order of their creation.
class Slab {
 public:
  Parameter add(const std::string& name, const Shape& shape, const Initializer& initial,
                WeightDecay decay);
  /// Allocates the slab, after all tensors have been added. In a dry run it has no memory.
  void allocate();
  /// Sets every tensor to its initial values.
  void initialize(uint64_t seed);

  size_t size() const { return entries_.size(); }
  const ParameterEntry& operator[](size_t i) const { return *entries_[i]; }
  /// Null if there is no such tensor.
  const ParameterEntry* find(const std::string& name) const;

  int64_t slab_numel() const { return slab_numel_; }
  const real* slab() const { return static_cast<const real*>(data_.data()); }
  /// Elements [begin, end) of the slab, to change them. There is no other way: it advances the
  /// versions of the tensors that lie there.
  /// @return where `begin` is; null in a dry run
  /// @throws InternalError outside of the slab, or while another slab is in use
  real* write(int64_t begin, int64_t end);
  /// The same for tensor i.
  real* mutable_data(size_t i) {
    return write(entries_[i]->offset, entries_[i]->offset + entries_[i]->numel());
  }

  /// While one lives, the tensors lie in another slab of the same layout, such as averaged weights.
  class Use {
   public:
    /// @throws InternalError if `other` has another size
    Use(Slab& slab, base::Buffer other);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    Slab& slab_;
    base::Buffer outer_;
  };
  [[nodiscard]] Use use(base::Buffer other) { return {*this, std::move(other)}; }

 protected:
  /// Points the tensors at this memory. @return the memory before
  base::Buffer point_at(base::Buffer memory);
  std::vector<std::shared_ptr<ParameterEntry>> entries_;

 private:
  int64_t slab_numel_ = 0;
  base::Buffer data_;
  base::Buffer used_;  // data_, unless another slab is in use
};

/// All parameters of a model. Gradients and optimizer slots are slabs with the same layout, so a
/// pass over all parameters is one loop. Buffers, which are saved but not trained, are a slab of
/// their own.
class Parameters : public Slab {
 public:
  /// Allocates the slabs, after all parameters and buffers have been added.
  /// @param with_gradients for training; without gradients, tapes record nothing
  void allocate(bool with_gradients);
  void initialize(uint64_t seed);
  /// Starts a training step: the next gradient of every parameter overwrites the old one.
  void begin_step();

  int64_t count() const;  ///< elements of all parameters, without the gaps of the slab
  real* gradient_slab() const { return static_cast<real*>(gradients_.data()); }
  const real* gradient(size_t i) const { return gradient_slab() + entries_[i]->offset; }
  void set_trainable(size_t i, bool trainable);
  /// The name of the first trainable parameter without a gradient since begin_step(); empty if all
  /// have one.
  std::string without_gradient() const;

  Slab& buffers() { return buffers_; }
  const Slab& buffers() const { return buffers_; }
  /// Applies the updates in their order: that of the slices of a step.
  void commit(const std::vector<BufferUpdate>& updates);

 private:
  base::Buffer gradients_;
  Slab buffers_;
};

/// A node in the tree of layers while a model is built.
class Scope {
 public:
  explicit Scope(Parameters& parameters, std::string path = "")
      : parameters_(&parameters), path_(std::move(path)) {}
  Scope operator/(const std::string& name) const { return Scope(*parameters_, name_of(name)); }
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }
  const std::string& path() const { return path_; }
  /// Adds a parameter. Biases and one-dimensional parameters never decay.
  /// @param name the last part of the parameter's name
  Parameter parameter(const std::string& name, const Shape& shape, const Initializer& initial,
                      WeightDecay decay = WeightDecay::yes) const;
  /// Adds a buffer: saved with the parameters, not trained (the statistics of batch norm).
  Parameter buffer(const std::string& name, const Shape& shape, const Initializer& initial) const;
  /// The random stream `<path>/<name>`, such as `layers.0.blocks.1/drop_path1`.
  uint64_t stream(const std::string& name) const;

 private:
  std::string name_of(const std::string& name) const {
    return path_.empty() ? name : path_ + "." + name;
  }
  Parameters* parameters_;
  std::string path_;
};

}  // namespace swin::layers
