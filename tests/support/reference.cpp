#include "tests/support/reference.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace swin::reference {
namespace {

int64_t wrap(int64_t i, int64_t n) { return ((i % n) + n) % n; }

// Index into a (B, H, W, C) map.
int64_t at(const Array& x, int64_t b, int64_t i, int64_t j, int64_t c) {
  return ((b * x.shape[1] + i) * x.shape[2] + j) * x.shape[3] + c;
}

// Calls f(multi-index) for every element, row-major.
template <class F>
void for_each(const Dims& shape, F&& f) {
  Dims index(shape.size(), 0);
  const int64_t n = numel_of(shape);
  for (int64_t i = 0; i < n; ++i) {
    f(index, i);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

int64_t offset_of(const Dims& shape, const Dims& index) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) offset = offset * shape[axis] + index[axis];
  return offset;
}

int64_t table_row(int64_t i, int64_t j, Size2 window) {
  const int64_t yi = i / window[1], xi = i % window[1], yj = j / window[1], xj = j % window[1];
  return (yi - yj + window[0] - 1) * (2 * window[1] - 1) + (xi - xj + window[1] - 1);
}

// The published region counter of the rolled map: Python's slices (0, −w), (−w, −s), (−s, None) of
// both axes, one label after the other, later ones over earlier ones.
std::vector<int> region_labels(Size2 map, const Windows& g) {
  std::vector<int> labels(static_cast<size_t>(map[0] * map[1]), 0);
  if (g.shift[0] == 0 && g.shift[1] == 0) return labels;
  const auto slice = [&](int part, int axis, int64_t i) {
    const int64_t n = map[static_cast<size_t>(axis)], w = g.window[static_cast<size_t>(axis)],
                  s = g.shift[static_cast<size_t>(axis)];
    // −0 counts from the front in Python: with no shift the third slice is everything.
    const int64_t minus_w = std::max<int64_t>(0, n - w), minus_s = s == 0 ? 0 : n - s;
    if (part == 0) return i < minus_w;
    if (part == 1) return i >= minus_w && i < minus_s;
    return i >= minus_s;
  };
  int label = 0;
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b, ++label)
      for (int64_t i = 0; i < map[0]; ++i)
        for (int64_t j = 0; j < map[1]; ++j)
          if (slice(a, 0, i) && slice(b, 1, j)) labels[static_cast<size_t>(i * map[1] + j)] = label;
  return labels;
}

struct Token {
  int64_t row, column;  // of the stored map
  int label;
  bool valid;
};

// The tokens of window (top, left) of the grid.
std::vector<Token> tokens_of(Size2 map, const Windows& g, const std::vector<int>& labels,
                             int64_t top, int64_t left) {
  std::vector<Token> tokens;
  const bool padded = g.valid[0] > 0;
  for (int64_t i = top * g.window[0]; i < (top + 1) * g.window[0]; ++i)
    for (int64_t j = left * g.window[1]; j < (left + 1) * g.window[1]; ++j) {
      const int64_t row = g.rolled ? i : wrap(i + g.shift[0], map[0]);
      const int64_t column = g.rolled ? j : wrap(j + g.shift[1], map[1]);
      tokens.push_back({row, column, labels[static_cast<size_t>(i * map[1] + j)],
                        !padded || (row < g.valid[0] && column < g.valid[1])});
    }
  return tokens;
}

}  // namespace

int64_t numel_of(const Dims& dims) {
  int64_t n = 1;
  for (int64_t side : dims) n *= side;
  return n;
}

Array::Array(Dims dims)
    : shape(std::move(dims)), values(static_cast<size_t>(numel_of(shape)), 0.0) {}

Array linear(const Array& x, const Array& weight, const Array* bias) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = x.numel() / in;
  Dims shape = x.shape;
  shape.back() = out;
  Array y(shape);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < out; ++o) {
      double sum = bias ? (*bias)[o] : 0;
      for (int64_t i = 0; i < in; ++i) sum += x[r * in + i] * weight[o * in + i];
      y[r * out + o] = sum;
    }
  return y;
}

Array matmul(const Array& a, const Array& b, bool transpose_b) {
  const size_t rank = a.shape.size();
  const int64_t m = a.shape[rank - 2], k = a.shape[rank - 1],
                n = b.shape[transpose_b ? rank - 2 : rank - 1];
  Dims shape = a.shape;
  shape[rank - 1] = n;
  Array y(shape);
  for (int64_t s = 0; s < a.numel() / (m * k); ++s)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += a[(s * m + i) * k + l] *
                 (transpose_b ? b[(s * n + j) * k + l] : b[(s * k + l) * n + j]);
        y[(s * m + i) * n + j] = sum;
      }
  return y;
}

Array add(const Array& x, const Array& b) {
  Array y(x.shape);
  const size_t skip = x.shape.size() - b.shape.size();
  for_each(x.shape, [&](const Dims& index, int64_t i) {
    Dims b_index;
    for (size_t axis = 0; axis < b.shape.size(); ++axis)
      b_index.push_back(b.shape[axis] == 1 ? 0 : index[axis + skip]);
    y[i] = x[i] + b[offset_of(b.shape, b_index)];
  });
  return y;
}

Array scale(const Array& x, double factor) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = x[i] * factor;
  return y;
}

Array gelu(const Array& x) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = x[i] * 0.5 * std::erfc(-x[i] / std::sqrt(2.0));
  return y;
}

Array relu(const Array& x) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = std::max(x[i], 0.0);
  return y;
}

Array sigmoid(const Array& x) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = 1 / (1 + std::exp(-x[i]));
  return y;
}

Array softmax(const Array& x) {
  Array y(x.shape);
  const int64_t dim = x.shape.back();
  for (int64_t r = 0; r < x.numel() / dim; ++r) {
    double top = x[r * dim], total = 0;
    for (int64_t j = 0; j < dim; ++j) top = std::max(top, x[r * dim + j]);
    for (int64_t j = 0; j < dim; ++j) total += std::exp(x[r * dim + j] - top);
    for (int64_t j = 0; j < dim; ++j) y[r * dim + j] = std::exp(x[r * dim + j] - top) / total;
  }
  return y;
}

Array layer_norm(const Array& x, const Array& weight, const Array& bias, double epsilon) {
  Array y(x.shape);
  const int64_t dim = x.shape.back();
  for (int64_t r = 0; r < x.numel() / dim; ++r) {
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < dim; ++j) mean += x[r * dim + j];
    mean /= static_cast<double>(dim);
    for (int64_t j = 0; j < dim; ++j) variance += (x[r * dim + j] - mean) * (x[r * dim + j] - mean);
    variance /= static_cast<double>(dim);
    for (int64_t j = 0; j < dim; ++j)
      y[r * dim + j] =
          (x[r * dim + j] - mean) / std::sqrt(variance + epsilon) * weight[j] + bias[j];
  }
  return y;
}

Array dropout(const Array& x, double keep, const Draw& d) {
  Array y(x.shape);
  const int64_t batch = x.shape[0], numel = x.numel() / batch;
  for (int64_t s = 0; s < batch; ++s) {
    const base::Random random(d.seed, d.stream, d.step, d.first_sample + static_cast<uint64_t>(s));
    for (int64_t i = 0; i < numel; ++i)
      y[s * numel + i] =
          random.uniform(static_cast<uint64_t>(i)) < keep ? x[s * numel + i] / keep : 0;
  }
  return y;
}

Array drop_path(const Array& x, double keep, const Draw& d) {
  Array y(x.shape);
  const int64_t batch = x.shape[0], numel = x.numel() / batch;
  for (int64_t s = 0; s < batch; ++s) {
    const base::Random random(d.seed, d.stream, d.step, d.first_sample + static_cast<uint64_t>(s));
    const double factor = random.uniform(0) < keep ? 1 / keep : 0;
    for (int64_t i = 0; i < numel; ++i) y[s * numel + i] = x[s * numel + i] * factor;
  }
  return y;
}

Array reshape(const Array& x, const Dims& shape) {
  Array y = x;
  y.shape = shape;
  return y;
}

Array concat(const std::vector<Array>& parts, size_t axis) {
  Dims shape = parts[0].shape;
  shape[axis] = 0;
  for (const Array& part : parts) shape[axis] += part.shape[axis];
  Array y(shape);
  int64_t first = 0;
  for (const Array& part : parts) {
    for_each(part.shape, [&](const Dims& index, int64_t i) {
      Dims to = index;
      to[axis] += first;
      y[offset_of(shape, to)] = part[i];
    });
    first += part.shape[axis];
  }
  return y;
}

Array slice(const Array& x, size_t axis, int64_t begin, int64_t end) {
  Dims shape = x.shape;
  shape[axis] = end - begin;
  Array y(shape);
  for_each(shape, [&](const Dims& index, int64_t i) {
    Dims from = index;
    from[axis] += begin;
    y[i] = x[offset_of(x.shape, from)];
  });
  return y;
}

Array broadcast_to(const Array& x, const Dims& shape) { return add(Array(shape), x); }

Array permute(const Array& x, const std::vector<int>& axes) {
  Dims shape;
  for (int axis : axes) shape.push_back(x.shape[static_cast<size_t>(axis)]);
  Array y(shape);
  for_each(shape, [&](const Dims& index, int64_t i) {
    Dims from(axes.size());
    for (size_t a = 0; a < axes.size(); ++a) from[static_cast<size_t>(axes[a])] = index[a];
    y[i] = x[offset_of(x.shape, from)];
  });
  return y;
}

Array roll(const Array& x, Size2 shift) {
  Array y(x.shape);
  for_each(x.shape, [&](const Dims& n, int64_t i) {
    y[at(y, n[0], wrap(n[1] + shift[0], x.shape[1]), wrap(n[2] + shift[1], x.shape[2]), n[3])] =
        x[i];
  });
  return y;
}

Array pad_or_crop(const Array& x, Size2 to) {
  Array y({x.shape[0], to[0], to[1], x.shape[3]});
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    if (n[1] < x.shape[1] && n[2] < x.shape[2]) y[i] = x[at(x, n[0], n[1], n[2], n[3])];
  });
  return y;
}

Array window_partition(const Array& x, Size2 w) {
  const int64_t columns = x.shape[2] / w[1], windows = x.shape[1] / w[0] * columns,
                area = w[0] * w[1];
  Array y({x.shape[0] * windows, area, x.shape[3]});
  for_each(x.shape, [&](const Dims& n, int64_t i) {
    const int64_t window = n[0] * windows + n[1] / w[0] * columns + n[2] / w[1];
    y[(window * area + n[1] % w[0] * w[1] + n[2] % w[1]) * x.shape[3] + n[3]] = x[i];
  });
  return y;
}

Array window_reverse(const Array& x, Size2 w, Size2 map) {
  const int64_t columns = map[1] / w[1], windows = map[0] / w[0] * columns, area = w[0] * w[1];
  Array y({x.shape[0] / windows, map[0], map[1], x.shape[2]});
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    const int64_t window = n[0] * windows + n[1] / w[0] * columns + n[2] / w[1];
    y[i] = x[(window * area + n[1] % w[0] * w[1] + n[2] % w[1]) * x.shape[2] + n[3]];
  });
  return y;
}

Array patch_merging(const Array& x) {
  const int64_t channels = x.shape[3];
  Array y({x.shape[0], (x.shape[1] + 1) / 2, (x.shape[2] + 1) / 2, 4 * channels});
  constexpr int64_t kParts[4][2] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};  // (row, column)
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    const int64_t row = 2 * n[1] + kParts[n[3] / channels][0],
                  column = 2 * n[2] + kParts[n[3] / channels][1];
    if (row < x.shape[1] && column < x.shape[2])
      y[i] = x[at(x, n[0], row, column, n[3] % channels)];
  });
  return y;
}

Array patch_embed(const Array& x, const Array& weight, const Array& bias) {
  const int64_t dim = weight.shape[0], channels = weight.shape[1], patch = weight.shape[2];
  Array y({x.shape[0], x.shape[1] / patch, x.shape[2] / patch, dim});
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    double sum = bias[n[3]];
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t u = 0; u < patch; ++u)
        for (int64_t v = 0; v < patch; ++v)
          sum += x[at(x, n[0], n[1] * patch + u, n[2] * patch + v, c)] *
                 weight[((n[3] * channels + c) * patch + u) * patch + v];
    y[i] = sum;
  });
  return y;
}

Array mean_tokens(const Array& x) {
  Array y({x.shape[0], x.shape[3]});
  for_each(x.shape, [&](const Dims& n, int64_t i) {
    y[n[0] * x.shape[3] + n[3]] += x[i] / static_cast<double>(x.shape[1] * x.shape[2]);
  });
  return y;
}

Array replace_tokens(const Array& x, const Array& token, const Array& mask) {
  Array y(x.shape);
  const int64_t dim = x.shape[3];
  for (int64_t i = 0; i < x.numel(); ++i)
    y[i] = x[i] * (1 - mask[i / dim]) + token[i % dim] * mask[i / dim];
  return y;
}

Array relative_position_bias(const Array& table, Size2 window) {
  const int64_t heads = table.shape[1], area = window[0] * window[1];
  Array y({heads, area, area});
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    y[i] = table[table_row(n[1], n[2], window) * heads + n[0]];
  });
  return y;
}

Array attention_mask(Size2 map, const Windows& g) {
  const int64_t area = g.window[0] * g.window[1];
  const std::vector<int> labels = region_labels(map, g);
  Array mask({map[0] * map[1] / area, area, area});
  int64_t i = 0;
  for (int64_t top = 0; top < map[0] / g.window[0]; ++top)
    for (int64_t left = 0; left < map[1] / g.window[1]; ++left) {
      const std::vector<Token> tokens = tokens_of(map, g, labels, top, left);
      for (const Token& query : tokens)
        for (const Token& key : tokens)
          mask[i++] = query.valid && key.valid && query.label == key.label ? 0 : -100;
    }
  return mask;
}

Array window_attention(const Array& qkv, const Array& table, const Windows& g, int64_t heads,
                       double factor, double keep, const Draw& draw) {
  const Size2 map = {qkv.shape[1], qkv.shape[2]};
  const int64_t channels = qkv.shape[3] / 3, dim = channels / heads,
                area = g.window[0] * g.window[1];
  const std::vector<int> labels = region_labels(map, g);
  Array y({qkv.shape[0], map[0], map[1], channels});
  for (int64_t b = 0; b < qkv.shape[0]; ++b) {
    const base::Random random(draw.seed, draw.stream, draw.step,
                              draw.first_sample + static_cast<uint64_t>(b));
    for (int64_t top = 0, window = 0; top < map[0] / g.window[0]; ++top)
      for (int64_t left = 0; left < map[1] / g.window[1]; ++left, ++window) {
        const std::vector<Token> tokens = tokens_of(map, g, labels, top, left);
        for (int64_t h = 0; h < heads; ++h)
          for (int64_t i = 0; i < area; ++i) {
            const Token& query = tokens[static_cast<size_t>(i)];
            std::vector<double> p(static_cast<size_t>(area), 0.0);
            double highest = -1e300, total = 0;
            for (int pass = 0; pass < 2; ++pass)
              for (int64_t j = 0; j < area; ++j) {
                const Token& key = tokens[static_cast<size_t>(j)];
                if (!query.valid || !key.valid || query.label != key.label) continue;
                double& score = p[static_cast<size_t>(j)];
                if (pass == 0) {
                  for (int64_t c = 0; c < dim; ++c)
                    score += qkv[at(qkv, b, query.row, query.column, h * dim + c)] *
                             qkv[at(qkv, b, key.row, key.column, channels + h * dim + c)];
                  score = score * factor + table[table_row(i, j, g.window) * heads + h];
                  highest = std::max(highest, score);
                } else {
                  score = std::exp(score - highest);
                  total += score;
                }
              }
            if (total == 0) continue;  // no allowed key: zeros
            for (int64_t j = 0; j < area; ++j) {
              const Token& key = tokens[static_cast<size_t>(j)];
              double weight = p[static_cast<size_t>(j)] / total;
              const int64_t element = ((window * heads + h) * area + i) * area + j;
              if (keep < 1)
                weight = random.uniform(static_cast<uint64_t>(element)) < keep ? weight / keep : 0;
              if (weight == 0) continue;
              for (int64_t c = 0; c < dim; ++c)
                y[at(y, b, query.row, query.column, h * dim + c)] +=
                    weight * qkv[at(qkv, b, key.row, key.column, 2 * channels + h * dim + c)];
            }
          }
      }
  }
  return y;
}

Array attention(const Array& qkv, int64_t heads, double scale, double keep, const Draw& draw) {
  const int64_t batch = qkv.shape[0], tokens = qkv.shape[1], width = qkv.shape[2];
  const Array y =
      window_attention(reshape(qkv, {batch, 1, tokens, width}), Array({2 * tokens - 1, heads}),
                       {{1, tokens}, {0, 0}, false, {0, 0}}, heads, scale, keep, draw);
  return reshape(y, {batch, tokens, width / 3});
}

Array cosine_qkv(const Array& qkv, const Array& logit_scale) {
  Array y = qkv;
  const int64_t heads = logit_scale.numel(), dim = qkv.shape.back() / (3 * heads);
  for (int64_t first = 0; first < qkv.numel(); first += dim) {
    const int64_t part = first / (heads * dim) % 3, head = first / dim % heads;
    if (part == 2) continue;
    double squares = 0;
    for (int64_t j = first; j < first + dim; ++j) squares += qkv[j] * qkv[j];
    const double factor = part == 0 ? std::exp(std::min(logit_scale[head], std::log(100.0))) : 1;
    for (int64_t j = first; j < first + dim; ++j)
      y[j] = qkv[j] / std::max(std::sqrt(squares), 1e-12) * factor;
  }
  return y;
}

Array cross_entropy(const Array& logits, const Array& target, double factor) {
  Array loss{Dims{}};
  const int64_t classes = logits.shape[1];
  for (int64_t r = 0; r < logits.shape[0]; ++r) {
    double top = logits[r * classes], total = 0, row = 0;
    for (int64_t j = 0; j < classes; ++j) top = std::max(top, logits[r * classes + j]);
    for (int64_t j = 0; j < classes; ++j) total += std::exp(logits[r * classes + j] - top);
    for (int64_t j = 0; j < classes; ++j)
      row -= target[r * classes + j] * (logits[r * classes + j] - top - std::log(total));
    loss[0] += factor * row;
  }
  return loss;
}

Array binary_cross_entropy(const Array& logits, const Array& target, double factor) {
  Array loss{Dims{}};
  long double sum = 0;  // of many terms: what rounds away would be large against a difference
  for (int64_t i = 0; i < logits.shape[0] * logits.shape[1]; ++i) {
    const double probability = 1 / (1 + std::exp(-logits[i]));
    sum -= target[i] * std::log(probability) + (1 - target[i]) * std::log(1 - probability);
  }
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}

}  // namespace swin::reference
