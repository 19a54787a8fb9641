// The names that a pickle may mention.
#pragma once
#include <span>
#include <string_view>

#include "files/named_array.h"

namespace swin::files {

/// What becomes of a call of a global, or of an object made from it.
enum class PickleRole {
  ordered_dict,       ///< a dict
  dict_like,          ///< a dict; its arguments are dropped
  storage,            ///< torch.FloatStorage …: type of a persistent id, never called
  rebuild_tensor,     ///< (storage, offset, size, stride, …)
  rebuild_parameter,  ///< (tensor, …)
  rebuild_from_type,  ///< (function, type, arguments, state)
  size,               ///< torch.Size of a tuple
  set,                ///< set of a list
  attribute,          ///< getattr of a harmless class: an opaque value
  harmless,           ///< an opaque value
};

struct PickleGlobal {
  std::string_view module, name;
  PickleRole role;
  DType dtype = DType::f32;  ///< for a storage
};

/// Every global that is known; all others are refused.
std::span<const PickleGlobal> pickle_globals();

}  // namespace swin::files
