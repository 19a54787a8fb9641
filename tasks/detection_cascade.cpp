#include "tasks/detection_cascade.h"

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "tasks/detection/boxes.h"

namespace swin::tasks {

std::optional<Boxes> refined(const layers::BoxPredictions& predictions, int64_t first,
                             const Boxes& regions, std::span<const int32_t> labels,
                             int64_t num_classes, const base::Size2& size, const BoxCoder& coder) {
  if (base::DryRun::active()) return regions;
  Boxes moved;
  for (size_t i = 0; i < regions.size(); ++i) {
    const int64_t row = first + static_cast<int64_t>(i);
    const real* logits = predictions.logits.data() + row * (num_classes + 1);
    const auto is_finite = [](real x) { return std::isfinite(x); };
    if (!std::all_of(logits, logits + num_classes, is_finite)) return std::nullopt;
    int64_t label = labels.empty() ? num_classes : labels[i];
    if (label == num_classes) label = std::max_element(logits, logits + num_classes) - logits;
    const real* deltas = predictions.deltas.data() + (row * num_classes + label) * 4;
    if (!std::all_of(deltas, deltas + 4, is_finite)) return std::nullopt;
    moved.push_back(
        clipped(coder.decode({deltas[0], deltas[1], deltas[2], deltas[3]}, regions[i]), size));
  }
  return moved;
}

std::optional<std::vector<Boxes>> next_proposals(const layers::BoxPredictions& predictions,
                                                 const RegionTargets& targets,
                                                 const std::vector<SampledRegions>& samples,
                                                 int64_t num_classes,
                                                 std::span<const base::Size2> sizes,
                                                 const HeadStage& stage) {
  if (base::DryRun::active()) return targets.boxes;
  std::vector<Boxes> next;
  int64_t first = 0;
  for (size_t image = 0; image < samples.size(); ++image) {
    const SampledRegions& of = samples[image];
    const std::optional<Boxes> moved =
        refined(predictions, first, of.boxes,
                std::span(targets.labels).subspan(static_cast<size_t>(first), of.boxes.size()),
                num_classes, sizes[image], stage.coder);
    if (!moved) return std::nullopt;
    Boxes& to = next.emplace_back();
    for (size_t i = 0; i < of.boxes.size(); ++i)
      if (!of.is_true[i]) to.push_back((*moved)[i]);
    first += std::ssize(of.boxes);
  }
  return next;
}

}  // namespace swin::tasks
