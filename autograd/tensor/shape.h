// The dims of a tensor, outermost first.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace swin::autograd {

class Shape {
 public:
  static constexpr int kMaxRank = 8;
  /// 4 TB of floats: sums of byte counts stay far below 2⁶³.
  static constexpr int64_t kMaxNumel = int64_t{1} << 40;
  Shape() = default;  // a scalar: rank 0, one element
  Shape(std::initializer_list<int64_t> dims) {
    for (int64_t dim : dims) push_back(dim);
  }
  /// @throws ShapeError beyond kMaxRank dims
  void push_back(int64_t dim) {
    if (rank_ == kMaxRank) fail_rank(dim);
    dims_[static_cast<size_t>(rank_++)] = dim;
  }
  int rank() const { return rank_; }
  /// Dim i; negative i counts from the end.
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  int64_t& operator[](int i) { return dims_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  std::vector<int64_t> dims() const { return {dims_.begin(), dims_.begin() + rank_}; }
  /// @throws ShapeError if a dim is negative, or beyond kMaxNumel elements
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) {
      const int64_t dim = dims_[static_cast<size_t>(i)];
      if (dim < 0 || __builtin_mul_overflow(n, dim, &n) || n > kMaxNumel) fail_numel();
    }
    return n;
  }
  bool operator==(const Shape&) const = default;
  std::string text() const {  // "(8, 56, 56, 96)"
    std::string s = "(";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
    return s + ")";
  }

 private:
  [[noreturn]] void fail_rank(int64_t dim) const;
  [[noreturn]] void fail_numel() const;
  std::array<int64_t, kMaxRank> dims_{};  // zeros after the first rank_
  int rank_ = 0;
};

}  // namespace swin::autograd
