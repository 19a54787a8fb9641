// Reference implementations of all ops: plain loops in double, written from the formulas without
// code of the engine. The oracle compares each op with its reference, and the op's gradient with
// central differences of the reference. reference_attention.cpp has the section on attention,
// reference_convolution.cpp those on convolution and resampling, reference_heads.cpp and
// reference_regions.cpp the last two, reference.cpp all others.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace swin::reference {

using Dims = std::vector<int64_t>;
using Size2 = std::array<int64_t, 2>;

struct Array {
  Dims shape;
  std::vector<double> values;
  Array() = default;
  explicit Array(Dims dims);  ///< zeros
  int64_t numel() const { return static_cast<int64_t>(values.size()); }
  double& operator[](int64_t i) { return values[static_cast<size_t>(i)]; }
  double operator[](int64_t i) const { return values[static_cast<size_t>(i)]; }
};
int64_t numel_of(const Dims& dims);
/// The offset of element (b, i, j, c) of a map (B, H, W, C).
inline int64_t map_offset(const Array& x, int64_t b, int64_t i, int64_t j, int64_t c) {
  return ((b * x.shape[1] + i) * x.shape[2] + j) * x.shape[3] + c;
}
/// i mod n, in [0, n).
inline int64_t wrap(int64_t i, int64_t n) { return ((i % n) + n) % n; }

/// The key of a random draw (docs/numerics.md); sample s of a tensor uses first_sample + s.
struct Draw {
  uint64_t seed, stream, step, first_sample;
};

/// The windows of a map that they divide, with the words of the engine's WindowLayout.
struct Windows {
  Size2 window{1, 1}, shift{0, 0};
  bool rolled = false;
  Size2 valid{0, 0};
};

// ---- arithmetic ---------------------------------------------------------------------------------

Array linear(const Array& x, const Array& weight, const Array* bias);
Array matmul(const Array& a, const Array& b, bool transpose_b);
Array add(const Array& x, const Array& b);
Array multiply(const Array& x, const Array& b);
Array scale(const Array& x, double factor);
Array exp(const Array& x);
Array gelu(const Array& x);
Array relu(const Array& x);
Array sigmoid(const Array& x);
Array softmax(const Array& x);
Array l2_normalize(const Array& x);
Array layer_norm(const Array& x, const Array& weight, const Array& bias, double epsilon);

// ---- randomness ---------------------------------------------------------------------------------

Array dropout(const Array& x, double keep, const Draw& draw);
Array drop_path(const Array& x, double keep, const Draw& draw);

// ---- movement -----------------------------------------------------------------------------------

Array reshape(const Array& x, const Dims& shape);
Array concat(const std::vector<Array>& parts, size_t axis);
Array slice(const Array& x, size_t axis, int64_t begin, int64_t end);
Array broadcast_to(const Array& x, const Dims& shape);
Array permute(const Array& x, const std::vector<int>& axes);
Array roll(const Array& x, Size2 shift);
Array pad_or_crop(const Array& x, Size2 to);
Array window_partition(const Array& x, Size2 window);
Array window_reverse(const Array& x, Size2 window, Size2 map);
Array patch_merging(const Array& x);
Array patch_embed(const Array& x, const Array& weight, const Array& bias);
Array mean_tokens(const Array& x);
Array replace_tokens(const Array& x, const Array& token, const Array& mask);

// ---- convolution --------------------------------------------------------------------------------

Array conv2d(const Array& x, const Array& weight, const Array* bias, int64_t stride,
             int64_t padding);
Array conv_transpose_2x2(const Array& x, const Array& weight, const Array* bias);

// ---- resampling ---------------------------------------------------------------------------------

Array adaptive_avg_pool(const Array& x, Size2 to);
Array resize_bilinear(const Array& x, Size2 to, bool align_corners);
Array resize_nearest(const Array& x, Size2 to);

// ---- attention ----------------------------------------------------------------------------------

Array relative_position_bias(const Array& table, Size2 window);
/// (windows, area, area) of 0 and −100.
Array attention_mask(Size2 map, const Windows& windows);
Array window_attention(const Array& qkv, const Array& table, const Windows& windows, int64_t heads,
                       double scale, double keep, const Draw& draw);
/// Attention within one window of all tokens, without a bias table.
Array attention(const Array& qkv, int64_t heads, double scale, double keep, const Draw& draw);
Array cosine_qkv(const Array& qkv, const Array& logit_scale);

// ---- losses -------------------------------------------------------------------------------------

Array cross_entropy(const Array& logits, const Array& target, double factor);
Array binary_cross_entropy(const Array& logits, const Array& target, double factor);
Array masked_l1(const Array& prediction, const Array& target, const Array& mask, double factor);

// ---- heads of dense tasks -----------------------------------------------------------------------

Array frozen_norm(const Array& x, const Array& weight, const Array& bias, const Array& mean,
                  const Array& variance, double epsilon);
/// Of each channel, over all other axes; the squared deviations are divided by their number − less.
Array channel_means(const Array& x);
Array channel_variances(const Array& x, int64_t less);
Array batch_norm(const Array& x, const Array& weight, const Array& bias, double epsilon);
Array group_norm(const Array& x, const Array& weight, const Array& bias, int64_t groups,
                 double epsilon);
Array drop_channels(const Array& x, double keep, const Draw& draw);
Array take_samples(const Array& x, const std::vector<int32_t>& index);
Array add_samples(const Array& x, const Array& branch, const std::vector<int32_t>& index,
                  double factor);
Array take_rows(const Array& x, const std::vector<int32_t>& index);
Array take_elements(const Array& x, const std::vector<int32_t>& column);
Array pixel_cross_entropy(const Array& logits, const std::vector<int32_t>& labels,
                          const Array* class_weights, double factor);
Array dice_loss(const Array& logits, const std::vector<int32_t>& labels, double factor);

// ---- regions, boxes and objects -----------------------------------------------------------------

Array subsample(const Array& x, int64_t stride);
/// Box in pixels of the image, index of the image and of the map.
struct Roi {
  double x1, y1, x2, y2;
  int64_t image = 0, map = 0;
};
struct RoiAlign {
  int64_t size, sampling_ratio;
  bool aligned;
};
Array roi_align(const std::vector<Array>& maps, const std::vector<double>& scales,
                const std::vector<Roi>& rois, const RoiAlign& options);
Array smooth_l1(const Array& prediction, const Array& target, double beta, double factor);
/// Without an alpha: negative.
Array sigmoid_focal_loss(const Array& logits, const Array& target, double alpha, double gamma,
                         double factor);
Array giou_loss(const Array& boxes, const Array& target, double factor);
Array decode_boxes(const Array& deltas, const Array& boxes, const std::array<double, 4>& weights,
                   bool clamp_below);

}  // namespace swin::reference
