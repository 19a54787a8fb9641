// Matrix products small enough for the L1 and L2 caches, as within an attention window. A is read
// element by element through any strides, so its transpose is free; B and C are read in whole
// vectors.
#pragma once
#include <cstdint>

#include "base/integer.h"
#include "base/real.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// A block of C, MR rows × VN vectors, held in registers.
template <int MR, int VN>
SWIN_INLINE void product_block(const real* a, int64_t row_stride, int64_t k_stride, const real* b,
                               int64_t ldb, int64_t k, real* c, int64_t ldc, bool add) {
  using Vector = base::Vec<real>;
  constexpr int64_t L = base::kLanes<real>;
  Vector sum[MR][VN];
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) sum[i][v] = add ? base::load(c + i * ldc + v * L) : Vector{};
  for (int64_t l = 0; l < k; ++l) {
    Vector row[VN];
    for (int v = 0; v < VN; ++v) row[v] = base::load(b + l * ldb + v * L);
    for (int i = 0; i < MR; ++i) {
      const Vector x = base::broadcast(a[i * row_stride + l * k_stride]);
      for (int v = 0; v < VN; ++v) sum[i][v] = base::fma(x, row[v], sum[i][v]);
    }
  }
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) base::store(c + i * ldc + v * L, sum[i][v]);
}

/// Vectors of C that fit in the registers: the others hold a row of B and an element of A.
constexpr int64_t kSums = base::kVectorRegisters == 32 ? 24 : 12;
/// The widest strip of C, in vectors.
constexpr int64_t kWidest = base::kVectorRegisters == 32 ? 4 : 3;

/// A column strip of C, VN vectors wide, in blocks of nearly equal height of at most kSums / VN
/// rows.
template <int VN>
void product_strip(const real* a, int64_t row_stride, int64_t k_stride, const real* b, int64_t ldb,
                   int64_t m, int64_t k, real* c, int64_t ldc, bool add) {
  constexpr int64_t kMost = VN == 1 ? 12 : kSums / VN;
  const int64_t blocks = base::divide_up(m, kMost);
  for (int64_t block = 0, row = 0; block < blocks; ++block) {
    const int64_t rows = (m - row + blocks - block - 1) / (blocks - block);
    const real* from = a + row * row_stride;
    real* to = c + row * ldc;
    switch (rows) {
#define SWIN_ROWS(R)                                                             \
  case R:                                                                        \
    if constexpr (R <= kMost)                                                    \
      product_block<R, VN>(from, row_stride, k_stride, b, ldb, k, to, ldc, add); \
    break;
      SWIN_ROWS(1)
      SWIN_ROWS(2)
      SWIN_ROWS(3)
      SWIN_ROWS(4)
      SWIN_ROWS(5)
      SWIN_ROWS(6)
      SWIN_ROWS(7)
      SWIN_ROWS(8)
      SWIN_ROWS(9)
      SWIN_ROWS(10)
      SWIN_ROWS(11)
      SWIN_ROWS(12)
#undef SWIN_ROWS
    }
    row += rows;
  }
}

/// C (m, n) = A (m, k) · B (k, n) [+ C]. Element (i, l) of A is a[i · row_stride + l · k_stride];
/// n, ldb and ldc are multiples of the vector length.
inline void small_product(const real* a, int64_t row_stride, int64_t k_stride, const real* b,
                          int64_t ldb, int64_t m, int64_t n, int64_t k, real* c, int64_t ldc,
                          bool add) {
  constexpr int64_t L = base::kLanes<real>;
  int64_t left = n / L;
  while (left > 0) {
    // The widest strips, but none of a single vector that can be avoided.
    const int64_t strip = left > kWidest ? (left == kWidest + 1 ? kWidest - 1 : kWidest) : left;
    switch (strip) {
      case 4:
        if constexpr (kWidest >= 4)
          product_strip<4>(a, row_stride, k_stride, b, ldb, m, k, c, ldc, add);
        break;
      case 3:
        product_strip<3>(a, row_stride, k_stride, b, ldb, m, k, c, ldc, add);
        break;
      case 2:
        product_strip<2>(a, row_stride, k_stride, b, ldb, m, k, c, ldc, add);
        break;
      default:
        product_strip<1>(a, row_stride, k_stride, b, ldb, m, k, c, ldc, add);
        break;
    }
    b += strip * L;
    c += strip * L;
    left -= strip;
  }
}

/// y (columns, ldy) = xᵀ for x (rows, columns; row stride ldx). The rows of y are padded with zeros
/// to whole vectors: ldy is at least round_to_lanes(rows). columns and ldx are multiples of the
/// vector length.
inline void transpose_padded(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y,
                             int64_t ldy) {
  using Vector = base::Vec<real>;
  constexpr int L = static_cast<int>(base::kLanes<real>);
  for (int64_t r = 0; r < rows; r += L)
    for (int64_t c = 0; c < columns; c += L) {
      Vector lines[L];
      for (int i = 0; i < L; ++i)
        lines[i] = r + i < rows ? base::load(x + (r + i) * ldx + c) : Vector{};
      base::transpose_block<real>(lines);
      for (int i = 0; i < L; ++i) base::store(y + (c + i) * ldy + r, lines[i]);
    }
}

}  // namespace swin::autograd::kernels::SWIN_ISA
