#include "tasks/detection/sampler.h"

#include <algorithm>

#include "tasks/detection/matcher.h"

namespace swin::tasks {
namespace {

/// `count` of the candidates.
std::vector<int64_t> draw(const std::vector<int64_t>& candidates, int64_t count,
                          const base::Random& random) {
  if (count == std::ssize(candidates)) return candidates;
  const base::Permutation order(candidates.size(), random);
  std::vector<int64_t> drawn;
  for (int64_t i = 0; i < count; ++i) drawn.push_back(candidates[order(static_cast<uint64_t>(i))]);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

SampleCounts limited(int64_t positives, int64_t negatives, int64_t count, double fraction) {
  positives = std::min(positives, static_cast<int64_t>(static_cast<double>(count) * fraction));
  return {positives, std::min(negatives, count - positives)};
}

}  // namespace

SampleCounts count_sampled(std::span<const int32_t> matches, int64_t count, double fraction) {
  return limited(std::count_if(matches.begin(), matches.end(), [](int32_t m) { return m >= 0; }),
                 std::count(matches.begin(), matches.end(), kBackground), count, fraction);
}

Samples sample(std::span<const int32_t> matches, int64_t count, double fraction,
               const base::Random& random) {
  Samples all;
  for (size_t i = 0; i < matches.size(); ++i) {
    if (matches[i] >= 0) all.positives.push_back(static_cast<int64_t>(i));
    if (matches[i] == kBackground) all.negatives.push_back(static_cast<int64_t>(i));
  }
  const SampleCounts counts =
      limited(std::ssize(all.positives), std::ssize(all.negatives), count, fraction);
  return {draw(all.positives, counts.positives, random),
          draw(all.negatives, counts.negatives, random)};
}

}  // namespace swin::tasks
