#include "tests/support/reference.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace swin::reference {
namespace {

// Calls f(index per axis, offset) for every element in row-major order.
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

}  // namespace

int64_t numel_of(const Dims& dims) {
  int64_t n = 1;
  for (int64_t dim : dims) n *= dim;
  return n;
}

Array::Array(Dims dims)
    : shape(std::move(dims)), values(static_cast<size_t>(numel_of(shape)), 0.0) {}

// ---- arithmetic ---------------------------------------------------------------------------------

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

namespace {
// f(x, b) with b broadcast to the shape of x.
template <class F>
Array broadcast(const Array& x, const Array& b, F&& f) {
  Array y(x.shape);
  const size_t skip = x.shape.size() - b.shape.size();
  for_each(x.shape, [&](const Dims& index, int64_t i) {
    Dims b_index;
    for (size_t axis = 0; axis < b.shape.size(); ++axis)
      b_index.push_back(b.shape[axis] == 1 ? 0 : index[axis + skip]);
    y[i] = f(x[i], b[offset_of(b.shape, b_index)]);
  });
  return y;
}
}  // namespace

Array add(const Array& x, const Array& b) {
  return broadcast(x, b, [](double p, double q) { return p + q; });
}

Array multiply(const Array& x, const Array& b) {
  return broadcast(x, b, [](double p, double q) { return p * q; });
}

Array scale(const Array& x, double factor) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = x[i] * factor;
  return y;
}

Array exp(const Array& x) {
  Array y(x.shape);
  for (int64_t i = 0; i < x.numel(); ++i) y[i] = std::exp(x[i]);
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

Array l2_normalize(const Array& x) {
  Array y(x.shape);
  const int64_t dim = x.shape.back();
  for (int64_t r = 0; r < x.numel() / dim; ++r) {
    double squares = 0;
    for (int64_t j = 0; j < dim; ++j) squares += x[r * dim + j] * x[r * dim + j];
    for (int64_t j = 0; j < dim; ++j)
      y[r * dim + j] = x[r * dim + j] / std::max(std::sqrt(squares), 1e-12);
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

// ---- randomness ---------------------------------------------------------------------------------

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

// ---- movement -----------------------------------------------------------------------------------

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
    y[map_offset(y, n[0], wrap(n[1] + shift[0], x.shape[1]), wrap(n[2] + shift[1], x.shape[2]),
                 n[3])] = x[i];
  });
  return y;
}

Array pad_or_crop(const Array& x, Size2 to) {
  Array y({x.shape[0], to[0], to[1], x.shape[3]});
  for_each(y.shape, [&](const Dims& n, int64_t i) {
    if (n[1] < x.shape[1] && n[2] < x.shape[2]) y[i] = x[map_offset(x, n[0], n[1], n[2], n[3])];
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
      y[i] = x[map_offset(x, n[0], row, column, n[3] % channels)];
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
          sum += x[map_offset(x, n[0], n[1] * patch + u, n[2] * patch + v, c)] *
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

// ---- losses -------------------------------------------------------------------------------------

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
  long double sum = 0;  // double would round away what central differences need
  for (int64_t i = 0; i < logits.shape[0] * logits.shape[1]; ++i) {
    const double probability = 1 / (1 + std::exp(-logits[i]));
    sum -= target[i] * std::log(probability) + (1 - target[i]) * std::log(1 - probability);
  }
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}

Array masked_l1(const Array& prediction, const Array& target, const Array& mask, double factor) {
  const Dims& shape = prediction.shape;
  const int64_t height = shape[1], width = shape[2], channels = shape[3],
                patch = height / mask.shape[1];
  Array loss{Dims{}};
  long double sum = 0;
  for (int64_t b = 0; b < shape[0]; ++b)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t i = ((b * height + y) * width + x) * channels + c;
          sum += mask[(b * mask.shape[1] + y / patch) * mask.shape[2] + x / patch] *
                 std::abs(prediction[i] - target[i]);
        }
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}

}  // namespace swin::reference
