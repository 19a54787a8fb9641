// The rows of ops of regions, boxes and objects: what detection adds.
#include <cmath>

#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

OpRow subsample_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t stride) {
    return unary(
        Input(x), [stride](const Tensor& t) { return ops::subsample(t, stride); },
        [stride](const Array& a) { return ref::subsample(a, stride); },
        " stride " + std::to_string(stride));
  };
  OpRow row{"subsample", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 2), one({2, 5, 4, 3}, 2), one({1, 4, 7, 17}, 3),
               one({2, 3, 3, 8}, 1), one({1, 13, 2, 5}, 20)};
  row.parallel = {one({3, 60, 41, 40}, 2)};
  row.rejects = {{"subsample: found stride 0, expected one of at least 1",
                  [] {
                    ops::subsample(zeros({1, 2, 2, 3}), 0);
                  }},
                 {"subsample: found (2, 3), expected (B, H, W, C)", [] {
                    ops::subsample(zeros({2, 3}), 2);
                  }}};
  return row;
}

// Regions of `images` images of `height` × `width` pixels: some are partly or wholly outside,
// small, empty or inverted.
std::vector<ref::Roi> mixed_rois(int64_t count, int64_t images, double height, double width,
                                 int64_t maps) {
  std::vector<ref::Roi> rois;
  const base::Random random(7, "rois");
  uint64_t draw = 0;
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * random.uniform(draw++);
  };
  for (int64_t r = 0; r < count; ++r) {
    const double x = uniform(-0.2, 1) * width, y = uniform(-0.2, 1) * height,
                 size = uniform(0, 1) * uniform(0, 1);
    ref::Roi roi{x, y, x + size * width * uniform(0.3, 1), y + size * height * uniform(0.3, 1)};
    roi.image = static_cast<int64_t>(random.below(draw++, static_cast<uint32_t>(images)));
    roi.map = static_cast<int64_t>(random.below(draw++, static_cast<uint32_t>(maps)));
    if (r % 9 == 4) roi.x2 = roi.x1;                           // empty
    if (r % 9 == 6) std::swap(roi.y1, roi.y2);                 // inverted
    if (r % 9 == 8) roi.x1 -= 3 * width, roi.x2 -= 3 * width;  // outside
    rois.push_back(roi);
  }
  return rois;
}

std::vector<ops::Roi> engine_rois(const std::vector<ref::Roi>& rois) {
  std::vector<ops::Roi> result;
  for (const ref::Roi& roi : rois)
    result.push_back({roi.x1, roi.y1, roi.x2, roi.y2, static_cast<int32_t>(roi.image),
                      static_cast<int32_t>(roi.map)});
  return result;
}

OpRow roi_align_row() {
  const auto one = [](std::vector<Input> maps, std::vector<double> scales,
                      std::vector<ref::Roi> rois, ref::RoiAlign options) {
    OpCase c;
    c.name = std::to_string(maps.size()) + " maps " + maps[0].shape.text() + ", " +
             std::to_string(rois.size()) + " regions of " + std::to_string(options.size) +
             " bins, ratio " + std::to_string(options.sampling_ratio) +
             (options.aligned ? " aligned" : "");
    c.inputs = std::move(maps);
    c.call = [=](const Tensors& t) {
      return ops::roi_align(t, scales, engine_rois(rois),
                            {options.size, options.sampling_ratio, options.aligned});
    };
    c.reference = [=](const Arrays& a) { return ref::roi_align(a, scales, rois, options); };
    return c;
  };
  const std::vector<Input> pyramid = {Input({2, 7, 9, 3}), Input({2, 4, 5, 3})},
                           large = {Input({2, 50, 64, 40}), Input({2, 25, 32, 40}),
                                    Input({2, 13, 16, 40})};
  OpRow row{"roi_align", {}, {}, {}};
  row.cases = {one({Input({1, 1, 1, 1})}, {1}, {{0.2, 0.1, 0.9, 1}}, {1, 0, true}),
               one(pyramid, {0.5, 0.25}, mixed_rois(18, 2, 14, 18, 2), {3, 0, true}),
               one(pyramid, {0.5, 0.25}, mixed_rois(18, 2, 14, 18, 2), {2, 0, false}),
               one(pyramid, {0.5, 0.25}, mixed_rois(9, 2, 14, 18, 2), {2, 2, false}),
               one(pyramid, {0.5, 0.25}, mixed_rois(9, 2, 14, 18, 2), {3, 3, true}),
               one({Input({1, 6, 5, 17})}, {1}, mixed_rois(9, 1, 6, 5, 1), {7, 0, true}),
               one({Input({1, 3, 2, 37})}, {0.25}, {{-3, 2, 40, 9}}, {2, 1, true})};
  row.parallel = {one(large, {0.25, 0.125, 0.0625}, mixed_rois(40, 2, 200, 256, 3), {7, 0, true}),
                  one(large, {0.25, 0.125, 0.0625}, mixed_rois(40, 2, 200, 256, 3), {5, 2, false})};
  const auto reject = [](std::vector<Tensor> maps, std::vector<double> scales, ops::Roi roi,
                         ops::RoiAlignOptions options) {
    return [=] { ops::roi_align(maps, scales, {roi}, options); };
  };
  const Tensor map = zeros({2, 3, 3, 4});
  row.rejects = {
      {"roi_align: found 0 maps and 0 scales, expected at least one map, and a scale for each",
       reject({}, {}, {}, {})},
      {"roi_align: found 1 maps and 2 scales", reject({map}, {1, 0.5}, {}, {})},
      {"roi_align: found maps (2, 3, 3, 4) and (2, 2, 2, 5), expected (B, H, W, C) with the same B "
       "and C",
       reject({map, zeros({2, 2, 2, 5})}, {1, 0.5}, {}, {})},
      {"roi_align: found maps (2, 3, 3, 4) and (1, 2, 2, 4)",
       reject({map, zeros({1, 2, 2, 4})}, {1, 0.5}, {}, {})},
      {"roi_align: found maps (3, 4) and (3, 4)", reject({zeros({3, 4})}, {1}, {}, {})},
      {"roi_align: found 0 bins and sampling ratio 0, expected at least 1 and 0",
       reject({map}, {1}, {}, {0, 0, true})},
      {"roi_align: found 7 bins and sampling ratio -1", reject({map}, {1}, {}, {7, -1, true})},
      {"roi_align: found a region of image 2 and map 0, expected images below 2 and maps below 1",
       reject({map}, {1}, {0, 0, 1, 1, 2, 0}, {})},
      {"roi_align: found a region of image -1 and map 0",
       reject({map}, {1}, {0, 0, 1, 1, -1, 0}, {})},
      {"roi_align: found a region of image 0 and map 1",
       reject({map}, {1}, {0, 0, 1, 1, 0, 1}, {})}};
  return row;
}

OpRow smooth_l1_row() {
  const auto one = [](std::initializer_list<int64_t> x, real beta, real factor) {
    OpCase c;
    // |d| has no slope at 0: with beta 0 predictions are never equal to their targets.
    Input target(x, false);
    target.low = beta == 0 ? 2 : -1;
    target.high = beta == 0 ? 3 : 1;
    c.inputs = {beta == 0 ? in_range(x, 3.1, 4) : Input(x), target};
    c.name = c.inputs[0].shape.text() + " beta " + std::to_string(beta);
    c.call = [=](const Tensors& t) {
      return ops::add(ops::smooth_l1(t[0], t[1], beta, factor),
                      ops::smooth_l1(ops::scale(t[0], real{0.25}), t[1], beta, factor));
    };
    c.reference = [=](const Arrays& a) {
      const auto b = static_cast<double>(beta), f = static_cast<double>(factor);
      return ref::add(ref::smooth_l1(a[0], a[1], b, f),
                      ref::smooth_l1(ref::scale(a[0], 0.25), a[1], b, f));
    };
    return c;
  };
  OpRow row{"smooth_l1", {}, {}, {}};
  row.cases = {one({1}, 0, 1), one({5, 4}, static_cast<real>(1.0 / 9), real{0.25}),
               one({3, 17}, 1, real{0.5}), one({7, 4}, 0, real{0.125}), one({}, real{0.5}, 1)};
  row.parallel = {one({5000, 4}, static_cast<real>(1.0 / 9), static_cast<real>(0.001))};
  row.rejects = {{"smooth_l1: found prediction (2, 4) and target (4, 2), expected equal shapes",
                  [] {
                    ops::smooth_l1(zeros({2, 4}), zeros({4, 2}), 1, 1);
                  }},
                 {"smooth_l1: found beta -1.0", [] {
                    ops::smooth_l1(zeros({2, 4}), zeros({2, 4}), -1, 1);
                  }}};
  return row;
}

OpRow sigmoid_focal_loss_row() {
  const auto one = [](std::initializer_list<int64_t> x, real alpha, real gamma, bool soft) {
    OpCase c;
    Input target(x, false);
    target.low = 0;
    target.distribution = !soft;  // some are exactly 0, in rows of one all 1
    c.inputs = {in_range(x, -4, 4), target};
    c.name = c.inputs[0].shape.text() + " alpha " + std::to_string(alpha) + " gamma " +
             std::to_string(gamma);
    const real factor = real{0.125};
    c.call = [=](const Tensors& t) {
      return ops::sigmoid_focal_loss(t[0], t[1], alpha, gamma, factor);
    };
    c.reference = [=](const Arrays& a) {
      return ref::sigmoid_focal_loss(a[0], a[1], static_cast<double>(alpha),
                                     static_cast<double>(gamma), static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"sigmoid_focal_loss", {}, {}, {}};
  row.cases = {one({5, 1}, real{0.25}, 2, false),   one({3, 10}, real{0.25}, 2, false),
               one({2, 17}, -1, 0, true),           one({7}, real{0.75}, real{1.5}, true),
               one({2, 3, 4}, 1, real{0.5}, false), one({9, 3}, 0, 1, true)};
  row.parallel = {one({700, 30}, real{0.25}, 2, false)};
  row.rejects = {
      {"sigmoid_focal_loss: found logits (2, 3) and target (3, 2), expected equal shapes",
       [] {
         ops::sigmoid_focal_loss(zeros({2, 3}), zeros({3, 2}), 1, 2, 1);
       }},
      {"sigmoid_focal_loss: found alpha 1.5",
       [] { ops::sigmoid_focal_loss(zeros({2}), zeros({2}), real{1.5}, 2, 1); }},
      {"and gamma -2.0",
       [] { ops::sigmoid_focal_loss(zeros({2}), zeros({2}), real{0.25}, -2, 1); }}};
  return row;
}

OpRow giou_loss_row() {
  // Boxes of 2 × 2 pixels about some places, and each side up to a pixel off.
  const auto one = [](int64_t count, double spread, real factor) {
    OpCase c;
    c.name = std::to_string(count) + " boxes, spread " + std::to_string(spread);
    c.inputs = {Input({count, 4}), Input({count, 4}, false)};
    Arrays places;
    for (const uint64_t seed : {1u, 2u}) {
      Array place = random_array({count, 4}, seed, -spread, spread);
      for (int64_t i = 0; i < place.numel(); ++i)
        if (i % 4 >= 2) place[i] = place[i - 2] + 2;
      places.push_back(place);
    }
    c.call = [=](const Tensors& t) {
      return ops::giou_loss(ops::add(t[0], to_tensor(places[0])),
                            ops::add(t[1], to_tensor(places[1])), factor);
    };
    c.reference = [=](const Arrays& a) {
      return ref::giou_loss(ref::add(a[0], places[0]), ref::add(a[1], places[1]),
                            static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"giou_loss", {}, {}, {}};
  row.cases = {one(1, 0, 1), one(9, 0.5, real{0.25}), one(20, 2, real{0.125}),
               one(20, 8, real{0.125})};
  row.parallel = {one(5000, 2, static_cast<real>(0.001))};
  row.rejects = {{"giou_loss: found boxes (2, 4) and target (3, 4), expected (N, 4) for both",
                  [] {
                    ops::giou_loss(zeros({2, 4}), zeros({3, 4}), 1);
                  }},
                 {"giou_loss: found boxes (8)", [] { ops::giou_loss(zeros({8}), zeros({8}), 1); }},
                 {"giou_loss: found boxes (2, 5)", [] {
                    ops::giou_loss(zeros({2, 5}), zeros({2, 5}), 1);
                  }}};
  return row;
}

OpRow decode_boxes_row() {
  const auto one = [](int64_t count, double most, std::array<double, 4> weights, bool clamp_below) {
    OpCase c;
    c.name = std::to_string(count) + " boxes, deltas to " + std::to_string(most) +
             (clamp_below ? " clamped on both sides" : "");
    c.inputs = {in_range({count, 4}, -most, most), in_range({count, 4}, 0, 8)};
    c.inputs[1].differentiable = false;
    c.call = [=](const Tensors& t) {
      return ops::decode_boxes(t[0], t[1], {weights, clamp_below});
    };
    c.reference = [=](const Arrays& a) {
      return ref::decode_boxes(a[0], a[1], weights, clamp_below);
    };
    return c;
  };
  OpRow row{"decode_boxes", {}, {}, {}};
  row.cases = {one(1, 1, {1, 1, 1, 1}, true), one(9, 2, {10, 10, 5, 5}, true),
               one(20, 6, {1, 1, 1, 1}, true), one(20, 6, {1, 1, 1, 1}, false),
               one(11, 1, {30, 20, 0.25, 0.125}, true)};
  row.parallel = {one(5000, 2, {10, 10, 5, 5}, true)};
  row.rejects = {{"decode_boxes: found deltas (2, 4) and boxes (3, 4), expected (N, 4) for both",
                  [] {
                    ops::decode_boxes(zeros({2, 4}), zeros({3, 4}), {});
                  }},
                 {"decode_boxes: found deltas (2, 8)", [] {
                    ops::decode_boxes(zeros({2, 8}), zeros({2, 8}), {});
                  }}};
  return row;
}

}  // namespace

void append_region_rows(std::vector<OpRow>& table) {
  for (OpRow (*row)() : {subsample_row, roi_align_row, smooth_l1_row, sigmoid_focal_loss_row,
                         giou_loss_row, decode_boxes_row})
    table.push_back(row());
}

}  // namespace swin::oracle
