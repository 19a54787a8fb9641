#include <algorithm>
#include <limits>

#include "autograd/kernels/cosine.h"
#include "autograd/kernels/gather_rows.h"
#include "autograd/ops/ops.h"
#include "autograd/ops/windows.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

Tensor attention_mask(const WindowLayout& layout, real forbidden) {
  const int64_t tokens = layout.tokens(), windows = layout.windows();
  Tensor mask = Tensor::filled({windows, tokens, tokens}, 0);
  const std::vector<int32_t> labels = window_labels(layout);
  if (labels.empty() || !mask.data()) return mask;
  real* to = mask.mutable_data();
  for (int64_t w = 0; w < windows; ++w)
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t j = 0; j < tokens; ++j) {
        const int32_t query = labels[static_cast<size_t>(w * tokens + i)],
                      key = labels[static_cast<size_t>(w * tokens + j)];
        if (query != key || key < 0) to[(w * tokens + i) * tokens + j] = forbidden;
      }
  return mask;
}

namespace {
void check_table(const Op& op, const Tensor& table, Size2 window, int64_t heads) {
  const Shape expected = {(2 * window[0] - 1) * (2 * window[1] - 1), heads};
  op.check(window[0] > 0 && window[1] > 0 && table.shape() == expected, [&] {
    return "found a relative position bias table of " + table.shape().text() + ", expected " +
           expected.text();
  });
}
}  // namespace

Tensor relative_position_bias(const Tensor& table, Size2 window) {
  Op op("relative_position_bias");
  op.saves_nothing();
  op.check(table.rank() == 2,
           [&] { return "found " + table.shape().text() + ", expected (positions, heads)"; });
  const int64_t heads = table.dim(1), area = window[0] * window[1];
  check_table(op, table, window, heads);
  const Array<int32_t> index = Array<int32_t>::from(relative_position_index(window));
  Tensor taken({area, area, heads});
  kernels::take_rows_forward(table.data(), taken.mutable_data(), index.data(), area * area, heads);
  taken = op.record(taken, {table},
                    [index, area, heads, rows = table.dim(0),
                     dtable = table.gradient()](const OutputGradient& dy) {
                      kernels::take_rows_backward(dy, dtable.target(), index.data(), rows,
                                                  area * area, heads);
                    });
  return permute(taken, {2, 0, 1});
}

void check_windows(const Op& op, const Shape& qkv, const Tensor& table, const WindowLayout& layout,
                   int64_t heads) {
  const Size2 window = layout.window, map = layout.padded;
  op.check(qkv.rank() == 4 && heads > 0 && qkv[3] % (3 * heads) == 0 && window[0] > 0 &&
               window[1] > 0 && map[0] % window[0] == 0 && map[1] % window[1] == 0 &&
               qkv[1] == map[0] && qkv[2] == map[1],
           [&] {
             return "found qkv " + qkv.text() + ", " + std::to_string(heads) +
                    " heads, a padded map of " + Shape{map[0], map[1]}.text() + ", windows of " +
                    Shape{window[0], window[1]}.text() +
                    ", expected (B, H, W, 3 · heads · head_dim), H × W the padded map, the window "
                    "dividing H and W";
           });
  op.check(layout.shift[0] >= 0 && layout.shift[0] < window[0] && layout.shift[1] >= 0 &&
               layout.shift[1] < window[1],
           [&] { return "found a shift outside the window, expected 0 ≤ shift < window"; });
  check_table(op, table, window, heads);
}

Windows windows_of(const WindowLayout& layout, int64_t batch, int64_t channels,
                   const AttentionOptions& options) {
  const std::vector<int32_t> labels = window_labels(layout);
  Windows w;
  w.rows = Array<int32_t>::from(window_rows(layout));
  w.labels = Array<int32_t>::from(labels);
  w.shape.layout = layout, w.shape.batch = batch;
  w.shape.heads = options.num_heads, w.shape.head_dim = channels / options.num_heads;
  w.shape.rows = w.rows.data();
  w.shape.labels = labels.empty() ? nullptr : w.labels.data();
  w.shape.scale = options.scale;
  w.shape.keep = 1 - options.drop_rate;
  w.shape.draw = options.draw, w.samples = options.draw.owner;
  return w;
}

Windows windows_of(const WindowLayout& layout, int64_t batch, int64_t channels,
                   const AttentionOptions& options, const Tensor& table) {
  Windows w = windows_of(layout, batch, channels, options);
  const int64_t tokens = layout.tokens();
  w.bias = Array<real>(options.num_heads * tokens * kernels::padded_tokens(tokens));
  kernels::expand_position_bias(table.data(), layout.window, options.num_heads, w.bias.data());
  w.shape.bias = w.bias.data();
  return w;
}

int64_t attention_forward(const Windows& w, const real* qkv, real* y, const SoftmaxStatistics& s) {
  const bool saved = s.row_max.size() > 0;
  kernels::window_attention_forward(w.shape, qkv, y, saved ? s.row_max.data() : nullptr,
                                    saved ? s.row_inverse.data() : nullptr);
  return 2 * w.token_rows() * w.shape.tokens() * w.shape.heads * w.shape.head_dim;
}

void attention_backward(const Windows& w, const real* dy, const real* qkv,
                        const SoftmaxStatistics& s, GradientTarget dqkv, const Gradient& dtable) {
  const Array<real> dbias(dtable.needed() ? w.bias.size() : 0);
  if (w.shape.batch > 0)
    kernels::window_attention_backward(w.shape, dy, qkv, s.row_max.data(), s.row_inverse.data(),
                                       dqkv, dbias.data());
  else if (dbias.data())  // of no image
    std::fill_n(dbias.data(), dbias.size(), real{0});
  kernels::collect_position_bias(dbias.data(), w.shape.layout.window, w.shape.heads,
                                 dtable.target());
}

namespace {
Tensor attend(Op& op, const Windows& w, const Shape& y_shape, const Tensor& qkv,
              const Tensor& table) {
  Tensor y(y_shape);
  const SoftmaxStatistics statistics(w, Op::will_record({qkv, table}));
  op.macs(attention_forward(w, qkv.data(), y.mutable_data(), statistics));
  return op.record(y, {qkv, table},
                   [w, statistics, qkv = qkv.detached(), dqkv = qkv.gradient(),
                    dtable = table.gradient()](const OutputGradient& dy) {
                     attention_backward(w, dy, qkv.data(), statistics, dqkv.target(), dtable);
                   });
}

// q, k or v (part 0, 1 or 2) of qkv (n, N, 3C): (n, heads, N, C / heads).
Tensor part_of(const Tensor& qkv, int64_t part, int64_t heads) {
  const int64_t n = qkv.dim(0), tokens = qkv.dim(1), channels = qkv.dim(2) / 3;
  const Tensor x = slice(qkv, 2, part * channels, (part + 1) * channels);
  return permute(reshape(x, {n, tokens, heads, channels / heads}), {0, 2, 1, 3});
}

// Equation 4 for every window of qkv (B · windows, N, 3C): softmax(scale · q kᵀ + bias + mask) v.
// bias (heads, N, N) and mask (windows, N, N) may be undefined.
Tensor plain_attend(const Tensor& qkv, int64_t windows, const Tensor& bias, const Tensor& mask,
                    const AttentionOptions& options) {
  const int64_t n = qkv.dim(0), tokens = qkv.dim(1), heads = options.num_heads;
  const Shape by_window = {n, heads, tokens, tokens},
              by_image = {n / windows, windows, heads, tokens, tokens};
  const Tensor q = part_of(qkv, 0, heads), k = part_of(qkv, 1, heads), v = part_of(qkv, 2, heads);
  Tensor scores = matmul(scale(q, options.scale), k, true);
  if (bias.defined()) scores = add(scores, bias);
  if (mask.defined()) {
    const Tensor of_all_heads = reshape(mask, {windows, 1, tokens, tokens});
    scores = reshape(add(reshape(scores, by_image), of_all_heads), by_window);
  }
  Tensor probabilities = softmax(scores);
  if (options.drop_rate > 0)  // draws count the elements of an image
    probabilities = reshape(
        dropout(reshape(probabilities, by_image), options.drop_rate, options.draw), by_window);
  const Tensor y = permute(matmul(probabilities, v), {0, 2, 1, 3});
  return reshape(y, {n, tokens, qkv.dim(2) / 3});
}

// The composition of window_attention: section 3.2 of the paper and its figures 2 and 4.
Tensor plain_window_attention(const Tensor& qkv, const Tensor& table, const WindowLayout& layout,
                              const AttentionOptions& options) {
  const Size2 shift = layout.rolled ? Size2{0, 0} : layout.shift;
  Tensor mask;
  if (!window_labels(layout).empty())
    mask = attention_mask(layout, -std::numeric_limits<real>::infinity());
  Tensor x = roll(qkv, {-shift[0], -shift[1]});
  x = window_partition(x, layout.window);
  x = plain_attend(x, layout.windows(), relative_position_bias(table, layout.window), mask,
                   options);
  x = window_reverse(x, layout.window, layout.padded);
  return roll(x, shift);
}

// The composition of cosine_qkv: q̂ · exp(min(logit_scale, ln 100)), k̂ and v.
Tensor plain_cosine_qkv(const Tensor& qkv, const Tensor& logit_scale, int64_t heads) {
  const int64_t head_dim = qkv.dim(-1) / (3 * heads), rows = qkv.numel() / qkv.dim(-1);
  const Tensor x = reshape(qkv, {rows, 3, heads, head_dim});
  const Tensor q = slice(x, 1, 0, 1), k = slice(x, 1, 1, 2), v = slice(x, 1, 2, 3);
  // min(s, m) = m − max(m − s, 0)
  const Tensor limit = Tensor::filled(logit_scale.shape(), kernels::kMaxLogitScale);
  const Tensor below = relu(add(limit, scale(logit_scale, -1)));
  const Tensor factor = exp(add(limit, scale(below, -1)));
  const Tensor scaled = multiply(l2_normalize(q), reshape(factor, {heads, 1}));
  return reshape(concat({scaled, l2_normalize(k), v}, 1), qkv.shape());
}
}  // namespace

Tensor window_attention(const Tensor& qkv, const Tensor& table, const WindowLayout& layout,
                        const AttentionOptions& options) {
  Op op("window_attention");
  check_windows(op, qkv.shape(), table, layout, options.num_heads);
  if (PlainOps::active()) return plain_window_attention(qkv, table, layout, options);
  const int64_t batch = qkv.dim(0), channels = qkv.dim(3) / 3;
  return attend(op, windows_of(layout, batch, channels, options, table),
                {batch, layout.padded[0], layout.padded[1], channels}, qkv, table);
}

Tensor attention(const Tensor& qkv, const AttentionOptions& options) {
  Op op("attention");
  const int64_t heads = options.num_heads;
  op.check(qkv.rank() == 3 && heads > 0 && qkv.dim(1) > 0 && qkv.dim(2) % (3 * heads) == 0, [&] {
    return "found qkv " + qkv.shape().text() + " and " + std::to_string(heads) +
           " heads, expected (B, N, 3 · heads · head_dim)";
  });
  if (PlainOps::active()) return plain_attend(qkv, 1, {}, {}, options);
  const int64_t batch = qkv.dim(0), tokens = qkv.dim(1), channels = qkv.dim(2) / 3;
  WindowLayout all;  // one window
  all.map = all.padded = all.window = {1, tokens};
  return attend(op, windows_of(all, batch, channels, options), {batch, tokens, channels}, qkv, {});
}

Tensor cosine_qkv(const Tensor& qkv, const Tensor& logit_scale, int64_t heads) {
  Op op("cosine_qkv");
  op.check(qkv.rank() > 0 && heads > 0 && qkv.dim(-1) > 0 && qkv.dim(-1) % (3 * heads) == 0 &&
               logit_scale.numel() == heads,
           [&] {
             return "found qkv " + qkv.shape().text() + ", logit_scale " +
                    logit_scale.shape().text() + " and " + std::to_string(heads) +
                    " heads, expected (…, 3 · heads · head_dim) and one element per head";
           });
  if (PlainOps::active()) return plain_cosine_qkv(qkv, logit_scale, heads);
  const int64_t head_dim = qkv.dim(-1) / (3 * heads), rows = qkv.numel() / qkv.dim(-1);
  Tensor y(qkv.shape());
  const Array<real> inverse(Op::will_record({qkv, logit_scale}) ? rows * 2 * heads : 0);
  kernels::cosine_qkv_forward(qkv.data(), logit_scale.data(), y.mutable_data(), inverse.data(),
                              rows, heads, head_dim);
  return op.record(
      y, {qkv, logit_scale},
      [qkv = qkv.detached(), logit_scale = logit_scale.detached(), inverse, rows, heads, head_dim,
       dqkv = qkv.gradient(), dlogit_scale = logit_scale.gradient()](const OutputGradient& dy) {
        const GradientTarget to_qkv = dqkv.target();
        const GradientTarget to_logit_scale = dlogit_scale.target();
        kernels::cosine_qkv_backward(dy, qkv.data(), logit_scale.data(), inverse.data(), to_qkv,
                                     to_logit_scale, rows, heads, head_dim);
      });
}

}  // namespace swin::autograd
