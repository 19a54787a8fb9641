#include <algorithm>

#include "autograd/kernels/broadcast.h"
#include "autograd/kernels/cosine.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/layer_norm.h"
#include "autograd/kernels/linear_panels.h"
#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/softmax.h"
#include "autograd/ops/linear_products.h"
#include "autograd/ops/ops.h"
#include "autograd/ops/packed_weight.h"
#include "autograd/tape/op.h"
#include "base/parallel.h"

namespace swin::autograd {

using kernels::contiguous;
using kernels::GemmArguments;
using kernels::Transpose;

namespace {
const real* kept_packed(const Tensor& weight, const GemmArguments& product) {
  return weight.derived(kernels::strip_columns(), kernels::packed_numel(product),
                        [&](real* packed) { kernels::pack_b(product, packed); });
}
}  // namespace

const real* packed_weight(const Tensor& weight, const GemmArguments& product) {
  if (Tape::recording() || !kernels::takes_packed(product)) {
    weight.drop_derived();
    return nullptr;
  }
  return kept_packed(weight, product);
}

GemmArguments linear_product(const real* x, const Tensor& weight, const Tensor& bias, real* y,
                             int64_t rows) {
  GemmArguments product = contiguous(x, Transpose::no, weight.data(), Transpose::yes, {y, false},
                                     rows, weight.dim(0), weight.dim(1));
  product.bias = bias.defined() ? bias.data() : nullptr;
  product.packed_b = packed_weight(weight, product);
  return product;
}

GemmArguments input_product(const real* dy, const Tensor& weight, GradientTarget dx, int64_t rows) {
  return contiguous(dy, Transpose::no, weight.data(), Transpose::no, dx, rows, weight.dim(1),
                    weight.dim(0));
}

namespace {
PackedWeight packed_now(const GemmArguments& product) {
  PackedWeight packed{Array<real>(kernels::packed_numel(product))};
  packed.data = packed.memory.data();
  if (packed.data) kernels::pack_b(product, packed.memory.data());
  return packed;
}
}  // namespace

PackedWeight packed_for_output(const Tensor& weight) {
  const GemmArguments product = contiguous(nullptr, Transpose::no, weight.data(), Transpose::yes,
                                           {}, 0, weight.dim(0), weight.dim(1));
  if (Tape::recording()) {
    weight.drop_derived();
    return packed_now(product);
  }
  return {{}, kept_packed(weight, product)};
}

PackedWeight packed_for_input(const Tensor& weight) {
  return packed_now(input_product(nullptr, weight, {}, 0));
}

void linear_gradients(const real* dy, const real* x, const Tensor& weight, const Tensor& bias,
                      int64_t rows, bool dx_needed, GradientTarget dx) {
  const int64_t out = weight.dim(0), in = weight.dim(1);
  if (dx_needed && weight.gradient().needed() && kernels::takes_panels(rows, in, out)) {
    const PackedWeight packed = packed_for_input(weight);
    const GradientTarget dweight = weight.gradient().target(), dbias = bias.gradient().target();
    return kernels::linear_panels_backward({rows, in, out, x, {}}, packed.data, nullptr, nullptr,
                                           dy, nullptr, {dx, dweight, dbias, {}, {}});
  }
  if (dx_needed) kernels::gemm(input_product(dy, weight, dx, rows));
  weight_gradients(dy, x, weight, bias, rows);
}

void weight_gradients(const real* dy, const real* x, const Tensor& weight, const Tensor& bias,
                      int64_t rows) {
  const int64_t out = weight.dim(0), in = weight.dim(1);
  if (weight.gradient().needed())
    kernels::gemm(contiguous(dy, Transpose::yes, x, Transpose::no, weight.gradient().target(), out,
                             in, rows));
  kernels::sum_rows(dy, rows, out, bias.gradient().target());
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  Op op("linear");
  op.check(weight.rank() == 2 && x.rank() >= 1 && x.dim(-1) == weight.dim(1), [&] {
    return "found x " + x.shape().text() + " and weight " + weight.shape().text() +
           ", expected (…, in) and (out, in)";
  });
  const int64_t out = weight.dim(0), in = weight.dim(1), rows = in ? x.numel() / in : 0;
  op.check(!bias.defined() || bias.shape() == Shape{out},
           [&] { return "found bias " + bias.shape().text() + ", expected " + Shape{out}.text(); });
  Shape shape = x.shape();
  shape[-1] = out;
  Tensor y(shape);
  kernels::gemm(linear_product(x.data(), weight, bias, y.mutable_data(), rows));
  op.macs(rows * in * out);

  return op.record(y, {x, weight, bias}, [x, weight, bias, rows](const OutputGradient& dy) {
    const bool needed = x.gradient().needed();
    linear_gradients(dy, x.data(), weight, bias, rows, needed, x.gradient().target());
  });
}

namespace {
// One product per batch entry, one tile each.
void batched(int64_t batch, const GemmArguments& first, int64_t step_a, int64_t step_b,
             int64_t step_c) {
  if (!first.c) return;
  base::parallel_for(batch, [&](int64_t i) {
    GemmArguments p = first;
    if (p.k == 0) {  // sums of nothing, which a library leaves alone
      if (!p.c.add) std::fill_n(p.c.data + i * step_c, step_c, real{0});
      return;
    }
    p.a += i * step_a;
    p.b += i * step_b;
    p.c.data += i * step_c;
    kernels::gemm_tile(p);
  });
}
}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_b) {
  Op op("matmul");
  bool fits = a.rank() >= 2 && a.rank() == b.rank() && a.dim(-1) == b.dim(transpose_b ? -1 : -2);
  for (int i = 0; fits && i < a.rank() - 2; ++i) fits = a.dim(i) == b.dim(i);
  op.check(fits, [&] {
    return "found a " + a.shape().text() + " and b " + b.shape().text() +
           ", expected (…, m, k) and " + (transpose_b ? "(…, n, k)" : "(…, k, n)");
  });
  const int64_t m = a.dim(-2), k = a.dim(-1), n = b.dim(transpose_b ? -2 : -1);
  const int64_t batch = m > 0 && k > 0 ? a.numel() / (m * k) : 0;
  Shape shape = a.shape();
  shape[-1] = n;
  Tensor y(shape);
  batched(batch,
          contiguous(a.data(), Transpose::no, b.data(), Transpose{transpose_b},
                     {y.mutable_data(), false}, m, n, k),
          m * k, n * k, m * n);
  op.macs(batch * m * n * k);

  return op.record(
      y, {a, b},
      [a = a.detached(), b = b.detached(), transpose_b, batch, m, n, k, da = a.gradient(),
       db = b.gradient()](const OutputGradient& dy) {
        // da = dy · bᵀ, or dy · b if b is given transposed
        batched(
            batch,
            contiguous(dy, Transpose::no, b.data(), Transpose{!transpose_b}, da.target(), m, k, n),
            m * n, n * k, m * k);
        // db = aᵀ · dy, or dyᵀ · a
        const real *first = transpose_b ? dy : a.data(), *second = transpose_b ? a.data() : dy;
        const int64_t rows = transpose_b ? n : k, columns = transpose_b ? k : n;
        batched(
            batch,
            contiguous(first, Transpose::yes, second, Transpose::no, db.target(), rows, columns, m),
            rows * m, m * columns, n * k);
      });
}

namespace {
using Dims = std::array<int64_t, Shape::kMaxRank>;

// Aligns the dims of b with those of x at the last axis. False if b does not broadcast to x.
bool align(const Shape& x, const Shape& b, Dims& x_dims, Dims& b_dims) {
  if (b.rank() > x.rank()) return false;
  for (int i = 0; i < x.rank(); ++i) {
    const int j = i - (x.rank() - b.rank());
    x_dims[static_cast<size_t>(i)] = x[i];
    b_dims[static_cast<size_t>(i)] = j < 0 ? 1 : b[j];
    if (b_dims[static_cast<size_t>(i)] != x[i] && b_dims[static_cast<size_t>(i)] != 1) return false;
  }
  return true;
}

void check_broadcast(const Op& op, const Tensor& x, const Tensor& b, Dims& x_dims, Dims& b_dims) {
  op.check(x.rank() > 0 && align(x.shape(), b.shape(), x_dims, b_dims), [&] {
    return "found " + x.shape().text() + " and " + b.shape().text() +
           ", expected dims that are equal or 1";
  });
}

// Elementwise functions whose derivative is a function of y, or of x.
enum class Saves { x, y };
template <const auto& forward, const auto& backward, Saves saves = Saves::y>
Tensor activation(const char* name, const Tensor& x) {
  Op op(name);
  Tensor y(x.shape());
  forward(x.data(), y.mutable_data(), x.numel());
  return op.record(
      y, {x},
      [saved = saves == Saves::x ? x.detached() : y, dx = x.gradient()](const OutputGradient& dy) {
        backward(dy, saved.data(), dx.target(), saved.numel());
      });
}
}  // namespace

Tensor add(const Tensor& x, const Tensor& b) {
  Op op("add");
  op.saves_nothing();
  if (x.shape() == b.shape()) {
    Tensor y(x.shape());
    kernels::add_forward(x.data(), b.data(), y.mutable_data(), x.numel());
    return op.record(y, {x, b}, [dx = x.gradient(), db = b.gradient()](const OutputGradient& dy) {
      dy.pass_to(dx);
      dy.pass_to(db);
    });
  }
  Dims x_dims{}, b_dims{};
  check_broadcast(op, x, b, x_dims, b_dims);
  Tensor y(x.shape());
  const int rank = x.rank();
  kernels::broadcast_add_forward(x.data(), b.data(), y.mutable_data(), rank, x_dims.data(),
                                 b_dims.data());
  return op.record(
      y, {x, b},
      [rank, x_dims, b_dims, dx = x.gradient(), db = b.gradient()](const OutputGradient& dy) {
        kernels::broadcast_backward(dy, db.target(), rank, x_dims.data(), b_dims.data());
        dy.pass_to(dx);
      });
}

Tensor multiply(const Tensor& x, const Tensor& b) {
  Op op("multiply");
  if (x.shape() != b.shape()) {
    Dims x_dims{}, b_dims{};
    check_broadcast(op, x, b, x_dims, b_dims);
    return multiply(x, broadcast_to(b, x.shape()));
  }
  Tensor y(x.shape());
  kernels::multiply_forward(x.data(), b.data(), y.mutable_data(), x.numel());
  return op.record(y, {x, b},
                   [x = x.detached(), b = b.detached(), dx = x.gradient(),
                    db = b.gradient()](const OutputGradient& dy) {
                     kernels::multiply_backward(dy, b.data(), dx.target(), x.numel());
                     kernels::multiply_backward(dy, x.data(), db.target(), x.numel());
                   });
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  Op op("broadcast_to");
  op.saves_nothing();
  Dims dims{}, x_dims{};
  op.check(shape.rank() > 0 && align(shape, x.shape(), dims, x_dims), [&] {
    return "found " + x.shape().text() + " for " + shape.text() +
           ", expected an axis or more, and dims that are equal or 1";
  });
  Tensor y(shape);
  const int rank = shape.rank();
  kernels::broadcast_forward(x.data(), y.mutable_data(), rank, dims.data(), x_dims.data());
  return op.record(y, {x}, [rank, dims, x_dims, dx = x.gradient()](const OutputGradient& dy) {
    kernels::broadcast_backward(dy, dx.target(), rank, dims.data(), x_dims.data());
  });
}

Tensor scale(const Tensor& x, real factor) {
  Op op("scale");
  op.saves_nothing();
  Tensor y(x.shape());
  kernels::scale_forward(x.data(), factor, y.mutable_data(), x.numel());
  return op.record(y, {x},
                   [factor, numel = x.numel(), dx = x.gradient()](const OutputGradient& dy) {
                     kernels::scale_backward(dy, factor, dx.target(), numel);
                   });
}

Tensor exp(const Tensor& x) {
  return activation<kernels::exp_forward, kernels::multiply_backward>("exp", x);
}

Tensor gelu(const Tensor& x) {
  return activation<kernels::gelu_forward, kernels::gelu_backward, Saves::x>("gelu", x);
}

Tensor relu(const Tensor& x) {
  return activation<kernels::relu_forward, kernels::relu_backward>("relu", x);
}

Tensor sigmoid(const Tensor& x) {
  return activation<kernels::sigmoid_forward, kernels::sigmoid_backward>("sigmoid", x);
}

Tensor softmax(const Tensor& x) {
  Op op("softmax");
  op.check(x.rank() >= 1 && x.dim(-1) > 0,
           [&] { return "found " + x.shape().text() + ", expected a last dim of at least 1"; });
  const int64_t dim = x.dim(-1), rows = x.numel() / dim;
  Tensor y(x.shape());
  kernels::softmax_forward(x.data(), y.mutable_data(), rows, dim);
  return op.record(y, {x}, [y, rows, dim, dx = x.gradient()](const OutputGradient& dy) {
    kernels::softmax_backward(dy, y.data(), dx.target(), rows, dim);
  });
}

Tensor l2_normalize(const Tensor& x) {
  Op op("l2_normalize");
  op.check(x.rank() >= 1 && x.dim(-1) > 0,
           [&] { return "found " + x.shape().text() + ", expected a last dim of at least 1"; });
  const int64_t dim = x.dim(-1), rows = x.numel() / dim;
  Tensor y(x.shape());
  const Array<real> inverse(Op::will_record({x}) ? rows : 0);
  kernels::l2_normalize_forward(x.data(), y.mutable_data(), inverse.data(), rows, dim);
  return op.record(
      y, {x}, [x = x.detached(), inverse, rows, dim, dx = x.gradient()](const OutputGradient& dy) {
        kernels::l2_normalize_backward(dy, x.data(), inverse.data(), dx.target(), rows, dim);
      });
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, real epsilon) {
  Op op("layer_norm");
  op.check(
      x.rank() >= 1 && weight.shape() == Shape{x.dim(-1)} && bias.shape() == weight.shape(), [&] {
        return "found x " + x.shape().text() + ", weight " + weight.shape().text() + ", bias " +
               bias.shape().text() + ", expected weight and bias of the last dim of x";
      });
  const int64_t dim = x.dim(-1), rows = dim ? x.numel() / dim : 0;
  Tensor y(x.shape());
  Array<real> mean(rows), rstd(rows);
  kernels::layer_norm_forward(x.data(), weight.data(), bias.data(), y.mutable_data(), mean.data(),
                              rstd.data(), rows, dim, epsilon);
  op.macs(x.numel());
  return op.record(
      y, {x, weight, bias},
      [x = x.detached(), weight = weight.detached(), mean, rstd, rows, dim, dx = x.gradient(),
       dweight = weight.gradient(), dbias = bias.gradient()](const OutputGradient& dy) {
        // In the order in which the kernel writes: the same tensor may be several of the inputs.
        const GradientTarget to_x = dx.target(), to_weight = dweight.target(),
                             to_bias = dbias.target();
        kernels::layer_norm_backward(dy, x.data(), weight.data(), mean.data(), rstd.data(), to_x,
                                     to_weight, to_bias, rows, dim);
      });
}

}  // namespace swin::autograd
