// Regions of maps, boxes, and losses of both: point by point and box by box.
#include <algorithm>
#include <cmath>

#include "tests/support/reference.h"

namespace swin::reference {

Array subsample(const Array& x, int64_t stride) {
  const int64_t height = (x.shape[1] - 1) / stride + 1, width = (x.shape[2] - 1) / stride + 1;
  Array y({x.shape[0], height, width, x.shape[3]});
  for (int64_t b = 0; b < x.shape[0]; ++b)
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j)
        for (int64_t c = 0; c < x.shape[3]; ++c)
          y[map_offset(y, b, i, j, c)] = x[map_offset(x, b, stride * i, stride * j, c)];
  return y;
}

namespace {
// The map at a point, bilinear; 0 more than a pixel outside.
double at_point(const Array& map, int64_t image, double y, double x, int64_t channel) {
  const int64_t height = map.shape[1], width = map.shape[2];
  if (!(y >= -1 && y <= static_cast<double>(height) && x >= -1 && x <= static_cast<double>(width)))
    return 0;
  const auto clamped = [](double place, int64_t length) {
    return std::min(std::max(place, 0.0), static_cast<double>(length - 1));
  };
  y = clamped(y, height);
  x = clamped(x, width);
  const auto top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const double down = y - static_cast<double>(top), right = x - static_cast<double>(left);
  const auto pixel = [&](int64_t i, int64_t j) {
    return map[map_offset(map, image, std::min(i, height - 1), std::min(j, width - 1), channel)];
  };
  return (1 - down) * ((1 - right) * pixel(top, left) + right * pixel(top, left + 1)) +
         down * ((1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1));
}
}  // namespace

Array roi_align(const std::vector<Array>& maps, const std::vector<double>& scales,
                const std::vector<Roi>& rois, const RoiAlign& options) {
  const int64_t size = options.size, channels = maps[0].shape[3];
  Array y({static_cast<int64_t>(rois.size()), size, size, channels});
  const auto bins = static_cast<double>(size);
  for (size_t r = 0; r < rois.size(); ++r) {
    const Roi& roi = rois[r];
    const Array& map = maps[static_cast<size_t>(roi.map)];
    const double scale = scales[static_cast<size_t>(roi.map)], offset = options.aligned ? 0.5 : 0;
    const double left = roi.x1 * scale - offset, top = roi.y1 * scale - offset;
    double width = roi.x2 * scale - offset - left, height = roi.y2 * scale - offset - top;
    if (!options.aligned) {
      width = std::max(width, 1.0);
      height = std::max(height, 1.0);
    }
    const auto points = [&](double extent) {
      return options.sampling_ratio > 0 ? options.sampling_ratio
                                        : static_cast<int64_t>(std::ceil(extent / bins));
    };
    const int64_t rows = points(height), columns = points(width);
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (int64_t v = 0; v < rows; ++v)
            for (int64_t u = 0; u < columns; ++u)
              sum += at_point(
                  map, roi.image,
                  top + static_cast<double>(i) * (height / bins) +
                      (static_cast<double>(v) + 0.5) * (height / bins) / static_cast<double>(rows),
                  left + static_cast<double>(j) * (width / bins) +
                      (static_cast<double>(u) + 0.5) * (width / bins) /
                          static_cast<double>(columns),
                  c);
          y[((static_cast<int64_t>(r) * size + i) * size + j) * channels + c] =
              sum / static_cast<double>(std::max<int64_t>(1, rows * columns));
        }
  }
  return y;
}

namespace {
// double would round away what central differences need.
template <class Loss>
Array total(int64_t count, double factor, Loss&& loss_of) {
  long double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += loss_of(i);
  Array loss{Dims{}};
  loss[0] = static_cast<double>(factor * sum);
  return loss;
}
}  // namespace

Array smooth_l1(const Array& prediction, const Array& target, double beta, double factor) {
  return total(prediction.numel(), factor, [&](int64_t i) -> long double {
    const long double d = std::abs(static_cast<long double>(prediction[i]) - target[i]);
    return d < beta ? d * d / (2 * beta) : d - beta / 2;
  });
}

Array sigmoid_focal_loss(const Array& logits, const Array& target, double alpha, double gamma,
                         double factor) {
  return total(logits.numel(), factor, [&](int64_t i) -> long double {
    const long double p = 1 / (1 + std::exp(-static_cast<long double>(logits[i]))), t = target[i];
    const long double of_class = p * t + (1 - p) * (1 - t);
    const long double weight = alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t);
    return weight * std::pow(1 - of_class, static_cast<long double>(gamma)) *
           -(t * std::log(p) + (1 - t) * std::log(1 - p));
  });
}

Array giou_loss(const Array& boxes, const Array& target, double factor) {
  return total(boxes.shape[0], factor, [&](int64_t row) -> long double {
    const double *a = &boxes.values[static_cast<size_t>(4 * row)],
                 *b = &target.values[static_cast<size_t>(4 * row)];
    const auto area = [](long double x1, long double y1, long double x2, long double y2) {
      return (x2 - x1) * (y2 - y1);
    };
    const long double x1 = std::max(a[0], b[0]), y1 = std::max(a[1], b[1]),
                      x2 = std::min(a[2], b[2]), y2 = std::min(a[3], b[3]);
    const long double intersection = x2 > x1 && y2 > y1 ? area(x1, y1, x2, y2) : 0;
    const long double united =
        area(a[0], a[1], a[2], a[3]) + area(b[0], b[1], b[2], b[3]) - intersection;
    const long double hull = area(std::min(a[0], b[0]), std::min(a[1], b[1]), std::max(a[2], b[2]),
                                  std::max(a[3], b[3]));
    return 1 - intersection / (united + 1e-7) + (hull - united) / (hull + 1e-7);
  });
}

Array decode_boxes(const Array& deltas, const Array& boxes, const std::array<double, 4>& weights,
                   bool clamp_below) {
  Array y(deltas.shape);
  const double limit = std::log(1000.0 / 16);
  for (int64_t row = 0; row < deltas.shape[0]; ++row)
    for (int64_t axis = 0; axis < 2; ++axis) {
      const int64_t at = 4 * row + axis;
      const double size = boxes[at + 2] - boxes[at], center = boxes[at] + size / 2;
      double ratio = std::min(deltas[at + 2] / weights[static_cast<size_t>(axis) + 2], limit);
      if (clamp_below) ratio = std::max(ratio, -limit);
      const double to = center + deltas[at] / weights[static_cast<size_t>(axis)] * size;
      y[at] = to - size * std::exp(ratio) / 2;
      y[at + 2] = to + size * std::exp(ratio) / 2;
    }
  return y;
}

}  // namespace swin::reference
