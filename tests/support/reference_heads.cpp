// What heads of dense tasks need besides convolutions: norms of maps, dropout of channels, losses
// of pixels, elements by index.
#include <algorithm>
#include <cmath>

#include "tests/support/reference.h"

namespace swin::reference {

Array frozen_norm(const Array& x, const Array& weight, const Array& bias, const Array& mean,
                  const Array& variance, double epsilon) {
  Array y(x.shape);
  const int64_t channels = x.shape.back();
  for (int64_t i = 0; i < x.numel(); ++i) {
    const int64_t c = i % channels;
    y[i] = (x[i] - mean[c]) / std::sqrt(variance[c] + epsilon) * weight[c] + bias[c];
  }
  return y;
}

Array channel_means(const Array& x) {
  const int64_t channels = x.shape.back(), rows = x.numel() / channels;
  Array mean({channels});
  for (int64_t i = 0; i < x.numel(); ++i) mean[i % channels] += x[i] / static_cast<double>(rows);
  return mean;
}

Array channel_variances(const Array& x, int64_t less) {
  const int64_t channels = x.shape.back(), rows = x.numel() / channels;
  const Array mean = channel_means(x);
  Array variance({channels});
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double d = x[i] - mean[i % channels];
    variance[i % channels] += d * d / static_cast<double>(rows - less);
  }
  return variance;
}

Array batch_norm(const Array& x, const Array& weight, const Array& bias, double epsilon) {
  return frozen_norm(x, weight, bias, channel_means(x), channel_variances(x, 0), epsilon);
}

Array group_norm(const Array& x, const Array& weight, const Array& bias, int64_t groups,
                 double epsilon) {
  Array y(x.shape);
  const int64_t channels = x.shape[3], tokens = x.shape[1] * x.shape[2], width = channels / groups;
  const double count = static_cast<double>(tokens * width);
  for (int64_t b = 0; b < x.shape[0]; ++b)
    for (int64_t g = 0; g < groups; ++g) {
      double mean = 0, variance = 0;
      const auto for_group = [&](auto f) {
        for (int64_t t = 0; t < tokens; ++t)
          for (int64_t c = g * width; c < (g + 1) * width; ++c)
            f((b * tokens + t) * channels + c, c);
      };
      for_group([&](int64_t i, int64_t) { mean += x[i] / count; });
      for_group([&](int64_t i, int64_t) { variance += (x[i] - mean) * (x[i] - mean) / count; });
      for_group([&](int64_t i, int64_t c) {
        y[i] = (x[i] - mean) / std::sqrt(variance + epsilon) * weight[c] + bias[c];
      });
    }
  return y;
}

Array drop_channels(const Array& x, double keep, const Draw& d) {
  Array y(x.shape);
  const int64_t channels = x.shape[3], numel = x.numel() / x.shape[0];
  for (int64_t i = 0; i < x.numel(); ++i) {
    const base::Random random(d.seed, d.stream, d.step,
                              d.first_sample + static_cast<uint64_t>(i / numel));
    const bool kept = random.uniform(static_cast<uint64_t>(i % channels)) < keep;
    y[i] = kept ? x[i] / keep : 0;
  }
  return y;
}

Array take_samples(const Array& x, const std::vector<int32_t>& index) {
  Dims shape = x.shape;
  shape[0] = static_cast<int64_t>(index.size());
  Array y(shape);
  const int64_t numel = x.numel() / x.shape[0];
  for (int64_t i = 0; i < y.numel(); ++i)
    y[i] = x[index[static_cast<size_t>(i / numel)] * numel + i % numel];
  return y;
}

Array add_samples(const Array& x, const Array& branch, const std::vector<int32_t>& index,
                  double factor) {
  Array y = x;
  const int64_t numel = x.numel() / x.shape[0];
  for (int64_t i = 0; i < branch.numel(); ++i)
    y[index[static_cast<size_t>(i / numel)] * numel + i % numel] += factor * branch[i];
  return y;
}

Array take_rows(const Array& x, const std::vector<int32_t>& index) {
  const int64_t dim = x.shape[1];
  Array y({static_cast<int64_t>(index.size()), dim});
  for (int64_t i = 0; i < y.numel(); ++i)
    y[i] = x[index[static_cast<size_t>(i / dim)] * dim + i % dim];
  return y;
}

Array take_elements(const Array& x, const std::vector<int32_t>& column) {
  Array y({x.shape[0]});
  for (int64_t i = 0; i < y.numel(); ++i) y[i] = x[i * x.shape[1] + column[static_cast<size_t>(i)]];
  return y;
}

Array pixel_cross_entropy(const Array& logits, const std::vector<int32_t>& labels,
                          const Array* class_weights, double factor) {
  const int64_t classes = logits.shape.back();
  long double sum = 0;  // double would round away what central differences need
  for (size_t r = 0; r < labels.size(); ++r) {
    if (labels[r] < 0) continue;
    const double* x = &logits.values[r * static_cast<size_t>(classes)];
    const double top = *std::max_element(x, x + classes);
    long double total = 0;
    for (int64_t j = 0; j < classes; ++j) total += std::exp(static_cast<long double>(x[j] - top));
    const double weight = class_weights ? (*class_weights)[labels[r]] : 1;
    sum += weight * (std::log(total) + top - x[labels[r]]);
  }
  Array loss{Dims{}};
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}

Array dice_loss(const Array& logits, const std::vector<int32_t>& labels, double factor) {
  const int64_t images = logits.shape[0], rows = logits.shape[1] * logits.shape[2],
                classes = logits.shape[3];
  const Array p = softmax(logits);
  long double sum = 0;
  for (int64_t b = 0; b < images; ++b)
    for (int64_t c = 0; c < classes; ++c) {
      long double squares = 0, products = 0, pixels = 0;
      for (int64_t r = b * rows; r < (b + 1) * rows; ++r) {
        const int32_t label = labels[static_cast<size_t>(r)];
        if (label < 0) continue;
        const long double own = p[r * classes + c];
        squares += own * own;
        if (label != c) continue;
        products += own;
        pixels += 1;
      }
      sum += (1 - (2 * products + 1) / (squares + pixels + 1)) / static_cast<double>(classes);
    }
  Array loss{Dims{}};
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}

}  // namespace swin::reference
