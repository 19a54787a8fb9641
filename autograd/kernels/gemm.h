// Row-major matrix products, with two entry points. gemm cuts the product into tiles that depend on
// its shape and the instruction set alone and runs them in parallel: tiles of a library (gemm_grid)
// or of the engine's own kernel (packed_product.h). gemm_tile is one library call on the calling
// thread, for use inside parallel_for.
#pragma once
#include <cstdint>
#include <string>

#include "autograd/kernels/gradient_target.h"
#include "base/parallel.h"

namespace swin::autograd::kernels {

enum class Transpose : bool { no = false, yes = true };

/// C (m, n) = op(A) (m, k) · op(B) (k, n) [+ C]. lda, ldb and ldc are the row strides of the arrays
/// in memory.
struct GemmArguments {
  Transpose transpose_a = Transpose::no, transpose_b = Transpose::no;
  int64_t m = 0, n = 0, k = 0;
  const real* a = nullptr;
  int64_t lda = 0;
  const real* b = nullptr;
  int64_t ldb = 0;
  GradientTarget c;
  int64_t ldc = 0;
  /// (n), added to every row of C; may be null. Not allowed with a transposed A, where gemm may
  /// slice K.
  const real* bias = nullptr;
  /// op(B) packed by pack_b, if it is at hand; else gemm packs it where it reads it packed.
  const real* packed_b = nullptr;
};

/// The arguments for contiguous arrays.
inline GemmArguments contiguous(const real* a, Transpose transpose_a, const real* b,
                                Transpose transpose_b, GradientTarget c, int64_t m, int64_t n,
                                int64_t k) {
  const int64_t lda = transpose_a == Transpose::yes ? m : k;
  const int64_t ldb = transpose_b == Transpose::yes ? k : n;
  return {transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, n};
}

/// Whether gemm uses the engine's own product kernel (packed_product.h), which reads B packed.
bool takes_packed(const GemmArguments& product);
/// Packs op(B) for it, in parallel. @param packed packed_numel elements
void pack_b(const GemmArguments& product, real* packed);
int64_t packed_numel(const GemmArguments& product);

void gemm(const GemmArguments& product);
/// Works on a tile of C as soon as it is complete, on the thread that computed it, while the tile
/// is in its cache: rows [row, row + rows), columns [column, column + columns). Tiles cover C once.
using TileEpilogue =
    base::FunctionRef<void(int64_t row, int64_t rows, int64_t column, int64_t columns)>;
/// gemm, followed by the epilogue of each tile. Not for a transposed A, whose sums may be cut.
void gemm(const GemmArguments& product, TileEpilogue epilogue);
void gemm_tile(const GemmArguments& product);

/// The grid of gemm where a library computes: the size of a tile and the number of K slices, a pure
/// function of the shape.
struct GemmGrid {
  int64_t tile_rows, tile_columns, slices;
};
GemmGrid gemm_grid(const GemmArguments& product);
/// The same where the engine's own kernel computes a weight gradient.
GemmGrid transposed_grid(const GemmArguments& product);

/// Whether a layer from `in` to `out` channels goes in panels of rows, which form the groups of
/// panels.h: many rows, and a weight that stays in the second cache. A function of the shape alone.
bool takes_panels(int64_t rows, int64_t in, int64_t out);

/// The grid where the engine's own kernel computes C (m, n): rows of a tile, and strips of columns
/// (packed_product.h).
struct PackedGrid {
  int64_t tile_rows, row_tiles, tile_strips, column_tiles;
};
PackedGrid packed_grid(int64_t m, int64_t n);

/// A library for matrix products. Each is checked once against plain loops before its first use.
struct GemmLibrary {
  std::string name, version;
  std::string core;      ///< whose kernels it uses: "SkylakeX", "avx2"
  bool correct = false;  ///< a library that fails is not used
};
const GemmLibrary& openblas_library();
/// The core whose kernels OpenBLAS took when it was loaded. Empty if it has those of one core
/// alone. Unlike openblas_library() this computes nothing.
std::string openblas_core();
const GemmLibrary& onednn_library();

/// The speed of this machine in GFLOP/s: the best of six products of 2048³ on all threads, per
/// library.
struct MachineRate {
  double openblas = 0, onednn_sgemm = 0, onednn_matmul = 0;
  double best() const;
};
MachineRate measure_machine_rate();

}  // namespace swin::autograd::kernels
