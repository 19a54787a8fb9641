// The objects that a running pickle makes, and the few calls that it may make. Part of
// files/pickle.cpp.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "files/pickle.h"

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

/// Every name that a pickle may mention; all others are refused.
const std::vector<PickleGlobal>& pickle_globals();

inline constexpr char kPickleDamaged[] = "the file is damaged; get it again";
inline constexpr char kPickleNotAStateDict[] =
    "nothing of it was run; save model.state_dict() alone with torch.save and give that file";

/// The values of a pickle. Every error names the file and the byte.
class PickleObjects {
 public:
  using Kind = PickleValue::Kind;

  PickleObjects(const std::string& where, int64_t max_instructions, Pickle& pickle)
      : pickle_(pickle), where_(where), max_instructions_(max_instructions) {}

  [[noreturn]] void refuse(const std::string& found, const char* remedy = kPickleDamaged) const;
  /// Bounds time and memory: every instruction and every value that is copied counts.
  void charge(int64_t count);

  static PickleValue value_of(Kind kind);
  static PickleValue integer(int64_t number, Kind kind = Kind::integer);
  static PickleValue text(Kind kind, size_t begin, size_t size);
  PickleValue sequence(Kind kind, std::vector<PickleValue> items);
  std::vector<PickleValue>& items(const PickleValue& value) {
    return pickle_.sequences_[value.index];
  }
  std::string_view text_of(const PickleValue& value) const { return pickle_.text(value); }

  /// A class or function by its name; an unknown one is refused.
  PickleValue global(std::string_view module, std::string_view name) const;
  /// The result that a call of a global would have; nothing is called.
  PickleValue call(PickleValue function, PickleValue arguments, int depth = 0);
  /// A new object of a class.
  PickleValue object(const PickleValue& made_of);
  /// ("storage", torch.FloatStorage, key, location, elements[, None or (key, begin, elements)])
  PickleValue persistent(const PickleValue& id);

 protected:
  Pickle& pickle_;
  const std::string& where_;
  std::string_view text_;
  size_t at_ = 0;  // in text_

 private:
  static PickleValue refer(Kind kind, size_t index);
  const PickleGlobal& global_of(const PickleValue& value) const;
  const std::vector<PickleValue>& arguments_of(const PickleValue& tuple, size_t at_least,
                                               const PickleGlobal& global);
  std::vector<PickleValue> pairs_of(const PickleValue& list);
  PickleValue tensor(const std::vector<PickleValue>& arguments);

  int64_t max_instructions_, instructions_ = 0;
};

}  // namespace swin::files
