#include "autograd/kernels/mlp_panels.h"

#include "autograd/kernels/gelu_rows.h"
#include "autograd/kernels/panels.h"

namespace swin::autograd::kernels::SWIN_ISA {

namespace {

// Columns of the hidden layer that are in the cache together.
int64_t chunk_of(int64_t hidden) { return hidden <= 384 ? hidden : 192; }

}  // namespace

void mlp_panels_forward(const MlpPanels& s, const real* fc1_bias, const real* fc2_bias,
                        real epsilon, real* mean, real* rstd, real* h, real* y) {
  if (!y) return;
  const int64_t dim = s.dim, strip = strip_columns(), chunk = chunk_of(s.hidden);
  const ThreadScratch scratch(kPanelRows * (2 * dim + chunk));
  base::parallel_ranges(s.rows, kPanelRows, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    auto parts = scratch.own();
    real *normal = parts.take(rows * dim), *sum = parts.take(rows * dim),
         *a = parts.take(rows * chunk);
    normalize_rows(s.x, s.at, begin, rows, dim, s.norm_weight, s.norm_bias, epsilon, mean, rstd,
                   normal);
    for (int64_t column = 0; column < s.hidden; column += chunk) {
      const int64_t columns = std::min(chunk, s.hidden - column);
      real* to = h ? h + begin * s.hidden + column : a;
      const int64_t ld = h ? s.hidden : chunk;
      packed_product({.a = normal,
                      .lda = dim,
                      .packed = s.packed_fc1 + column * dim,
                      .m = rows,
                      .n = columns,
                      .k = dim,
                      .c = to,
                      .ldc = ld,
                      .add = false,
                      .bias = fc1_bias ? fc1_bias + column : nullptr});
      gelu_rows(to, ld, a, chunk, rows, columns);
      packed_product({.a = a,
                      .lda = chunk,
                      .packed = s.packed_fc2 + column * strip,
                      .m = rows,
                      .n = dim,
                      .k = columns,
                      .c = sum,
                      .ldc = dim,
                      .add = column > 0,
                      .bias = column > 0 ? nullptr : fc2_bias,
                      .packed_k = s.hidden});
    }
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t first = row_of(s.at, begin + row) * dim;
      for_vectors(
          dim, [&](int64_t i, auto part) __attribute__((always_inline)) {
            part.store(y + first + i,
                       part.load(s.x + first + i) + s.factor * part.load(sum + row * dim + i));
          });
    }
  });
}

void mlp_panels_backward(const MlpPanels& s, const real* mean, const real* rstd, const real* dy,
                         const real* h, const MlpGradients& to) {
  const int64_t dim = s.dim, hidden = s.hidden, strip = strip_columns(), chunk = chunk_of(hidden);
  const PanelGroups groups(s.rows);
  const GroupSums dfc1(groups, hidden * dim), dfc2(groups, dim * hidden), dfc1_bias(groups, hidden),
      dfc2_bias(groups, dim), dnorm_weight(groups, dim), dnorm_bias(groups, dim);
  const int64_t pack_numel =
      std::max(transposed_scratch(dim, chunk), transposed_scratch(chunk, dim));
  const ThreadScratch scratch(kPanelRows * (3 * dim + 2 * chunk) + pack_numel);
  if (!dfc1.of(0)) return;  // a dry run
  groups.run([&](int64_t group) {
    auto parts = scratch.own();
    real *scaled = parts.take(kPanelRows * dim), *normal = parts.take(kPanelRows * dim),
         *dnormal = parts.take(kPanelRows * dim), *a = parts.take(kPanelRows * chunk),
         *dh = parts.take(kPanelRows * chunk), *pack = parts.take(pack_numel);
    for (const GroupSums* sums : {&dfc1_bias, &dfc2_bias, &dnorm_weight, &dnorm_bias})
      sums->clear(group);
    groups.for_panels(group, [&](int64_t begin, int64_t rows, bool first) {
      const real* g = dy + begin * dim;
      if (s.at.samples || s.factor != 1) {
        gather_rows_of(dy, s.at, begin, rows, dim, s.factor, scaled);
        g = scaled;
      }
      normalize_rows_again(s.x, s.at, begin, rows, dim, s.norm_weight, s.norm_bias, mean, rstd,
                           normal);
      add_rows(g, dim, rows, dim, dfc2_bias.of(group));
      for (int64_t column = 0; column < hidden; column += chunk) {
        const int64_t columns = std::min(chunk, hidden - column);
        packed_product({.a = g,
                        .lda = dim,
                        .packed = s.packed_fc2 + column * dim,
                        .m = rows,
                        .n = columns,
                        .k = dim,
                        .c = dh,
                        .ldc = chunk,
                        .add = false,
                        .bias = nullptr});
        gelu_rows_backward(dh, chunk, h + begin * hidden + column, hidden, a, rows, columns);
        transposed_product({.a = g,
                            .lda = dim,
                            .b = a,
                            .ldb = chunk,
                            .m = dim,
                            .n = columns,
                            .k = rows,
                            .c = dfc2.of(group) + column,
                            .ldc = hidden,
                            .add = !first,
                            .scratch = pack});
        transposed_product({.a = dh,
                            .lda = chunk,
                            .b = normal,
                            .ldb = dim,
                            .m = columns,
                            .n = dim,
                            .k = rows,
                            .c = dfc1.of(group) + column * dim,
                            .ldc = dim,
                            .add = !first,
                            .scratch = pack});
        add_rows(dh, chunk, rows, columns, dfc1_bias.of(group) + column);
        packed_product({.a = dh,
                        .lda = chunk,
                        .packed = s.packed_fc1 + column * strip,
                        .m = rows,
                        .n = dim,
                        .k = columns,
                        .c = dnormal,
                        .ldc = dim,
                        .add = column > 0,
                        .bias = nullptr,
                        .packed_k = hidden});
      }
      norm_rows_backward(dnormal, s.x, s.at, begin, rows, dim, s.norm_weight, mean, rstd, dy, to.x,
                         dnorm_weight.of(group), dnorm_bias.of(group));
    });
  });
  dfc1.finish(to.fc1, hidden);
  dfc2.finish(to.fc2, dim);
  dfc1_bias.finish(to.fc1_bias);
  dfc2_bias.finish(to.fc2_bias);
  dnorm_weight.finish(to.norm_weight);
  dnorm_bias.finish(to.norm_bias);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(mlp_panels_forward)
SWIN_KERNEL(mlp_panels_backward)
}  // namespace swin::autograd::kernels
