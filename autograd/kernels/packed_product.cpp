#include "autograd/kernels/packed_product.h"

#include <algorithm>

#include "base/integer.h"
#include "base/real.h"
#include "base/simd.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::load;
using base::store;
using Vector = base::Vec<real>;
constexpr int64_t L = base::kLanes<real>;

// A block of C, kRows × kVectors vectors, is summed in registers; the others hold a row of the
// strip and an element of A.
constexpr int kVectors = base::kVectorRegisters == 32 ? 3 : 2;
constexpr int kRows = (base::kVectorRegisters == 32 ? 24 : 12) / kVectors;
constexpr int64_t kStrip = kVectors * L;

// K is cut so that the part of a strip in use stays in the first or second cache, and rows so that
// their part of A does, too: a strip is read again for each block of rows, A for each strip.
constexpr int64_t kDepth = 384;
constexpr int64_t kRowsBytes = 64 * 1024;

// C (rows, kStrip) = start + A · strip; `start` (row stride ldstart) is C itself, a bias (stride 0)
// or null for zero.
template <int rows>
SWIN_INLINE void block(const real* a, int64_t lda, const real* strip, int64_t k, const real* start,
                       int64_t ldstart, real* c, int64_t ldc) {
  Vector sum[rows][kVectors];
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < kVectors; ++v)
      sum[i][v] = start ? load(start + i * ldstart + v * L) : Vector{};
#pragma GCC unroll 4
  for (int64_t l = 0; l < k; ++l) {
    Vector b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = load(strip + l * kStrip + v * L);
    for (int i = 0; i < rows; ++i) {
      const Vector x = base::broadcast(a[i * lda + l]);
      for (int v = 0; v < kVectors; ++v) sum[i][v] = base::fma(x, b[v], sum[i][v]);
    }
  }
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < kVectors; ++v) store(c + i * ldc + v * L, sum[i][v]);
}

// block for 1 ≤ rows ≤ most.
template <int most = kRows>
void block_of(int64_t rows, const real* a, int64_t lda, const real* strip, int64_t k,
              const real* start, int64_t ldstart, real* c, int64_t ldc) {
  if constexpr (most > 1) {
    if (rows < most) return block_of<most - 1>(rows, a, lda, strip, k, start, ldstart, c, ldc);
  }
  block<most>(a, lda, strip, k, start, ldstart, c, ldc);
}

// The same for the first `columns` of a strip: the others are computed beside C and dropped.
void block_of_columns(int64_t rows, int64_t columns, const real* a, int64_t lda, const real* strip,
                      int64_t k, const real* start, int64_t ldstart, real* c, int64_t ldc) {
  alignas(64) real all[kRows * kStrip] = {};
  for (int64_t i = 0; start && i < rows; ++i)
    std::copy_n(start + i * ldstart, columns, all + i * kStrip);
  block_of(rows, a, lda, strip, k, all, kStrip, all, kStrip);
  for (int64_t i = 0; i < rows; ++i) std::copy_n(all + i * kStrip, columns, c + i * ldc);
}

}  // namespace

int64_t strip_columns() { return kStrip; }

void pack_strips(const real* b, int64_t ldb, bool transposed, int64_t n, int64_t k, int64_t first,
                 int64_t last, real* packed) {
  for (int64_t s = first; s < last; ++s) {
    const int64_t column = s * kStrip, columns = std::min(kStrip, n - column);
    real* to = packed + column * k;
    if (!transposed) {
      for (int64_t l = 0; l < k; ++l) {
        const real* from = b + l * ldb + column;
        std::copy_n(from, columns, to + l * kStrip);
        std::fill_n(to + l * kStrip + columns, kStrip - columns, real{0});
      }
      continue;
    }
    const int64_t whole = k / L * L;
    for (int64_t v = 0; v < kVectors; ++v) {
      const int64_t lanes = std::clamp<int64_t>(columns - v * L, 0, L);
      const real* from = b + (column + v * L) * ldb;
      for (int64_t l = 0; l < whole; l += L) {
        Vector lines[L];
        for (int64_t i = 0; i < L; ++i) lines[i] = i < lanes ? load(from + i * ldb + l) : Vector{};
        base::transpose_block<real>(lines);
        for (int64_t i = 0; i < L; ++i) store(to + (l + i) * kStrip + v * L, lines[i]);
      }
      for (int64_t l = whole; l < k; ++l)
        for (int64_t i = 0; i < L; ++i)
          to[l * kStrip + v * L + i] = i < lanes ? from[i * ldb + l] : 0;
    }
  }
}

void packed_product(const PackedTile& t) {
  for (int64_t k0 = 0; k0 < t.k; k0 += kDepth) {
    const int64_t k = std::min(kDepth, t.k - k0);
    const int64_t most = std::max<int64_t>(
        kRows, kRowsBytes / static_cast<int64_t>(sizeof(real)) / k / kRows * kRows);
    for (int64_t top = 0; top < t.m; top += most) {
      const int64_t height = std::min(most, t.m - top);
      const int64_t blocks = base::divide_up(height, kRows);
      for (int64_t column = 0; column < t.n; column += kStrip) {
        const real* strip = t.packed + column * t.k + k0 * kStrip;
        const int64_t columns = std::min(kStrip, t.n - column);
        // Blocks of nearly equal height.
        for (int64_t i = 0, row = top; i < blocks; ++i) {
          const int64_t rows = (top + height - row + blocks - i - 1) / (blocks - i);
          const real* a = t.a + row * t.lda + k0;
          real* c = t.c + row * t.ldc + column;
          const real* start = t.add || k0 > 0 ? c : t.bias ? t.bias + column : nullptr;
          const int64_t ldstart = start == c ? t.ldc : 0;
          if (columns == kStrip)
            block_of(rows, a, t.lda, strip, k, start, ldstart, c, t.ldc);
          else
            block_of_columns(rows, columns, a, t.lda, strip, k, start, ldstart, c, t.ldc);
          row += rows;
        }
      }
    }
  }
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(strip_columns)
SWIN_KERNEL(pack_strips)
SWIN_KERNEL(packed_product)
}  // namespace swin::autograd::kernels
