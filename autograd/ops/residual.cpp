#include "autograd/kernels/residual.h"

#include <utility>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/layer_norm.h"
#include "autograd/kernels/linear_panels.h"
#include "autograd/kernels/mlp_panels.h"
#include "autograd/kernels/samples.h"
#include "autograd/ops/linear_products.h"
#include "autograd/ops/ops.h"
#include "autograd/ops/packed_weight.h"
#include "autograd/ops/windows.h"
#include "autograd/tape/op.h"

namespace swin::autograd {
namespace {

using kernels::gemm;
using kernels::SampleRows;

// ---- kept and dropped samples -------------------------------------------------------------------

// The rows of x that a half is computed for.
struct KeptRows {
  int64_t rows = 0, dim = 0, dropped_rows = 0;
  real factor = 1;
  SampleRows kept, dropped;  // they point to the arrays
  Array<int32_t> kept_index, dropped_index;

  bool all() const { return dropped_rows == 0; }
};

KeptRows rows_of(const Op& op, const Tensor& x, const NormWeights& norm, const KeptSamples& kept) {
  op.check(x.rank() >= 2 && x.dim(-1) > 0 && norm.weight.shape() == Shape{x.dim(-1)} &&
               norm.bias.shape() == norm.weight.shape(),
           [&] {
             return "found x " + x.shape().text() + ", a norm of " + norm.weight.shape().text() +
                    " and " + norm.bias.shape().text() +
                    ", expected x (B, …, dim) and weight and bias of its last dim";
           });
  std::vector<int32_t> dropped;
  size_t next = 0;
  for (int64_t sample = 0; sample < x.dim(0); ++sample)
    if (next < kept.index.size() && kept.index[next] == sample)
      ++next;
    else
      dropped.push_back(static_cast<int32_t>(sample));
  op.check(kept.batch == x.dim(0) && next == kept.index.size(), [&] {
    return "found " + std::to_string(kept.index.size()) + " kept samples of a batch of " +
           std::to_string(kept.batch) + " for x " + x.shape().text() +
           ", expected indices of the samples of x, ascending";
  });
  const int64_t tokens = x.dim(0) > 0 ? x.numel() / x.dim(-1) / x.dim(0) : 0;
  KeptRows r;
  r.dim = x.dim(-1);
  r.rows = std::ssize(kept.index) * tokens;
  r.dropped_rows = std::ssize(dropped) * tokens;
  r.factor = kept.factor;
  r.kept_index = Array<int32_t>::from(kept.index);
  if (dropped.empty()) return r;
  r.dropped_index = Array<int32_t>::from(dropped);
  r.kept = {r.kept_index.data(), tokens};
  r.dropped = {r.dropped_index.data(), tokens};
  return r;
}

// Rows without gaps.
struct CompactRows {
  Array<real> memory;  // empty if they are another tensor's
  const real* data = nullptr;
};

// factor · the kept rows.
CompactRows gather(const KeptRows& r, const real* from, real factor) {
  if (r.all() && factor == 1) return {{}, from};
  CompactRows gathered{Array<real>(r.rows * r.dim)};
  const int64_t samples = r.kept_index.size();
  kernels::take_samples(from, factor, {gathered.memory.data()}, r.kept_index.data(), samples,
                        samples > 0 ? r.rows * r.dim / samples : 0);
  gathered.data = gathered.memory.data();
  return gathered;
}

// to = from + factor · product in the kept rows, to = from in the others; or to += that.
// @param product its c is not set
void add_product(const KeptRows& r, const real* from, kernels::GemmArguments product, real factor,
                 GradientTarget to) {
  const bool in_place = r.all() && (!to.add || factor == 1);
  const Array<real> compact(in_place ? 0 : r.rows * r.dim);
  product.c = in_place ? to : GradientTarget{compact.data()};
  kernels::ResidualSum sum{from, nullptr, factor, to, r.kept, r.dim};
  sum.y.add = to.add && !in_place;
  sum.product = product.c.data;
  gemm(product, [&](int64_t row, int64_t rows, int64_t column, int64_t columns) {
    kernels::residual_tile(sum, row, rows, column, columns);
  });
  kernels::pass_samples(from, r.dropped, to, r.dropped_rows, r.dim);
}

// ---- the norm -----------------------------------------------------------------------------------

struct Statistics {
  explicit Statistics(int64_t rows) : mean(rows), rstd(rows) {}
  Array<real> mean, rstd;  ///< of each kept row
};

// The normalized kept rows. Sets the statistics.
CompactRows normalize(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                      const Statistics& s) {
  const Array<real> y(r.rows * r.dim);
  kernels::normalize_samples(x.data(), r.kept, norm.weight.data(), norm.bias.data(), y.data(),
                             s.mean.data(), s.rstd.data(), r.rows, r.dim, norm.epsilon);
  return {y, y.data()};
}

// The same bits again, in the backward pass.
CompactRows normalize_again(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                            const Statistics& s) {
  const Array<real> y(r.rows * r.dim);
  kernels::normalize_samples_again(x.data(), r.kept, norm.weight.data(), norm.bias.data(), y.data(),
                                   s.mean.data(), s.rstd.data(), r.rows, r.dim);
  return {y, y.data()};
}

bool needs_gradient(const Tensor& x, const NormWeights& norm) {
  return x.gradient().needed() || norm.weight.gradient().needed() || norm.bias.gradient().needed();
}

bool needs_gradient(const LinearWeights& layer) {
  return layer.weight.gradient().needed() || layer.bias.gradient().needed();
}

// With the norm before the branch: the gradients of x and of the norm, where one is needed.
// @param dproduct of the product of the normalized rows and weightᵀ; released on the way
void norm_gradients(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                    const Statistics& s, Array<real> dproduct, const Tensor& weight,
                    const real* dy) {
  if (!needs_gradient(x, norm)) return;
  const Array<real> dnormal(r.rows * r.dim);
  gemm(input_product(dproduct.data(), weight, {dnormal.data()}, r.rows));
  dproduct = {};
  // In the order in which the kernel writes.
  const GradientTarget dx = x.gradient().target(), dweight = norm.weight.gradient().target(),
                       dbias = norm.bias.gradient().target();
  kernels::residual_norm_backward(dnormal.data(), x.data(), r.kept, norm.weight.data(),
                                  s.mean.data(), s.rstd.data(), dy, dx, dweight, dbias, r.rows,
                                  r.dim);
  kernels::pass_samples(dy, r.dropped, dx, r.dropped_rows, r.dim);
}

// With the norm after the branch: the gradient of what is normalized, z, and those of the norm.
CompactRows normalized_gradient(const KeptRows& r, const CompactRows& dnormal, const Array<real>& z,
                                const NormWeights& norm, const Statistics& s) {
  const Array<real> dz(r.rows * r.dim);
  const GradientTarget dweight = norm.weight.gradient().target(),
                       dbias = norm.bias.gradient().target();
  kernels::layer_norm_backward(dnormal.data, z.data(), norm.weight.data(), s.mean.data(),
                               s.rstd.data(), {dz.data()}, dweight, dbias, r.rows, r.dim);
  return {dz, dz.data()};
}

void check_linear(const Op& op, const char* what, const LinearWeights& layer,
                  const Shape& expected) {
  op.check(layer.weight.shape() == expected &&
               (!layer.bias.defined() || layer.bias.shape() == Shape{expected[0]}),
           [&] {
             return std::string("found ") + what + " " + layer.weight.shape().text() +
                    (layer.bias.defined() ? " with bias " + layer.bias.shape().text() : "") +
                    ", expected " + expected.text();
           });
}

// ---- in panels of rows
// ---------------------------------------------------------------------------

kernels::MlpPanels panels_of(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                             int64_t hidden, const PackedWeight& fc1, const PackedWeight& fc2) {
  return {.rows = r.rows,
          .dim = r.dim,
          .hidden = hidden,
          .at = r.kept,
          .factor = r.factor,
          .x = x.data(),
          .norm_weight = norm.weight.data(),
          .norm_bias = norm.bias.data(),
          .packed_fc1 = fc1.data,
          .packed_fc2 = fc2.data};
}

// @param h empty, or gets the output of fc1
void mlp_in_panels(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                   const LinearWeights& fc1, const LinearWeights& fc2, const Statistics& s,
                   const Array<real>& h, real* y) {
  const PackedWeight first = packed_for_output(fc1.weight), second = packed_for_output(fc2.weight);
  kernels::mlp_panels_forward(panels_of(r, x, norm, fc1.weight.dim(0), first, second),
                              fc1.bias.defined() ? fc1.bias.data() : nullptr,
                              fc2.bias.defined() ? fc2.bias.data() : nullptr, norm.epsilon,
                              s.mean.data(), s.rstd.data(), h.data(), y);
  kernels::pass_samples(x.data(), r.dropped, {y}, r.dropped_rows, r.dim);
}

void mlp_gradients_in_panels(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                             const LinearWeights& fc1, const LinearWeights& fc2,
                             const Statistics& s, const Array<real>& h, const real* dy) {
  const PackedWeight first = packed_for_input(fc1.weight), second = packed_for_input(fc2.weight);
  const kernels::MlpGradients to = {.x = x.gradient().target(),
                                    .fc1 = fc1.weight.gradient().target(),
                                    .fc2 = fc2.weight.gradient().target(),
                                    .fc1_bias = fc1.bias.gradient().target(),
                                    .fc2_bias = fc2.bias.gradient().target(),
                                    .norm_weight = norm.weight.gradient().target(),
                                    .norm_bias = norm.bias.gradient().target()};
  kernels::mlp_panels_backward(panels_of(r, x, norm, fc1.weight.dim(0), first, second),
                               s.mean.data(), s.rstd.data(), dy, h.data(), to);
  kernels::pass_samples(dy, r.dropped, to.x, r.dropped_rows, r.dim);
}

kernels::LinearPanels panels_of(const KeptRows& r, const Tensor& x, const NormWeights& norm,
                                const LinearWeights& layer) {
  return {r.rows,          r.dim, layer.weight.dim(0), x.data(), r.kept, norm.weight.data(),
          norm.bias.data()};
}

// ---- the compositions ---------------------------------------------------------------------------

Tensor plain_mlp(const Tensor& x, const NormWeights& norm, const LinearWeights& fc1,
                 const LinearWeights& fc2, NormPlace place) {
  const auto normalize = [&](const Tensor& t) {
    return layer_norm(t, norm.weight, norm.bias, norm.epsilon);
  };
  const Tensor input = place == NormPlace::before ? normalize(x) : x;
  const Tensor y = linear(gelu(linear(input, fc1.weight, fc1.bias)), fc2.weight, fc2.bias);
  return place == NormPlace::before ? y : normalize(y);
}

}  // namespace

// ---- MLP ----------------------------------------------------------------------------------------

Tensor mlp_residual(const Tensor& x, const NormWeights& norm, const LinearWeights& fc1,
                    const LinearWeights& fc2, NormPlace place, const KeptSamples& kept) {
  Op op("mlp_residual");
  const KeptRows r = rows_of(op, x, norm, kept);
  op.check(fc1.weight.rank() == 2 && fc1.weight.dim(0) > 0,
           [&] { return "found fc1 " + fc1.weight.shape().text() + ", expected (hidden, dim)"; });
  const int64_t rows = r.rows, dim = r.dim, hidden = fc1.weight.dim(0);
  check_linear(op, "fc1", fc1, {hidden, dim});
  check_linear(op, "fc2", fc2, {dim, hidden});
  if (OpByOp::active()) {
    const Tensor samples = take_samples(x, kept);
    return add_samples(x, plain_mlp(samples, norm, fc1, fc2, place), kept);
  }
  const bool before = place == NormPlace::before;
  const std::initializer_list<Tensor> inputs = {x,        norm.weight, norm.bias, fc1.weight,
                                                fc1.bias, fc2.weight,  fc2.bias};
  Tensor y(x.shape());
  const Statistics statistics(rows);
  const bool records = Op::will_record(inputs);
  const bool panels = before && kernels::takes_panels(rows, dim, hidden);
  Array<real> h(records || !panels ? rows * hidden : 0);
  Array<real> z;  // the output of fc2, where it is normalized
  if (panels) {
    mlp_in_panels(r, x, norm, fc1, fc2, statistics, h, y.mutable_data());
  } else {
    // GELU(h), in place where h is not needed again.
    Array<real> a = records ? Array<real>(rows * hidden) : h;
    {
      const CompactRows input = before ? normalize(r, x, norm, statistics) : gather(r, x.data(), 1);
      gemm(linear_product(input.data, fc1.weight, fc1.bias, h.data(), rows),
           [&](int64_t row, int64_t tile_rows, int64_t column, int64_t columns) {
             const int64_t first = row * hidden + column;
             kernels::gelu_tile(h.data() + first, a.data() + first, hidden, tile_rows, columns);
           });
    }
    if (before) {
      add_product(r, x.data(), linear_product(a.data(), fc2.weight, fc2.bias, nullptr, rows),
                  r.factor, {y.mutable_data()});
    } else {
      z = Array<real>(rows * dim);
      gemm(linear_product(a.data(), fc2.weight, fc2.bias, z.data(), rows));
      kernels::add_normalized(x.data(), r.kept, z.data(), norm.weight.data(), norm.bias.data(),
                              r.factor, y.mutable_data(), statistics.mean.data(),
                              statistics.rstd.data(), rows, dim, norm.epsilon);
      kernels::pass_samples(x.data(), r.dropped, {y.mutable_data()}, r.dropped_rows, dim);
    }
  }
  op.macs(rows * dim * (1 + 2 * hidden));

  auto backward = [x, norm, fc1, fc2, r, rows, hidden, before, panels, statistics, h,
                   z](const OutputGradient& dy) mutable {
    if (panels && x.gradient().needed() && fc1.weight.gradient().needed() &&
        fc2.weight.gradient().needed())
      return mlp_gradients_in_panels(r, x, norm, fc1, fc2, statistics, h, dy);
    CompactRows dbranch = gather(r, dy, r.factor);
    if (!before) dbranch = normalized_gradient(r, dbranch, std::exchange(z, {}), norm, statistics);
    const bool dinput_needed = before ? needs_gradient(x, norm) : x.gradient().needed();
    Array<real> dh;
    if (dinput_needed || needs_gradient(fc1)) {
      dh = Array<real>(rows * hidden);
      gemm(input_product(dbranch.data, fc2.weight, {dh.data()}, rows),
           [&](int64_t row, int64_t tile_rows, int64_t column, int64_t columns) {
             const int64_t first = row * hidden + column;
             kernels::gelu_tile_backward(dh.data() + first, h.data() + first, hidden, tile_rows,
                                         columns);
           });
    } else {
      kernels::gelu_forward(h.data(), h.data(), h.size());
    }
    // h is GELU(h) now.
    weight_gradients(dbranch.data, h.data(), fc2.weight, fc2.bias, rows);
    h = {}, dbranch = {};
    {
      CompactRows input;
      if (fc1.weight.gradient().needed())
        input = before ? normalize_again(r, x, norm, statistics) : gather(r, x.data(), 1);
      weight_gradients(dh.data(), input.data, fc1.weight, fc1.bias, rows);
    }
    if (before)
      norm_gradients(r, x, norm, statistics, std::move(dh), fc1.weight, dy);
    else if (dinput_needed)
      add_product(r, dy, input_product(dh.data(), fc1.weight, {}, rows), 1, x.gradient().target());
  };
  return op.record(y, inputs, std::move(backward));
}

// ---- attention ----------------------------------------------------------------------------------

Tensor attention_residual(const Tensor& x, const NormWeights& norm, const LinearWeights& qkv,
                          const Tensor& table, const LinearWeights& proj,
                          const WindowLayout& layout, const AttentionOptions& options,
                          const KeptSamples& kept) {
  Op op("attention_residual");
  const KeptRows r = rows_of(op, x, norm, kept);
  const int64_t rows = r.rows, dim = r.dim, samples = r.kept_index.size();
  check_linear(op, "qkv", qkv, {3 * dim, dim});
  check_linear(op, "proj", proj, {dim, dim});
  Shape qkv_shape = x.shape();
  qkv_shape[-1] = 3 * dim;
  check_windows(op, qkv_shape, table, layout, options.num_heads);
  if (OpByOp::active()) {
    Tensor y = layer_norm(take_samples(x, kept), norm.weight, norm.bias, norm.epsilon);
    y = window_attention(linear(y, qkv.weight, qkv.bias), table, layout, options);
    return add_samples(x, linear(y, proj.weight, proj.bias), kept);
  }

  const std::initializer_list<Tensor> inputs = {x,        norm.weight, norm.bias,   qkv.weight,
                                                qkv.bias, table,       proj.weight, proj.bias};
  Tensor y(x.shape());
  const Windows windows = windows_of(layout, samples, dim, options, table);
  const Statistics statistics(rows);
  const SoftmaxStatistics softmax(windows, Op::will_record(inputs));
  Array<real> projected(rows * 3 * dim), mixed(rows * dim);
  if (kernels::takes_panels(rows, dim, 3 * dim)) {
    const PackedWeight packed = packed_for_output(qkv.weight);
    kernels::linear_panels_forward(
        panels_of(r, x, norm, qkv), packed.data, qkv.bias.defined() ? qkv.bias.data() : nullptr,
        norm.epsilon, statistics.mean.data(), statistics.rstd.data(), projected.data());
  } else {
    const CompactRows input = normalize(r, x, norm, statistics);
    gemm(linear_product(input.data, qkv.weight, qkv.bias, projected.data(), rows));
  }
  op.macs(attention_forward(windows, projected.data(), mixed.data(), softmax));
  add_product(r, x.data(), linear_product(mixed.data(), proj.weight, proj.bias, nullptr, rows),
              r.factor, {y.mutable_data()});
  op.macs(rows * dim * (1 + 4 * dim));

  auto backward = [x, norm, qkv, table, proj, r, rows, dim, windows, statistics, softmax, projected,
                   mixed](const OutputGradient& dy) mutable {
    const bool dqkv_needed = needs_gradient(x, norm) || needs_gradient(qkv);
    Array<real> dmixed(rows * dim);
    {
      const CompactRows dbranch = gather(r, dy, r.factor);
      linear_gradients(dbranch.data, mixed.data(), proj.weight, proj.bias, rows, true,
                       {dmixed.data()});
      mixed = {};
    }
    Array<real> dqkv(dqkv_needed ? rows * 3 * dim : 0);
    attention_backward(windows, dmixed.data(), projected.data(), softmax, {dqkv.data()},
                       table.gradient());
    projected = {}, dmixed = {};
    if (x.gradient().needed() && qkv.weight.gradient().needed() &&
        kernels::takes_panels(rows, dim, 3 * dim)) {
      const PackedWeight packed = packed_for_input(qkv.weight);
      const kernels::LinearPanelGradients to = {.x = x.gradient().target(),
                                                .weight = qkv.weight.gradient().target(),
                                                .bias = qkv.bias.gradient().target(),
                                                .norm_weight = norm.weight.gradient().target(),
                                                .norm_bias = norm.bias.gradient().target()};
      kernels::linear_panels_backward(panels_of(r, x, norm, qkv), packed.data,
                                      statistics.mean.data(), statistics.rstd.data(), dqkv.data(),
                                      dy, to);
      return kernels::pass_samples(dy, r.dropped, to.x, r.dropped_rows, dim);
    }
    {
      CompactRows input;
      if (qkv.weight.gradient().needed()) input = normalize_again(r, x, norm, statistics);
      weight_gradients(dqkv.data(), input.data, qkv.weight, qkv.bias, rows);
    }
    norm_gradients(r, x, norm, statistics, std::move(dqkv), qkv.weight, dy);
  };
  return op.record(y, inputs, std::move(backward));
}

}  // namespace swin::autograd
