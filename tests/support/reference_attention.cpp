#include <algorithm>
#include <cmath>

#include "tests/support/reference.h"

namespace swin::reference {
namespace {

// The row of the relative position bias table for query i and key j.
int64_t table_row(int64_t i, int64_t j, Size2 window) {
  const int64_t yi = i / window[1], xi = i % window[1], yj = j / window[1], xj = j % window[1];
  return (yi - yj + window[0] - 1) * (2 * window[1] - 1) + (xi - xj + window[1] - 1);
}

// The published region labels of the rolled map: along both axes, Python's slices (0, −w), (−w, −s)
// and (−s, None) get increasing labels; later labels overwrite earlier ones.
std::vector<int> region_labels(Size2 map, const Windows& g) {
  std::vector<int> labels(static_cast<size_t>(map[0] * map[1]), 0);
  if (g.shift[0] == 0 && g.shift[1] == 0) return labels;
  const auto slice = [&](int part, int axis, int64_t i) {
    const int64_t n = map[static_cast<size_t>(axis)], w = g.window[static_cast<size_t>(axis)],
                  s = g.shift[static_cast<size_t>(axis)];
    // In Python −0 is the start: without a shift the third slice is everything.
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
  int64_t row, column;  // in the map in memory
  int label;
  bool valid;
};

// The tokens of the window at (top, left) in the grid of windows.
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

Array relative_position_bias(const Array& table, Size2 window) {
  const int64_t heads = table.shape[1], area = window[0] * window[1];
  Array y({heads, area, area});
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < area; ++i)
      for (int64_t j = 0; j < area; ++j)
        y[(h * area + i) * area + j] = table[table_row(i, j, window) * heads + h];
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
                    score += qkv[map_offset(qkv, b, query.row, query.column, h * dim + c)] *
                             qkv[map_offset(qkv, b, key.row, key.column, channels + h * dim + c)];
                  score = score * factor + table[table_row(i, j, g.window) * heads + h];
                  highest = std::max(highest, score);
                } else {
                  score = std::exp(score - highest);
                  total += score;
                }
              }
            if (total == 0) continue;  // a query without an allowed key gives zeros
            for (int64_t j = 0; j < area; ++j) {
              const Token& key = tokens[static_cast<size_t>(j)];
              double weight = p[static_cast<size_t>(j)] / total;
              const int64_t element = ((window * heads + h) * area + i) * area + j;
              if (keep < 1)
                weight = random.uniform(static_cast<uint64_t>(element)) < keep ? weight / keep : 0;
              if (weight == 0) continue;
              for (int64_t c = 0; c < dim; ++c)
                y[map_offset(y, b, query.row, query.column, h * dim + c)] +=
                    weight *
                    qkv[map_offset(qkv, b, key.row, key.column, 2 * channels + h * dim + c)];
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

}  // namespace swin::reference
