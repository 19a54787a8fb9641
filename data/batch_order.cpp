#include "data/batch_order.h"

#include "base/errors.h"

namespace swin::data {
namespace {

constexpr uint32_t kBad = UINT32_MAX;

}  // namespace

std::optional<base::Size2> ImageSizes::find(int64_t i) {
  if (known_.empty()) known_.resize(static_cast<size_t>(dataset_.size()));
  Known& known = known_[static_cast<size_t>(i)];
  if (known.height == 0) {
    try {
      const auto [height, width] = dataset_.size(i);
      known = {static_cast<uint32_t>(height), static_cast<uint32_t>(width)};
    } catch (const base::DataError&) {  // reported where the image is loaded
      known.height = kBad;
    }
  }
  if (known.height == kBad) return std::nullopt;
  return base::Size2{known.height, known.width};
}

GroupedOrder::GroupedOrder(const base::Permutation& order, int64_t images, int64_t batch_size,
                           const base::Random& random,
                           const std::function<bool(int64_t)>& is_wide) {
  const auto count = static_cast<uint64_t>(images), size = static_cast<uint64_t>(batch_size);
  std::vector<uint32_t> in_batches, filling[2];
  in_batches.reserve(count);
  for (uint64_t place = 0; place < count; ++place) {
    const uint64_t image = order(place);
    std::vector<uint32_t>& group = filling[is_wide(static_cast<int64_t>(image)) ? 1 : 0];
    group.push_back(static_cast<uint32_t>(image));
    if (group.size() < size) continue;
    in_batches.insert(in_batches.end(), group.begin(), group.end());
    group.clear();
  }
  for (const auto& rest : filling) in_batches.insert(in_batches.end(), rest.begin(), rest.end());
  const uint64_t full = count / size;
  images_.reserve(count);
  const base::Permutation shuffled(full, random);
  for (uint64_t batch = 0; batch < full; ++batch) {
    const auto begin = in_batches.begin() + static_cast<int64_t>(shuffled(batch) * size);
    images_.insert(images_.end(), begin, begin + batch_size);
  }
  images_.insert(images_.end(), in_batches.begin() + static_cast<int64_t>(full * size),
                 in_batches.end());
}

}  // namespace swin::data
