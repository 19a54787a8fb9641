#include "autograd/kernels/packed_product.h"

#include <algorithm>

#include "autograd/kernels/small_product.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

constexpr int64_t L = base::kLanes<real>;
constexpr int64_t kStrip = kTileVectors * L;

// K is cut so that the part of a strip in use stays in the first or second cache, and rows so that
// their part of A does, too: a strip is read again for each block of rows, A for each strip.
constexpr int64_t kDepth = 384;
constexpr int64_t kRowsBytes = 64 * 1024;

// C (rows, kStrip) = start + A · strip; `start` (row stride start_stride) is C itself, a bias
// (stride 0) or null for zeros.
void strip_product(int64_t rows, const real* a, int64_t lda, const real* strip, int64_t k,
                   const real* start, int64_t start_stride, real* c, int64_t ldc) {
  product_strip<kTileVectors>(a, lda, 1, strip, kStrip, rows, k, start, start_stride, c, ldc);
}

// The same for the first `columns` of a strip: the others are computed beside C and dropped.
void part_of_strip_product(int64_t rows, int64_t columns, const real* a, int64_t lda,
                           const real* strip, int64_t k, const real* start, int64_t start_stride,
                           real* c, int64_t ldc) {
  alignas(64) real all[kTileRows * kStrip];
  for (int64_t first = 0; first < rows; first += kTileRows) {
    const int64_t height = std::min(kTileRows, rows - first);
    std::fill_n(all, kTileRows * kStrip, real{0});
    for (int64_t i = 0; start && i < height; ++i)
      std::copy_n(start + (first + i) * start_stride, columns, all + i * kStrip);
    strip_product(height, a + first * lda, lda, strip, k, all, kStrip, all, kStrip);
    for (int64_t i = 0; i < height; ++i)
      std::copy_n(all + i * kStrip, columns, c + (first + i) * ldc);
  }
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
    const int64_t whole = k / base::kBlock<real> * base::kBlock<real>;
    for (int64_t v = 0; v < kTileVectors; ++v) {
      const int64_t lanes = std::clamp<int64_t>(columns - v * L, 0, L);
      const real* from = b + (column + v * L) * ldb;
      real* lines = to + v * L;
      if (lanes > 0) transpose_padded(from, ldb, lanes, whole, lines, kStrip);
      for (int64_t l = lanes > 0 ? whole : 0; l < k; ++l)
        for (int64_t i = 0; i < L; ++i) lines[l * kStrip + i] = i < lanes ? from[i * ldb + l] : 0;
    }
  }
}

void packed_product(const PackedTile& t) {
  for (int64_t k0 = 0; k0 < t.k; k0 += kDepth) {
    const int64_t k = std::min(kDepth, t.k - k0);
    const int64_t most = std::max<int64_t>(
        kTileRows, kRowsBytes / static_cast<int64_t>(sizeof(real)) / k / kTileRows * kTileRows);
    for (int64_t row = 0; row < t.m; row += most) {
      const int64_t rows = std::min(most, t.m - row);
      const real* a = t.a + row * t.lda + k0;
      for (int64_t column = 0; column < t.n; column += kStrip) {
        const real* strip = t.packed + column * t.k + k0 * kStrip;
        real* c = t.c + row * t.ldc + column;
        const real* start = t.add || k0 > 0 ? c : t.bias ? t.bias + column : nullptr;
        const int64_t start_stride = start == c ? t.ldc : 0;
        const int64_t columns = std::min(kStrip, t.n - column);
        if (columns == kStrip)
          strip_product(rows, a, t.lda, strip, k, start, start_stride, c, t.ldc);
        else
          part_of_strip_product(rows, columns, a, t.lda, strip, k, start, start_stride, c, t.ldc);
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
