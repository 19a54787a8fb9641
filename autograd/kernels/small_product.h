// Matrix products small enough for the L1 and L2 caches, as within an attention window. A is read
// element by element through any strides, so its transpose is free; B and C are read in whole
// vectors.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/integer.h"
#include "base/real.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// The vectors of a row of B lie one after the other, if not stated otherwise.
using NextVector = std::integral_constant<int64_t, base::kLanes<real>>;

/// sum += a column of A times a row of B: MR elements, given by element(i), times VN vectors, which
/// lie `step` apart.
template <int MR, int VN, class Element, class Step = NextVector>
SWIN_INLINE void add_outer_product(base::Vec<real> (&sum)[MR][VN], const real* b, Element&& element,
                                   Step step = {}) {
  using Vector = base::Vec<real>;
  Vector row[VN];
  for (int v = 0; v < VN; ++v) row[v] = base::load(b + v * step);
  for (int i = 0; i < MR; ++i) {
    const Vector x = base::broadcast(element(i));
    for (int v = 0; v < VN; ++v) sum[i][v] = base::fma(x, row[v], sum[i][v]);
  }
}

/// A tile of C, MR rows × VN vectors, held in registers.
template <int MR, int VN, class Step>
SWIN_INLINE void product_tile(const real* a, int64_t row_stride, int64_t k_stride, const real* b,
                              int64_t ldb, Step step, int64_t k, const real* start,
                              int64_t start_stride, real* c, int64_t ldc) {
  using Vector = base::Vec<real>;
  constexpr int64_t L = base::kLanes<real>;
  Vector sum[MR][VN];
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v)
      sum[i][v] = start ? base::load(start + i * start_stride + v * L) : Vector{};
#pragma GCC unroll 4
  for (int64_t l = 0; l < k; ++l)
    add_outer_product<MR, VN>(
        sum, b + l * ldb,
        [=](int i) __attribute__((always_inline)) { return a[i * row_stride + l * k_stride]; },
        step);
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) base::store(c + i * ldc + v * L, sum[i][v]);
}

/// The largest tile: 6 × 2 vectors of 16 registers, 8 × 3 of 32. The others hold a row of B and an
/// element of A.
constexpr int64_t kTileRows = base::kVectorRegisters == 32 ? 8 : 6;
constexpr int64_t kTileVectors = base::kVectorRegisters == 32 ? 3 : 2;

/// Calls tile(vectors, column) for column tiles that cover n columns, in order: vectors, a
/// std::integral_constant of at most kTileVectors, hold the tile's columns. As wide as they can be,
/// but four vectors are two and two, not three and one.
template <class Tile>
SWIN_INLINE void for_column_tiles(int64_t n, Tile&& tile) {
  constexpr int64_t L = base::kLanes<real>;
  for (int64_t column = 0; column < n;) {
    const int64_t left = base::divide_up(n - column, L);
    const int64_t vectors = left == kTileVectors + 1 ? 2 : std::min(left, kTileVectors);
    if (vectors == kTileVectors)
      tile(std::integral_constant<int, kTileVectors>(), column);
    else if (vectors == 1)
      tile(std::integral_constant<int, 1>(), column);
    else
      tile(std::integral_constant<int, 2>(), column);
    column += vectors * L;
  }
}

/// Calls tile(height, first) for tiles of nearly equal height that cover m rows, in order: height
/// is a std::integral_constant of at most kTileRows, first the first row.
template <class Tile>
SWIN_INLINE void for_row_tiles(int64_t m, Tile&& tile) {
  const int64_t tiles = base::divide_up(m, kTileRows);
  for (int64_t t = 0, first = 0; t < tiles; ++t) {
    const int64_t rows = (m - first + tiles - t - 1) / (tiles - t);
    switch (rows) {
#define SWIN_ROWS(R)                                                             \
  case R:                                                                        \
    if constexpr (R <= kTileRows) tile(std::integral_constant<int, R>(), first); \
    break;
      SWIN_ROWS(1)
      SWIN_ROWS(2)
      SWIN_ROWS(3)
      SWIN_ROWS(4)
      SWIN_ROWS(5)
      SWIN_ROWS(6)
      SWIN_ROWS(7)
      SWIN_ROWS(8)
#undef SWIN_ROWS
    }
    first += rows;
  }
}

/// A column strip of C, VN vectors wide.
template <int VN, class Step = NextVector>
void product_strip(const real* a, int64_t row_stride, int64_t k_stride, const real* b, int64_t ldb,
                   int64_t m, int64_t k, const real* start, int64_t start_stride, real* c,
                   int64_t ldc, Step step = {}) {
  for_row_tiles(
      m, [&](auto height, int64_t first) __attribute__((always_inline)) {
        product_tile<height(), VN>(a + first * row_stride, row_stride, k_stride, b, ldb, step, k,
                                   start ? start + first * start_stride : nullptr, start_stride,
                                   c + first * ldc, ldc);
      });
}

/// C (m, n) = A (m, k) · B (k, n) + start. Element (i, l) of A is a[i · row_stride + l · k_stride];
/// n is a multiple of the vector length.
/// @param start (m, n), its row stride start_stride; C itself adds to C; null: zeros
inline void small_product(const real* a, int64_t row_stride, int64_t k_stride, const real* b,
                          int64_t ldb, int64_t m, int64_t n, int64_t k, const real* start,
                          int64_t start_stride, real* c, int64_t ldc) {
  constexpr int64_t L = base::kLanes<real>;
  int64_t left = n / L;
  while (left > 0) {
    // The widest strips, but none of a single vector that can be avoided.
    const int64_t strip =
        left == kTileVectors + 1 ? base::divide_up(left, 2) : std::min(left, kTileVectors);
    switch (strip) {
      case 3:
        if constexpr (kTileVectors >= 3)
          product_strip<3>(a, row_stride, k_stride, b, ldb, m, k, start, start_stride, c, ldc);
        break;
      case 2:
        product_strip<2>(a, row_stride, k_stride, b, ldb, m, k, start, start_stride, c, ldc);
        break;
      default:
        product_strip<1>(a, row_stride, k_stride, b, ldb, m, k, start, start_stride, c, ldc);
        break;
    }
    b += strip * L, c += strip * L, left -= strip;
    if (start) start += strip * L;
  }
}

/// y (columns, ldy) = xᵀ for x (rows, columns; row stride ldx). The rows of y are padded with zeros
/// to whole vectors: ldy is at least round_to_lanes(rows). columns and ldx are multiples of the
/// vector length.
inline void transpose_padded(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y,
                             int64_t ldy) {
  constexpr int64_t L = base::kLanes<real>, kBlock = base::kBlock<real>;
  int64_t r = 0;
  for (; r + L <= rows; r += L)
    for (int64_t c = 0; c < columns; c += kBlock) {
      base::Vec<real> lines[kBlock];
      for (int i = 0; i < kBlock; ++i)
        lines[i] = base::load_blocks(x + (r + i) * ldx + c, kBlock * ldx);
      base::transpose_blocks<real>(lines);
      for (int i = 0; i < kBlock; ++i) base::store(y + (c + i) * ldy + r, lines[i]);
    }
  if (r == rows) return;
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t i = r; i < r + L; ++i) y[c * ldy + i] = i < rows ? x[i * ldx + c] : 0;
}

}  // namespace swin::autograd::kernels::SWIN_ISA
