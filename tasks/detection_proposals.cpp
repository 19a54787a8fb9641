#include "tasks/detection_proposals.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/integer.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "tasks/detection/boxes.h"

namespace swin::tasks {

using autograd::Roi;
using base::Size2;
using data::BoundingBox;

namespace {

/// What is left of a level of an image.
struct Candidates {
  Boxes boxes;
  std::vector<double> probabilities;
  bool finite = true;
};

Candidates candidates_of(const layers::RpnMaps& maps, int64_t image, const Boxes& anchors,
                         const Size2& size, int64_t most, const DetectionOptions& options) {
  const Rules& rules = options.rules();
  const BoxCoder coder = options.rpn_coder();
  const auto count = std::ssize(anchors);
  const real* logits = maps.objectness.data() + image * count;
  const real* deltas = maps.deltas.data() + image * count * 4;
  Candidates found;
  std::vector<double> scores(logits, logits + count);
  found.finite =
      std::all_of(scores.begin(), scores.end(), [](double x) { return std::isfinite(x); });
  if (!found.finite) return found;
  const auto to_probability = [](double& x) { x = 1 / (1 + std::exp(-x)); };
  if (rules.ranks_probabilities) std::for_each(scores.begin(), scores.end(), to_probability);
  for (const int64_t i : top_k(std::span<const double>(scores), most)) {
    std::array<double, 4> delta;
    std::copy_n(deltas + 4 * i, 4, delta.begin());
    if (!std::all_of(delta.begin(), delta.end(), [](double x) { return std::isfinite(x); })) {
      found.finite = false;
      return found;
    }
    const BoundingBox box = clipped(coder.decode(delta, anchors[static_cast<size_t>(i)]), size);
    if (!has_sides(box, rules.least_proposal_side)) continue;
    double& score = scores[static_cast<size_t>(i)];
    if (!rules.ranks_probabilities) to_probability(score);
    found.boxes.push_back(box);
    found.probabilities.push_back(score);
  }
  const std::vector<int64_t> kept = nms(found.boxes, found.probabilities, options.proposal_iou);
  Candidates result;
  for (const int64_t i : kept) {
    result.boxes.push_back(found.boxes[static_cast<size_t>(i)]);
    result.probabilities.push_back(found.probabilities[static_cast<size_t>(i)]);
  }
  return result;
}

}  // namespace

PyramidAnchors pyramid_anchors(const AnchorOptions& options, const std::vector<int64_t>& strides,
                               const Size2& padded) {
  PyramidAnchors all;
  for (const int64_t stride : strides) {
    const auto level = std::ssize(all.levels);
    all.maps.push_back({base::divide_up(padded[0], stride), base::divide_up(padded[1], stride)});
    all.count += all.maps.back()[0] * all.maps.back()[1] * options.per_place(level);
    // In a dry run their number is enough.
    all.levels.push_back(base::DryRun::active() ? Boxes()
                                                : anchors(options, level, all.maps.back(), padded));
  }
  return all;
}

std::optional<std::vector<Boxes>> proposals(const std::vector<layers::RpnMaps>& maps,
                                            const PyramidAnchors& anchors,
                                            std::span<const Size2> sizes,
                                            const ProposalCounts& counts,
                                            const DetectionOptions& options) {
  const size_t levels = anchors.levels.size();
  std::vector<Boxes> result(sizes.size());
  if (base::DryRun::active()) {  // as many as a full image has
    for (Boxes& boxes : result) boxes.resize(static_cast<size_t>(counts.of_image));
    return result;
  }
  std::vector<Candidates> found(sizes.size() * levels);
  base::parallel_for(std::ssize(found), [&](int64_t i) {
    const auto image = static_cast<size_t>(i) / levels, level = static_cast<size_t>(i) % levels;
    found[static_cast<size_t>(i)] =
        candidates_of(maps[level], static_cast<int64_t>(image), anchors.levels[level], sizes[image],
                      counts.of_level, options);
  });
  for (size_t image = 0; image < sizes.size(); ++image) {
    Candidates all;
    for (size_t level = 0; level < levels; ++level) {
      const Candidates& one = found[image * levels + level];
      if (!one.finite) return std::nullopt;
      all.boxes.insert(all.boxes.end(), one.boxes.begin(), one.boxes.end());
      all.probabilities.insert(all.probabilities.end(), one.probabilities.begin(),
                               one.probabilities.end());
    }
    for (const int64_t i : top_k(std::span<const double>(all.probabilities), counts.of_image))
      result[image].push_back(all.boxes[static_cast<size_t>(i)]);
  }
  return result;
}

std::vector<Roi> regions_of(const std::vector<Boxes>& images, int64_t levels, const Rules& rules) {
  std::vector<Roi> regions;
  for (size_t image = 0; image < images.size(); ++image)
    for (const BoundingBox& box : images[image])
      regions.push_back({box.x1, box.y1, box.x2, box.y2, static_cast<int32_t>(image),
                         static_cast<int32_t>(roi_level(box, levels, rules))});
  return regions;
}

}  // namespace swin::tasks
