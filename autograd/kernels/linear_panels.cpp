#include "autograd/kernels/linear_panels.h"

#include "autograd/kernels/panels.h"

namespace swin::autograd::kernels::SWIN_ISA {

void linear_panels_forward(const LinearPanels& s, const real* packed, const real* bias,
                           real epsilon, real* mean, real* rstd, real* y) {
  if (!y) return;
  const ThreadScratch scratch(kPanelRows * s.in);
  base::parallel_ranges(s.rows, kPanelRows, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    const real* x = s.x + begin * s.in;
    if (s.norm_weight) {
      real* normal = scratch.own().take(kPanelRows * s.in);
      normalize_rows(s.x, s.at, begin, rows, s.in, s.norm_weight, s.norm_bias, epsilon, mean, rstd,
                     normal);
      x = normal;
    }
    packed_product({.a = x,
                    .lda = s.in,
                    .packed = packed,
                    .m = rows,
                    .n = s.out,
                    .k = s.in,
                    .c = y + begin * s.out,
                    .ldc = s.out,
                    .add = false,
                    .bias = bias});
  });
}

void linear_panels_backward(const LinearPanels& s, const real* packed, const real* mean,
                            const real* rstd, const real* dy, const real* residual,
                            const LinearPanelGradients& to) {
  const PanelGroups groups(s.rows);
  const bool norm = s.norm_weight != nullptr;
  const GroupSums dweight(groups, s.out * s.in), dbias(groups, s.out), dnorm_weight(groups, s.in),
      dnorm_bias(groups, s.in);
  const int64_t pack_numel = transposed_scratch(s.out, s.in), panel = kPanelRows * s.in;
  const ThreadScratch scratch(2 * panel + pack_numel);
  if (!dweight.of(0)) return;  // a dry run
  groups.run([&](int64_t group) {
    auto parts = scratch.own();
    real *normal = parts.take(panel), *dx = parts.take(panel), *pack = parts.take(pack_numel);
    dbias.clear(group);
    dnorm_weight.clear(group);
    dnorm_bias.clear(group);
    groups.for_panels(group, [&](int64_t begin, int64_t rows, bool first) {
      const real *x = s.x + begin * s.in, *g = dy + begin * s.out;
      if (norm) {
        normalize_rows_again(s.x, s.at, begin, rows, s.in, s.norm_weight, s.norm_bias, mean, rstd,
                             normal);
        x = normal;
      }
      transposed_product({.a = g,
                          .lda = s.out,
                          .b = x,
                          .ldb = s.in,
                          .m = s.out,
                          .n = s.in,
                          .k = rows,
                          .c = dweight.of(group),
                          .ldc = s.in,
                          .add = !first,
                          .scratch = pack});
      add_rows(g, s.out, rows, s.out, dbias.of(group));
      const bool direct = !norm && !residual;
      if (direct && !to.x) return;
      packed_product({.a = g,
                      .lda = s.out,
                      .packed = packed,
                      .m = rows,
                      .n = s.in,
                      .k = s.out,
                      .c = direct ? to.x.data + begin * s.in : dx,
                      .ldc = s.in,
                      .add = direct && to.x.add,
                      .bias = nullptr});
      if (norm)
        norm_rows_backward(dx, s.x, s.at, begin, rows, s.in, s.norm_weight, mean, rstd, residual,
                           to.x, dnorm_weight.of(group), dnorm_bias.of(group));
    });
  });
  dweight.finish(to.weight, s.out);
  dbias.finish(to.bias);
  if (!norm) return;
  dnorm_weight.finish(to.norm_weight);
  dnorm_bias.finish(to.norm_bias);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(linear_panels_forward)
SWIN_KERNEL(linear_panels_backward)
}  // namespace swin::autograd::kernels
