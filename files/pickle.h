// Pickles of torch.save, read without executing them. A pickle is a program for a small stack
// machine. This one knows only the instructions and names that a state dict needs, and refuses all
// others by name.
// Source: the comments of CPython's Lib/pickletools.py; torch/serialization.py writes the rest.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files/named_array.h"

namespace swin::files {

/// A value of a pickle. It is small: texts, items and tensors are kept in its Pickle.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    long_integer,  ///< beyond 64 bits; `text` is its bytes, little-endian
    text,
    bytes,
    global,  ///< a class or function: index into pickle_globals()
    list,
    tuple,
    set,
    dict,
    storage,
    tensor,
    opaque,  ///< an object of a harmless class; its contents are not kept
  };
  Kind kind = Kind::none;
  union {
    int64_t integer = 0;
    double real;
    struct {
      uint32_t begin, size_bytes;
    } text;
    uint32_t index;
  };
};

/// Memory that tensors share, named by a persistent id.
struct PickleStorage {
  std::string_view key;  ///< "0" in a zip archive, an address in the legacy form
  DType dtype = DType::f32;
  int64_t num_elements = 0;
  bool is_view = false;  ///< legacy form: elements [view_begin, view_begin + view_elements)
  int64_t view_begin = 0, view_elements = 0;
};

struct PickleTensor {
  uint32_t storage = 0;  ///< index into storages()
  int64_t offset = 0;    ///< in elements, like the strides
  PickleValue shape, strides;
};

/// A pickle that was run. Its texts are views of the bytes it was read from, which must outlive it.
class Pickle {
 public:
  /// Limits far above what a state dict needs, which is about 25 instructions per tensor. An
  /// instruction may take 65 bytes of memory: at most 13 MB for a small file, 65 MB for a large
  /// one.
  static constexpr size_t kMaxBytes = 64'000'000;
  static constexpr int64_t kMinInstructions = 200'000, kMaxInstructions = 1'000'000;
  static constexpr int64_t kBytesPerInstruction = 8;  // of the file, between these limits

  /// Runs the pickle at the start of `bytes`; what follows its STOP is ignored.
  /// @param where file named in errors.   @param file_bytes size of the file that it is part of.
  /// @throws base::WeightError where it is damaged, or names a class, function or instruction that
  /// no state dict needs ("global os.system"). Nothing is imported or called.
  Pickle(ByteSpan bytes, const std::string& where, size_t file_bytes);

  const PickleValue& root() const { return root_; }
  size_t size_bytes() const { return size_bytes_; }  ///< including STOP

  /// A text, bytes or long integer.
  std::string_view text(const PickleValue& value) const {
    return text_.substr(value.text.begin, value.text.size_bytes);
  }
  /// Members of a list, tuple or set; for a dict, key, value, key, value, …
  const std::vector<PickleValue>& items(const PickleValue& value) const {
    return sequences_[value.index];
  }
  const PickleTensor& tensor(const PickleValue& value) const { return tensors_[value.index]; }
  const std::vector<PickleStorage>& storages() const { return storages_; }
  /// The value of a text key in a dict (the last one, as in Python); null where absent.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  friend class PickleObjects;
  std::string_view text_;
  size_t size_bytes_ = 0;
  PickleValue root_;
  std::vector<std::vector<PickleValue>> sequences_;
  std::vector<PickleStorage> storages_;
  std::vector<PickleTensor> tensors_;
};

}  // namespace swin::files
