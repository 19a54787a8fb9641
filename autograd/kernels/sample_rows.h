// Rows of some samples of a batch: gathered, normalized, and the way back, on the calling thread.
#pragma once
#include "autograd/kernels/layer_norm_row.h"
#include "autograd/kernels/residual.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// The row of the batch that is this compact row.
inline int64_t row_of(const SampleRows& at, int64_t row) {
  return at.samples ? at.samples[row / at.tokens] * at.tokens + row % at.tokens : row;
}

/// to (rows, dim) = factor · the rows `at`, from `begin` on.
inline void gather_rows_of(const real* x, const SampleRows& at, int64_t begin, int64_t rows,
                           int64_t dim, real factor, real* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const real* from = x + row_of(at, begin + row) * dim;
    for_vectors(
        dim, [&](int64_t i, auto part) __attribute__((always_inline)) {
          part.store(to + row * dim + i, factor * part.load(from + i));
        });
  }
}

/// normal (rows, dim) = the normalized rows `at` of x, from `begin` on. Sets their statistics.
inline void normalize_rows(const real* x, const SampleRows& at, int64_t begin, int64_t rows,
                           int64_t dim, const real* weight, const real* bias, real epsilon,
                           real* mean, real* rstd, real* normal) {
  for (int64_t row = 0; row < rows; ++row) {
    const real* from = x + row_of(at, begin + row) * dim;
    const RowStatistics statistics = row_statistics(from, dim, epsilon);
    mean[begin + row] = statistics.mean;
    rstd[begin + row] = statistics.rstd;
    for (int64_t i = 0; i < dim; i += base::kLanes<real>)
      store_ragged(normal + row * dim, i, dim, normalized(from, statistics, weight, bias, i, dim));
  }
}

/// The same bits again.
inline void normalize_rows_again(const real* x, const SampleRows& at, int64_t begin, int64_t rows,
                                 int64_t dim, const real* weight, const real* bias,
                                 const real* mean, const real* rstd, real* normal) {
  for (int64_t row = 0; row < rows; ++row) {
    const real* from = x + row_of(at, begin + row) * dim;
    const RowStatistics statistics = {mean[begin + row], rstd[begin + row]};
    for (int64_t i = 0; i < dim; i += base::kLanes<real>)
      store_ragged(normal + row * dim, i, dim, normalized(from, statistics, weight, bias, i, dim));
  }
}

/// dx = residual + the gradient through the norm, for the rows `at` from `begin` on.
/// @param dnormal (rows, dim)
/// @param residual its rows `at` are added; may be null
/// @param dweight, dbias (dim), are added to
inline void norm_rows_backward(const real* dnormal, const real* x, const SampleRows& at,
                               int64_t begin, int64_t rows, int64_t dim, const real* weight,
                               const real* mean, const real* rstd, const real* residual,
                               GradientTarget dx, real* dweight, real* dbias) {
  for (int64_t row = 0; row < rows; ++row, dnormal += dim) {
    const int64_t first = row_of(at, begin + row) * dim;
    const RowStatistics statistics = {mean[begin + row], rstd[begin + row]};
    const auto write = [&](int64_t i, base::Vec<real> d) __attribute__((always_inline)) {
      if (residual) d += load_ragged(residual + first, i, dim);
      if (dx.add) d += load_ragged(dx.data + first, i, dim);
      store_ragged(dx.data + first, i, dim, d);
    };
    backward_of_row(dnormal, x + first, weight, statistics, static_cast<bool>(dx), dweight, dbias,
                    dim, write);
  }
}

}  // namespace swin::autograd::kernels::SWIN_ISA
