// Matrix products, row-major. Two doors: gemm cuts the product into a grid that is a function of
// its shape alone and runs it in parallel; gemm_tile is one call on the calling thread, allowed
// inside parallel bodies.
#pragma once
#include <cstdint>
#include <string>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

enum class Transpose : bool { no = false, yes = true };

/// C (m, n) = op(A) (m, k) · op(B) (k, n) [+ C]. Leading dimensions are row strides of the stored
/// arrays.
struct GemmArguments {
  Transpose transpose_a = Transpose::no, transpose_b = Transpose::no;
  int64_t m = 0, n = 0, k = 0;
  const real* a = nullptr;
  int64_t lda = 0;
  const real* b = nullptr;
  int64_t ldb = 0;
  GradientTarget c;
  int64_t ldc = 0;
  /// (n) added to every row of C, or null. Only without K slices, which gemm cuts for transposed A.
  const real* bias = nullptr;
};

void gemm(const GemmArguments& product);
void gemm_tile(const GemmArguments& product);

/// The grid gemm cuts: size of a tile and the number of K slices, a pure function of the shape.
struct GemmGrid {
  int64_t tile_rows, tile_columns, slices;
};
GemmGrid gemm_grid(const GemmArguments& product);

/// Which libraries multiply, each checked once against plain loops before its first use.
struct GemmLibrary {
  std::string name, version;
  bool correct = false;  ///< a library that fails is not used
};
const GemmLibrary& openblas_library();
const GemmLibrary& onednn_library();

/// The machine's own rate: the best of three whole-machine products of 2048³ by each library,
/// GFLOP/s.
struct MachineRate {
  double openblas = 0, onednn_sgemm = 0, onednn_matmul = 0;
  double best() const;
};
MachineRate measure_machine_rate();

}  // namespace swin::autograd::kernels
