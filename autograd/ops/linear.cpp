#include "autograd/kernels/gemm.h"
#include "autograd/kernels/reduce.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/parallel.h"

namespace swin::autograd {

using kernels::Product;
using kernels::Transpose;

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
  Product product;
  product.transpose_b = Transpose::yes;
  product.m = rows, product.n = out, product.k = in;
  product.a = x.data(), product.lda = in;
  product.b = weight.data(), product.ldb = in;
  product.c = {y.mutable_data(), false}, product.ldc = out;
  product.bias = bias.defined() ? bias.data() : nullptr;
  kernels::gemm(product);
  op.macs(rows * in * out);

  return op.record(
      y, {x, weight, bias},
      [x = x.detached(), weight = weight.detached(), rows, in, out, dx = x.gradient(),
       dweight = weight.gradient(), dbias = bias.gradient()](const OutputGradient& dy) {
        Product p;
        p.a = dy, p.lda = out;
        if (dx.needed()) {  // dx = dy · weight
          p.m = rows, p.n = in, p.k = out;
          p.b = weight.data(), p.ldb = in, p.c = dx.target(), p.ldc = in;
          kernels::gemm(p);
        }
        if (dweight.needed()) {  // dweight = dyᵀ · x
          p.transpose_a = Transpose::yes;
          p.m = out, p.n = in, p.k = rows;
          p.b = x.data(), p.ldb = in, p.c = dweight.target(), p.ldc = in;
          kernels::gemm(p);
        }
        kernels::sum_rows(dy, rows, out, dbias.target());
      });
}

namespace {
// One product a batch entry, each a tile of its own.
void batched(int64_t batch, const Product& first, int64_t step_a, int64_t step_b, int64_t step_c) {
  if (!first.c) return;
  base::parallel_for(batch, [&](int64_t i) {
    Product p = first;
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
  Product product;
  product.transpose_b = Transpose{transpose_b};
  product.m = m, product.n = n, product.k = k;
  product.a = a.data(), product.lda = k;
  product.b = b.data(), product.ldb = transpose_b ? k : n;
  product.c = {y.mutable_data(), false}, product.ldc = n;
  batched(batch, product, m * k, n * k, m * n);
  op.macs(batch * m * n * k);

  return op.record(y, {a, b},
                   [a = a.detached(), b = b.detached(), transpose_b, batch, m, n, k,
                    da = a.gradient(), db = b.gradient()](const OutputGradient& dy) {
                     Product p;  // da = dy · bᵀ, the transpose undone where b came transposed
                     p.transpose_b = Transpose{!transpose_b};
                     p.m = m, p.n = k, p.k = n;
                     p.a = dy, p.lda = n, p.b = b.data(), p.ldb = transpose_b ? k : n,
                     p.c = da.target(), p.ldc = k;
                     batched(batch, p, m * n, n * k, m * k);
                     Product q;  // db = aᵀ · dy, or its transpose
                     q.transpose_a = Transpose::yes;
                     q.c = db.target();
                     if (transpose_b) {
                       q.m = n, q.n = k, q.k = m;
                       q.a = dy, q.lda = n, q.b = a.data(), q.ldb = k, q.ldc = k;
                       batched(batch, q, m * n, m * k, n * k);
                     } else {
                       q.m = k, q.n = n, q.k = m;
                       q.a = a.data(), q.lda = k, q.b = dy, q.ldb = n, q.ldc = n;
                       batched(batch, q, m * k, m * n, n * k);
                     }
                   });
}

}  // namespace swin::autograd
