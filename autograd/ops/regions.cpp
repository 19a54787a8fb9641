#include "autograd/ops/regions.h"

#include <cmath>
#include <limits>
#include <string>

#include "autograd/kernels/box_losses.h"
#include "autograd/kernels/roi_align.h"
#include "autograd/tape/op.h"
#include "autograd/tensor/array.h"

namespace swin::autograd {
namespace {

// The bins of all regions in the memory of the pool, for the backward pass.
struct SavedBins {
  int64_t regions, size;
  Array<int32_t> place, first;
  Array<int64_t> begin;
  Array<real> weights;

  SavedBins(const std::vector<Roi>& rois, const kernels::RoiWeights& of, int64_t bins)
      : regions(std::ssize(rois)),
        size(bins),
        place(2 * regions),
        first(Array<int32_t>::from(of.first)),
        begin(Array<int64_t>::from(of.begin)),
        weights(Array<real>::from(of.weights)) {
    if (!place.data()) return;
    for (int64_t r = 0; r < regions; ++r) {
      place.data()[2 * r] = rois[static_cast<size_t>(r)].image;
      place.data()[2 * r + 1] = rois[static_cast<size_t>(r)].map;
    }
  }
  kernels::RoiBins pointers() const {
    return {regions, size, place.data(), begin.data(), first.data(), weights.data()};
  }
};

void check_roi_align(const Op& op, const std::vector<Tensor>& maps,
                     const std::vector<double>& scales, const std::vector<Roi>& rois,
                     const RoiAlignOptions& options) {
  op.check(!maps.empty() && scales.size() == maps.size(), [&] {
    return "found " + std::to_string(maps.size()) + " maps and " + std::to_string(scales.size()) +
           " scales, expected at least one map, and a scale for each";
  });
  for (const Tensor& map : maps)
    op.check(map.rank() == 4 && maps[0].rank() == 4 && map.dim(0) == maps[0].dim(0) &&
                 map.dim(3) == maps[0].dim(3),
             [&] {
               return "found maps " + maps[0].shape().text() + " and " + map.shape().text() +
                      ", expected (B, H, W, C) with the same B and C";
             });
  op.check(options.size > 0 && options.sampling_ratio >= 0, [&] {
    return "found " + std::to_string(options.size) + " bins and sampling ratio " +
           std::to_string(options.sampling_ratio) + ", expected at least 1 and 0";
  });
  for (const Roi& roi : rois)
    op.check(
        roi.image >= 0 && roi.image < maps[0].dim(0) && roi.map >= 0 && roi.map < std::ssize(maps),
        [&] {
          return "found a region of image " + std::to_string(roi.image) + " and map " +
                 std::to_string(roi.map) + ", expected images below " +
                 std::to_string(maps[0].dim(0)) + " and maps below " + std::to_string(maps.size());
        });
}

}  // namespace

Tensor roi_align(const std::vector<Tensor>& maps, const std::vector<double>& scales,
                 const std::vector<Roi>& rois, const RoiAlignOptions& options) {
  Op op("roi_align");
  op.saves_nothing();
  check_roi_align(op, maps, scales, rois, options);
  const int64_t images = maps[0].dim(0), channels = maps[0].dim(3);
  std::vector<kernels::RoiMap> sizes;
  std::vector<kernels::RoiFeatures> features;
  std::vector<Gradient> gradients;
  for (size_t m = 0; m < maps.size(); ++m) {
    sizes.push_back({maps[m].dim(1), maps[m].dim(2), scales[m]});
    features.push_back({maps[m].data(), maps[m].dim(1), maps[m].dim(2)});
    gradients.push_back(maps[m].gradient());
  }
  const SavedBins bins(
      rois,
      kernels::roi_weights(rois, sizes, options.size, options.sampling_ratio, options.aligned),
      options.size);
  Tensor y({std::ssize(rois), options.size, options.size, channels});
  kernels::roi_align_forward(features.data(), bins.pointers(), y.mutable_data(), channels);
  return op.record(y, maps, [bins, sizes, gradients, images, channels](const OutputGradient& dy) {
    std::vector<kernels::RoiGradient> dmaps;
    for (size_t m = 0; m < sizes.size(); ++m)
      dmaps.push_back({gradients[m].target(), sizes[m].height, sizes[m].width});
    kernels::roi_align_backward(dy, dmaps.data(), std::ssize(dmaps), bins.pointers(), images,
                                channels);
  });
}

Tensor decode_boxes(const Tensor& deltas, const Tensor& boxes, const BoxDeltaOptions& options) {
  Op op("decode_boxes");
  op.check(deltas.rank() == 2 && deltas.dim(1) == 4 && boxes.shape() == deltas.shape(), [&] {
    return "found deltas " + deltas.shape().text() + " and boxes " + boxes.shape().text() +
           ", expected (N, 4) for both";
  });
  const real highest = static_cast<real>(std::log(1000.0 / 16));
  kernels::BoxDeltas of{};
  for (size_t i = 0; i < 4; ++i) of.weights[i] = static_cast<real>(options.weights[i]);
  of.lowest = options.clamp_below ? -highest : std::numeric_limits<real>::lowest();
  of.highest = highest;
  const int64_t rows = deltas.dim(0);
  Tensor y(deltas.shape());
  kernels::decode_boxes_forward(deltas.data(), boxes.data(), y.mutable_data(), rows, of);
  return op.record(y, {deltas},
                   [deltas = deltas.detached(), boxes = boxes.detached(), rows, of,
                    ddeltas = deltas.gradient()](const OutputGradient& dy) {
                     kernels::decode_boxes_backward(dy, deltas.data(), boxes.data(),
                                                    ddeltas.target(), rows, of);
                   });
}

}  // namespace swin::autograd
