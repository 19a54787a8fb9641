// Arrays in pool memory that need no gradient: saved statistics, labels, packed weights,
// workspaces.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>

#include "base/pool.h"

namespace swin::autograd {

template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(int64_t size)
      : size_(size), buffer_(base::allocate(static_cast<size_t>(size) * sizeof(T))) {}
  static Array from(std::span<const T> values) {
    Array array(static_cast<int64_t>(values.size()));
    if (array.data() && !values.empty())
      std::memcpy(array.data(), values.data(), values.size() * sizeof(T));
    return array;
  }
  int64_t size() const { return size_; }
  /// Null in a dry run.
  T* data() const { return static_cast<T*>(buffer_.data()); }

 private:
  int64_t size_ = 0;
  base::Buffer buffer_;
};

}  // namespace swin::autograd
