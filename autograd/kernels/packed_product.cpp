#include "autograd/kernels/packed_product.h"

#include <algorithm>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/small_product.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

constexpr int64_t L = base::kLanes<real>;
constexpr int64_t kStrip = kTileVectors * L;

// K is cut so that the part of a strip in use stays in the first or second cache, and rows so that
// their part of A does, too: a strip is read again for each block of rows, A for each strip.
constexpr int64_t kDepth = 384;
constexpr int64_t kRowsBytes = 64 * 1024;
constexpr int64_t kTogether = 576;  // elements of several taps: 9 of 64 channels

// Rows of A for k of their elements: their part of the 64 KB.
int64_t rows_for(int64_t k) {
  return std::max<int64_t>(
      kTileRows, kRowsBytes / static_cast<int64_t>(sizeof(real)) / k / kTileRows * kTileRows);
}

// Where the columns of a tile begin in the strips of a packed B (k, n). Of two vectors the second
// one may be the first one of the next strip.
struct TileOfB {
  const real* b;
  bool parted;
  int64_t step;  // between the two vectors

  TileOfB(const real* packed, int64_t k, int64_t column, int vectors) {
    const int64_t inside = column % kStrip;
    b = packed + (column - inside) * k + inside;
    parted = kTileVectors > 2 && vectors == 2 && inside + L == kStrip;
    step = parted ? k * kStrip - inside : L;
  }
};

// C (rows, columns) = start + A · B for columns that fill VN vectors, but for the last one. `start`
// (row stride start_stride) is C itself, a bias (stride 0) or null for zeros.
// Element (i, l) of A is a[i · row_stride + l · k_stride].
template <int VN, class Step = NextVector>
void column_product(int64_t rows, int64_t columns, const real* a, int64_t row_stride,
                    int64_t k_stride, const real* b, int64_t k, const real* start,
                    int64_t start_stride, real* c, int64_t ldc, Step step = {}) {
  // Columns beyond them are computed beside C and dropped.
  const bool whole = columns == VN * L;
  alignas(64) real beside[kTileRows * VN * L];
  for (int64_t first = 0, height; first < rows; first += height) {
    height = whole ? rows : std::min(kTileRows, rows - first);
    real* const to = whole ? c : beside;
    const int64_t to_stride = whole ? ldc : VN * L;
    if (!whole) {
      std::fill_n(beside, kTileRows * VN * L, real{0});
      for (int64_t i = 0; start && i < height; ++i)
        std::copy_n(start + (first + i) * start_stride, columns, beside + i * VN * L);
    }
    product_strip<VN>(a + first * row_stride, row_stride, k_stride, b, kStrip, height, k,
                      whole ? start : beside, whole ? start_stride : VN * L, to, to_stride, step);
    for (int64_t i = 0; !whole && i < height; ++i)
      std::copy_n(beside + i * VN * L, columns, c + (first + i) * ldc);
  }
}

// A part of the sums of a gathered product: some taps, and of their k some elements.
struct Depth {
  int64_t first_tap, last_tap, k0, k1;
};

// C += the part of the sums, for MR rows and VN vectors of columns; those beyond n are dropped. Not
// inlined: together the tiles of all sizes spill their pointers (107 instead of 143 GFLOP/s).
template <int MR, int VN>
__attribute__((noinline)) void gathered_tile(const GatheredTile& t, const Depth& depth, int64_t row,
                                             int64_t column) {
  using Vector = base::Vec<real>;
  real* const* to = t.to + row;
  const int64_t columns = t.n - column;
  Vector sum[MR][VN];
  const bool first = depth.first_tap == 0 && depth.k0 == 0;
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v)
      sum[i][v] = !first || t.add ? load_ragged(to[i] + column, v * L, columns)
                  : t.bias        ? load_ragged(t.bias + column, v * L, columns)
                                  : Vector{};
  for (int64_t tap = depth.first_tap; tap < depth.last_tap; ++tap) {
    const real* a[MR];
    for (int i = 0; i < MR; ++i) a[i] = t.rows[tap * t.m + row + i] + depth.k0;
    const TileOfB tile(t.packed[tap], t.k, column, VN);
    const real* b = tile.b + depth.k0 * kStrip;
#pragma GCC unroll 4
    for (int64_t l = 0; l < depth.k1 - depth.k0; ++l)
      add_outer_product<MR, VN>(
          sum, b + l * kStrip, [&](int i) __attribute__((always_inline)) { return a[i][l]; },
          VN == 2 && kTileVectors > 2 ? tile.step : L);
  }
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) store_ragged(to[i] + column, v * L, columns, sum[i][v]);
}

// Columns of A that are packed together: whole tiles of 6 and of 8 rows.
constexpr int64_t kRowStrip = 48;
// Packed elements of A and B in one part of the sum of a transposed product, and its length.
constexpr int64_t kPartElements = 192 * 1024, kMostDepth = 256;
// Between strips, so that the same row of all strips does not fall into the same set of a cache.
constexpr int64_t kApart = 48;

int64_t depth_of(int64_t m, int64_t n) {
  return std::clamp<int64_t>(kPartElements / (m + n) / 8 * 8, 8, kMostDepth);
}

// The columns of x (k, n; row stride ldx) in strips, each (k, Strip), `stride` apart. The last one
// is padded with zeros to whole vectors.
template <int64_t Strip>
void pack_columns(const real* x, int64_t ldx, int64_t k, int64_t n, int64_t stride, real* packed) {
  const int64_t whole = n / Strip;
  for (int64_t l = 0; l < k; ++l) {
    const real* from = x + l * ldx;
    real* to = packed + l * Strip;
    for (int64_t s = 0; s < whole; ++s, from += Strip, to += stride)
      for (int64_t i = 0; i < Strip; i += L) base::store(to + i, base::load(from + i));
    const int64_t left = n - whole * Strip;
    for (int64_t i = 0; i < left; i += L) base::store(to + i, load_ragged(from, i, left));
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

void gathered_product(const GatheredTile& t) {
  // Taps of few elements are computed together, those of many in parts.
  const int64_t depth = base::divide_up(t.k, base::divide_up(t.k, kDepth));
  const int64_t together = std::max<int64_t>(1, kTogether / depth);
  const int64_t most = rows_for(together * depth);
  for (int64_t tap = 0; tap < t.taps; tap += together)
    for (int64_t k0 = 0; k0 < t.k; k0 += depth) {
      const Depth part = {tap, std::min(t.taps, tap + together), k0, std::min(t.k, k0 + depth)};
      for (int64_t row = 0; row < t.m; row += most)
        for_column_tiles(t.n, [&](auto vectors, int64_t column) {
          for_row_tiles(std::min(most, t.m - row), [&](auto height, int64_t first) {
            gathered_tile<height(), decltype(vectors)::value>(t, part, row + first, column);
          });
        });
    }
}

int64_t transposed_scratch(int64_t m, int64_t n) {
  const int64_t depth = depth_of(m, n);
  return base::divide_up(m, kRowStrip) * (kRowStrip * depth + kApart) +
         base::divide_up(n, kStrip) * (kStrip * depth + kApart);
}

void transposed_product(const TransposedTile& t) {
  const int64_t depth = base::divide_up(t.k, base::divide_up(t.k, depth_of(t.m, t.n)));
  const int64_t a_stride = kRowStrip * depth + kApart, b_stride = kStrip * depth + kApart;
  real *a = t.scratch, *b = a + base::divide_up(t.m, kRowStrip) * a_stride;
  for (int64_t k0 = 0; k0 < t.k; k0 += depth) {
    const int64_t k = std::min(depth, t.k - k0);
    pack_columns<kRowStrip>(t.a + k0 * t.lda, t.lda, k, t.m, a_stride, a);
    pack_columns<kStrip>(t.b + k0 * t.ldb, t.ldb, k, t.n, b_stride, b);
    const real* a_strip = a;
    const bool add = t.add || k0 > 0;
    for (int64_t i = 0; i < t.m; i += kRowStrip, a_strip += a_stride) {
      const real* b_strip = b;
      for (int64_t j = 0; j < t.n; j += kStrip, b_strip += b_stride) {
        const int64_t rows = std::min(kRowStrip, t.m - i), columns = std::min(kStrip, t.n - j);
        real* c = t.c + i * t.ldc + j;
        for_column_tiles(columns, [&](auto vectors, int64_t) {
          column_product<decltype(vectors)::value>(rows, columns, a_strip, 1, kRowStrip, b_strip, k,
                                                   add ? c : nullptr, t.ldc, c, t.ldc);
        });
      }
    }
  }
}

void packed_product(const PackedTile& t) {
  const int64_t packed_k = t.packed_k ? t.packed_k : t.k;
  for (int64_t k0 = 0; k0 < t.k; k0 += kDepth) {
    const int64_t k = std::min(kDepth, t.k - k0), most = rows_for(k);
    for (int64_t row = 0; row < t.m; row += most) {
      const int64_t rows = std::min(most, t.m - row);
      const real* a = t.a + row * t.lda + k0;
      for_column_tiles(t.n, [&](auto vectors, int64_t column) {
        constexpr int VN = decltype(vectors)::value;
        const TileOfB tile(t.packed, packed_k, column, VN);
        const real* b = tile.b + k0 * kStrip;
        real* c = t.c + row * t.ldc + column;
        const real* start = t.add || k0 > 0 ? c : t.bias ? t.bias + column : nullptr;
        const int64_t start_stride = start == c ? t.ldc : 0;
        const int64_t columns = std::min(VN * L, t.n - column);
        if (tile.parted)
          column_product<VN>(rows, columns, a, t.lda, 1, b, k, start, start_stride, c, t.ldc,
                             tile.step);
        else
          column_product<VN>(rows, columns, a, t.lda, 1, b, k, start, start_stride, c, t.ldc);
      });
    }
  }
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(strip_columns)
SWIN_KERNEL(pack_strips)
SWIN_KERNEL(packed_product)
SWIN_KERNEL(transposed_scratch)
SWIN_KERNEL(transposed_product)
SWIN_KERNEL(gathered_product)
}  // namespace swin::autograd::kernels
