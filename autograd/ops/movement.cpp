#include "autograd/kernels/columns.h"
#include "autograd/kernels/gather_rows.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/patches.h"
#include "autograd/kernels/permute.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/replace_rows.h"
#include "autograd/ops/ops.h"
#include "autograd/ops/packed_weight.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

using kernels::contiguous;
using kernels::Transpose;

namespace {

// The common part of all ops that move whole tokens: row r of an image of y is row index[r] of x,
// or zeros if index[r] is −1.
Tensor move_rows(Op& op, const Tensor& x, const Shape& shape, const std::vector<int32_t>& index,
                 int64_t batch, int64_t rows_in, int64_t dim) {
  op.saves_nothing();
  const int64_t rows_out = static_cast<int64_t>(index.size());
  const Array<int32_t> forward = Array<int32_t>::from(index);
  Tensor y(shape);
  kernels::gather_rows(x.data(), {y.mutable_data(), false}, forward.data(), batch, rows_in,
                       rows_out, dim);
  if (!Op::will_record({x})) return op.record(y, {x}, nullptr);
  std::vector<int32_t> inverse(static_cast<size_t>(rows_in), -1);
  for (size_t r = 0; r < index.size(); ++r)
    if (index[r] >= 0) inverse[static_cast<size_t>(index[r])] = static_cast<int32_t>(r);
  return op.record(y, {x},
                   [backward = Array<int32_t>::from(inverse), batch, rows_in, rows_out, dim,
                    dx = x.gradient()](const OutputGradient& dy) {
                     kernels::gather_rows(dy, dx.target(), backward.data(), batch, rows_out,
                                          rows_in, dim);
                   });
}

void check_map(const Op& op, const Tensor& x) {
  op.check(x.rank() == 4, [&] { return "found " + x.shape().text() + ", expected (B, H, W, C)"; });
}

int64_t modulo(int64_t a, int64_t n) { return (a % n + n) % n; }

// A tensor as (outer, size, inner): the dims before an axis, the axis, and the dims after it.
struct Axis {
  int64_t outer = 1, size = 1, inner = 1;
  Axis(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  Op op("reshape");
  op.saves_nothing();
  op.check(shape.numel() == x.numel(), [&] {
    return "found " + x.shape().text() + ", expected as many elements as " + shape.text();
  });
  return op.record(x.viewed(shape), {x},
                   [dx = x.gradient()](const OutputGradient& dy) { dy.pass_to(dx); });
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  Op op("concat");
  op.saves_nothing();
  const int rank = parts.empty() ? 0 : parts[0].rank();
  const int at = axis < 0 ? axis + rank : axis;
  op.check(at >= 0 && at < rank, [&] {
    return "found " + std::to_string(parts.size()) + " parts of rank " + std::to_string(rank) +
           " and axis " + std::to_string(axis) + ", expected parts that have this axis";
  });
  Shape shape = parts[0].shape();
  shape[at] = 0;
  for (const Tensor& part : parts) {
    Shape expected = parts[0].shape();
    if (part.rank() == rank) expected[at] = part.dim(at);
    op.check(part.shape() == expected, [&] {
      return "found parts " + parts[0].shape().text() + " and " + part.shape().text() +
             ", expected dims that differ in axis " + std::to_string(at) + " alone";
    });
    shape[at] += part.dim(at);
  }
  const Axis whole(shape, at);
  Tensor y(shape);
  std::vector<Gradient> gradients;
  std::vector<int64_t> firsts = {0};  // the column where each part begins, and the end
  for (const Tensor& part : parts) {
    const int64_t first = firsts.back(), columns = part.dim(at) * whole.inner;
    if (y.data())
      kernels::copy_columns(part.data(), columns, {y.mutable_data() + first, false},
                            whole.size * whole.inner, whole.outer, columns);
    gradients.push_back(part.gradient());
    firsts.push_back(first + columns);
  }
  return op.record(y, parts, [gradients, firsts, outer = whole.outer](const OutputGradient& dy) {
    for (size_t i = 0; i < gradients.size(); ++i) {
      const int64_t columns = firsts[i + 1] - firsts[i];
      if (const GradientTarget to = gradients[i].target())
        kernels::copy_columns(dy + firsts[i], firsts.back(), to, columns, outer, columns);
    }
  });
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  Op op("slice");
  op.saves_nothing();
  const int at = axis < 0 ? axis + x.rank() : axis;
  op.check(at >= 0 && at < x.rank() && begin >= 0 && begin < end && end <= x.dim(at), [&] {
    return "found indices " + std::to_string(begin) + " … " + std::to_string(end) + " of axis " +
           std::to_string(axis) + " of " + x.shape().text() + ", expected 0 ≤ begin < end ≤ dim";
  });
  const Axis whole(x.shape(), at);
  const int64_t columns = (end - begin) * whole.inner, first = begin * whole.inner,
                stride = whole.size * whole.inner;
  Shape shape = x.shape();
  shape[at] = end - begin;
  Tensor y(shape);
  if (y.data())
    kernels::copy_columns(x.data() + first, stride, {y.mutable_data(), false}, columns, whole.outer,
                          columns);
  return op.record(
      y, {x},
      [columns, first, stride, outer = whole.outer, dx = x.gradient()](const OutputGradient& dy) {
        kernels::embed_columns(dy, dx.target(), stride, first, outer, columns);
      });
}

Tensor permute(const Tensor& x, const std::vector<int>& axes) {
  Op op("permute");
  op.saves_nothing();
  std::vector<int> inverse(axes.size(), -1);
  bool fits = static_cast<int>(axes.size()) == x.rank();
  for (size_t i = 0; fits && i < axes.size(); ++i) {
    fits = axes[i] >= 0 && axes[i] < x.rank() && inverse[static_cast<size_t>(axes[i])] < 0;
    if (fits) inverse[static_cast<size_t>(axes[i])] = static_cast<int>(i);
  }
  op.check(fits, [&] {
    return "found axes that do not permute " + x.shape().text() + ", expected each axis once";
  });
  Shape shape;
  std::vector<int64_t> dims, moved;
  for (int i = 0; i < x.rank(); ++i) {
    shape.push_back(x.dim(axes[static_cast<size_t>(i)]));
    dims.push_back(x.dim(i));
    moved.push_back(shape[i]);
  }
  Tensor y(shape);
  kernels::permute(x.data(), {y.mutable_data(), false}, x.rank(), dims.data(), axes.data());
  return op.record(y, {x}, [inverse, moved, dx = x.gradient()](const OutputGradient& dy) {
    kernels::permute(dy, dx.target(), static_cast<int>(moved.size()), moved.data(), inverse.data());
  });
}

Tensor roll(const Tensor& x, Size2 shift) {
  Op op("roll");
  check_map(op, x);
  const int64_t height = x.dim(1), width = x.dim(2);
  std::vector<int32_t> index;
  index.reserve(static_cast<size_t>(height * width));
  for (int64_t i = 0; i < height; ++i)
    for (int64_t j = 0; j < width; ++j)
      index.push_back(
          static_cast<int32_t>(modulo(i - shift[0], height) * width + modulo(j - shift[1], width)));
  return move_rows(op, x, x.shape(), index, x.dim(0), height * width, x.dim(3));
}

Tensor pad_or_crop(const Tensor& x, Size2 to) {
  Op op("pad_or_crop");
  check_map(op, x);
  op.check(to[0] > 0 && to[1] > 0,
           [&] { return "found an empty map as target, expected dims of at least 1"; });
  const int64_t height = x.dim(1), width = x.dim(2);
  std::vector<int32_t> index;
  index.reserve(static_cast<size_t>(to[0] * to[1]));
  for (int64_t i = 0; i < to[0]; ++i)
    for (int64_t j = 0; j < to[1]; ++j)
      index.push_back(i < height && j < width ? static_cast<int32_t>(i * width + j) : -1);
  return move_rows(op, x, {x.dim(0), to[0], to[1], x.dim(3)}, index, x.dim(0), height * width,
                   x.dim(3));
}

Tensor subsample(const Tensor& x, int64_t stride) {
  Op op("subsample");
  check_map(op, x);
  op.check(stride > 0, [&] {
    return "found stride " + std::to_string(stride) + ", expected one of at least 1";
  });
  const int64_t height = base::divide_up(x.dim(1), stride),
                width = base::divide_up(x.dim(2), stride);
  std::vector<int32_t> index;
  index.reserve(static_cast<size_t>(height * width));
  for (int64_t i = 0; i < height; ++i)
    for (int64_t j = 0; j < width; ++j)
      index.push_back(static_cast<int32_t>((i * x.dim(2) + j) * stride));
  return move_rows(op, x, {x.dim(0), height, width, x.dim(3)}, index, x.dim(0), x.dim(1) * x.dim(2),
                   x.dim(3));
}

Tensor window_partition(const Tensor& x, Size2 window) {
  Op op("window_partition");
  check_map(op, x);
  const Size2 map = {x.dim(1), x.dim(2)};
  op.check(window[0] > 0 && window[1] > 0 && map[0] % window[0] == 0 && map[1] % window[1] == 0,
           [&] {
             return "found a map of " + x.shape().text() + " and windows of " +
                    Shape{window[0], window[1]}.text() + ", expected dims that the window divides";
           });
  const int64_t area = window[0] * window[1], windows = map[0] * map[1] / area;
  return move_rows(op, x, {x.dim(0) * windows, area, x.dim(3)}, window_rows({map, map, window}),
                   x.dim(0), map[0] * map[1], x.dim(3));
}

Tensor window_reverse(const Tensor& x, Size2 window, Size2 map) {
  Op op("window_reverse");
  const int64_t area = window[0] * window[1];
  op.check(x.rank() == 3 && window[0] > 0 && window[1] > 0 && x.dim(1) == area && map[0] > 0 &&
               map[1] > 0 && map[0] % window[0] == 0 && map[1] % window[1] == 0 &&
               x.dim(0) % (map[0] * map[1] / area) == 0,
           [&] {
             return "found windows " + x.shape().text() + " for a map of " +
                    Shape{map[0], map[1]}.text() + ", expected (B · windows, " +
                    std::to_string(area) + ", C)";
           });
  const std::vector<int32_t> rows = window_rows({map, map, window});
  std::vector<int32_t> index(rows.size());
  for (size_t r = 0; r < rows.size(); ++r)
    index[static_cast<size_t>(rows[r])] = static_cast<int32_t>(r);
  const int64_t batch = x.dim(0) / (map[0] * map[1] / area);
  return move_rows(op, x, {batch, map[0], map[1], x.dim(2)}, index, batch, map[0] * map[1],
                   x.dim(2));
}

Tensor patch_merging(const Tensor& x) {
  Op op("patch_merging");
  check_map(op, x);
  const int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2), dim = x.dim(3),
                rows = (height + 1) / 2, columns = (width + 1) / 2;
  if (PlainOps::active()) {
    const Tensor blocks =
        reshape(pad_or_crop(x, {2 * rows, 2 * columns}), {batch, rows, 2, columns, 2, dim});
    // The row within a block runs faster than the column.
    return reshape(permute(blocks, {0, 1, 3, 4, 2, 5}), {batch, rows, columns, 4 * dim});
  }
  std::vector<int32_t> index;
  index.reserve(static_cast<size_t>(4 * rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t part = 0; part < 4; ++part) {  // the row offset runs fastest
        const int64_t row = 2 * i + part % 2, column = 2 * j + part / 2;
        index.push_back(row < height && column < width ? static_cast<int32_t>(row * width + column)
                                                       : -1);
      }
  return move_rows(op, x, {batch, rows, columns, 4 * dim}, index, batch, height * width, dim);
}

Tensor patch_embed(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  Op op("patch_embed");
  check_map(op, x);
  op.check(weight.rank() == 4 && weight.dim(1) == x.dim(3) && weight.dim(2) == weight.dim(3) &&
               weight.dim(2) > 0 && x.dim(1) % weight.dim(2) == 0 &&
               x.dim(2) % weight.dim(2) == 0 && bias.shape() == Shape{weight.dim(0)},
           [&] {
             return "found x " + x.shape().text() + ", weight " + weight.shape().text() +
                    ", bias " + bias.shape().text() +
                    ", expected (B, H, W, channels), (dim, channels, patch, patch), (dim), "
                    "patch dividing H and W";
           });
  const int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2), channels = x.dim(3),
                patch = weight.dim(2);
  const int64_t dim = weight.dim(0), in = channels * patch * patch;
  const int64_t rows = batch * (height / patch) * (width / patch);
  const Shape map = {batch, height / patch, width / patch, dim};
  if (PlainOps::active()) {
    const Tensor patches =
        permute(reshape(x, {batch, height / patch, patch, width / patch, patch, channels}),
                {0, 1, 3, 5, 2, 4});  // a patch is (channel, row, column), as in the weight
    return reshape(linear(reshape(patches, {rows, in}), reshape(weight, {dim, in}), bias), map);
  }
  Tensor y(map);
  {
    Array<real> patches(rows * in);
    kernels::gather_patches(x.data(), patches.data(), batch, height, width, channels, patch);
    kernels::GemmArguments product =
        contiguous(patches.data(), Transpose::no, weight.data(), Transpose::yes,
                   {y.mutable_data(), false}, rows, dim, in);
    product.bias = bias.data();
    product.packed_b = packed_weight(weight, product);
    kernels::gemm(product);
  }
  op.macs(rows * in * dim);
  return op.record(y, {x, weight, bias},
                   [x = x.detached(), weight = weight.detached(), batch, height, width, channels,
                    patch, dim, in, rows, dx = x.gradient(), dweight = weight.gradient(),
                    dbias = bias.gradient()](const OutputGradient& dy) {
                     if (dx.needed()) {
                       Array<real> dpatches(rows * in);
                       kernels::gemm(contiguous(dy, Transpose::no, weight.data(), Transpose::no,
                                                {dpatches.data(), false}, rows, in, dim));
                       kernels::scatter_patches(dpatches.data(), dx.target(), batch, height, width,
                                                channels, patch);
                     }
                     if (dweight.needed()) {
                       Array<real> patches(rows * in);
                       kernels::gather_patches(x.data(), patches.data(), batch, height, width,
                                               channels, patch);
                       kernels::gemm(contiguous(dy, Transpose::yes, patches.data(), Transpose::no,
                                                dweight.target(), dim, in, rows));
                     }
                     kernels::sum_rows(dy, rows, dim, dbias.target());
                   });
}

Tensor mean_tokens(const Tensor& x) {
  Op op("mean_tokens");
  op.saves_nothing();
  check_map(op, x);
  const int64_t batch = x.dim(0), tokens = x.dim(1) * x.dim(2), dim = x.dim(3);
  Tensor y({batch, dim});
  kernels::mean_tokens_forward(x.data(), batch, tokens, dim, y.mutable_data());
  return op.record(y, {x}, [batch, tokens, dim, dx = x.gradient()](const OutputGradient& dy) {
    kernels::mean_tokens_backward(dy, batch, tokens, dim, dx.target());
  });
}

Tensor replace_tokens(const Tensor& x, const Tensor& token, const Tensor& mask) {
  Op op("replace_tokens");
  op.saves_nothing();
  check_map(op, x);
  op.check(token.numel() == x.dim(3) && mask.shape() == Shape{x.dim(0), x.dim(1), x.dim(2)}, [&] {
    return "found x " + x.shape().text() + ", token " + token.shape().text() + ", mask " +
           mask.shape().text() + ", expected (B, H, W, C), C elements, (B, H, W)";
  });
  const int64_t rows = mask.numel(), dim = x.dim(3);
  Tensor y(x.shape());
  kernels::replace_rows_forward(x.data(), token.data(), mask.data(), y.mutable_data(), rows, dim);
  return op.record(y, {x, token},
                   [mask = mask.detached(), rows, dim, dx = x.gradient(),
                    dtoken = token.gradient()](const OutputGradient& dy) {
                     const GradientTarget to_x = dx.target();
                     const GradientTarget to_token = dtoken.target();
                     kernels::replace_rows_backward(dy, mask.data(), to_x, to_token, rows, dim);
                   });
}

namespace {
// Indices below `size`, of rows or columns.
void check_indices(const Op& op, const Tensor& x, const std::vector<int32_t>& indices,
                   int64_t size) {
  for (const int32_t index : indices)
    op.check(index >= 0 && index < size, [&] {
      return "found index " + std::to_string(index) + " for x " + x.shape().text() +
             ", expected one from 0 to " + std::to_string(size - 1);
    });
}
}  // namespace

Tensor take_rows(const Tensor& x, const std::vector<int32_t>& index) {
  Op op("take_rows");
  op.saves_nothing();
  op.check(x.rank() == 2, [&] { return "found x " + x.shape().text() + ", expected (M, C)"; });
  const int64_t rows_in = x.dim(0), rows_out = std::ssize(index), dim = x.dim(1);
  check_indices(op, x, index, rows_in);
  const Array<int32_t> indices = Array<int32_t>::from(index);
  Tensor y({rows_out, dim});
  kernels::take_rows_forward(x.data(), y.mutable_data(), indices.data(), rows_out, dim);
  return op.record(
      y, {x}, [indices, rows_in, rows_out, dim, dx = x.gradient()](const OutputGradient& dy) {
        kernels::take_rows_backward(dy, dx.target(), indices.data(), rows_in, rows_out, dim);
      });
}

Tensor take_elements(const Tensor& x, const std::vector<int32_t>& column) {
  Op op("take_elements");
  op.saves_nothing();
  op.check(x.rank() == 2 && x.dim(0) == std::ssize(column), [&] {
    return "found x " + x.shape().text() + " and " + std::to_string(column.size()) +
           " columns, expected (M, K) and a column for each row";
  });
  const int64_t rows = x.dim(0), columns = x.dim(1);
  check_indices(op, x, column, columns);
  const Array<int32_t> indices = Array<int32_t>::from(column);
  Tensor y({rows});
  kernels::take_elements_forward(x.data(), y.mutable_data(), indices.data(), rows, columns);
  return op.record(y, {x}, [indices, rows, columns, dx = x.gradient()](const OutputGradient& dy) {
    kernels::take_elements_backward(dy, dx.target(), indices.data(), rows, columns);
  });
}

}  // namespace swin::autograd
