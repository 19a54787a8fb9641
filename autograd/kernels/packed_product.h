// The engine's own matrix product, C = A · B with B packed: the layout that it reads without a
// jump. A strip is a few vectors of columns wide; a packed B is its strips one after the other,
// each (k, strip width), the last one padded with zeros. The rows of A may lie anywhere.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// Columns of a strip for the instruction set in use.
extern const base::Kernel<int64_t()> strip_columns;

/// Packs strips [first, last) of op(B) (k, n).
/// @param b (k, n) with row stride ldb, or (n, k) if `transposed`
/// @param packed all strips, (n rounded up to strips) · k elements
extern const base::Kernel<void(const real* b, int64_t ldb, bool transposed, int64_t n, int64_t k,
                               int64_t first, int64_t last, real* packed)>
    pack_strips;

/// Rows of A times some strips of a packed B, on the calling thread.
struct PackedTile {
  const real* a;  ///< (m, k), row stride lda
  int64_t lda;
  const real* packed;  ///< the first strip
  int64_t m, n, k;     ///< n: columns of C that are written; they begin with a strip
  real* c;             ///< (m, n), row stride ldc
  int64_t ldc;
  bool add;          ///< to C
  const real* bias;  ///< (n), or null; only without `add`
  /// The number of rows in each strip, of which k are used: a part of a longer sum. 0: k.
  int64_t packed_k = 0;
};
extern const base::Kernel<void(const PackedTile& tile)> packed_product;

/// The same for rows that lie anywhere: C = A₀ · B₀ + A₁ · B₁ + …, a product for each tap of a
/// convolution, each with its own packed B.
struct GatheredTile {
  const real* const* rows;    ///< (taps, m): where each row of each A begins
  int64_t taps, m, n, k;      ///< of each product; at least one tap
  const real* const* packed;  ///< (taps): the first strip of each B
  real* const* to;            ///< (m): where each row of C begins
  bool add;                   ///< to C
  const real* bias;           ///< (n), or null; only without `add`
};
extern const base::Kernel<void(const GatheredTile& tile)> gathered_product;

/// C = Aᵀ · B for a long sum, as of a weight gradient: A (k, m) and B (k, n) are packed in parts of
/// the sum that stay in the second cache.
struct TransposedTile {
  const real* a;  ///< (k, m), row stride lda
  int64_t lda;
  const real* b;  ///< (k, n), row stride ldb
  int64_t ldb;
  int64_t m, n, k;
  real* c;  ///< (m, n), row stride ldc
  int64_t ldc;
  bool add;       ///< to C
  real* scratch;  ///< transposed_scratch(m, n) elements
};
extern const base::Kernel<void(const TransposedTile& tile)> transposed_product;
extern const base::Kernel<int64_t(int64_t m, int64_t n)> transposed_scratch;

}  // namespace swin::autograd::kernels
