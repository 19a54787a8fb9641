// Objects of C libraries, freed with their owner.
#pragma once
#include <memory>

namespace swin::base {

template <auto kFree>
struct FreedBy {
  void operator()(auto* object) const { kFree(object); }
};
/// Holds a T that the function kFree frees.
template <class T, auto kFree>
using Owned = std::unique_ptr<T, FreedBy<kFree>>;

}  // namespace swin::base
