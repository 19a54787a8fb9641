// HDF5 files in memory. Only hdf5_file.cpp uses libhdf5 for them, which never opens a file itself.
// Profile: contiguous datasets, hard links, no filters, no object times, root attributes that are
// integers or fixed strings.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "files/mapped_file.h"
#include "files/named_array.h"

namespace swin::files {

struct Hdf5Attribute {
  std::string name;
  std::variant<int64_t, std::string> value;
};

/// The bytes of an HDF5 file: `spans`, one after the other. The spans of datasets are the caller's
/// memory, which must outlive this. Only HDF5's tables (about 1 KB per dataset) are held here, so
/// the arrays of a checkpoint are never copied.
class Hdf5Image {
 public:
  Hdf5Image(Hdf5Image&&) noexcept = default;  // no copies: spans point into the tables
  Hdf5Image& operator=(Hdf5Image&&) noexcept = default;
  std::span<const ByteSpan> spans() const { return spans_; }
  int64_t size_bytes() const { return size_bytes_; }
  /// Memory that this object holds: a small part of size_bytes() unless the arrays are small.
  int64_t held_bytes() const { return static_cast<int64_t>(tables_.capacity()); }
  std::vector<std::byte> to_bytes() const;

 private:
  friend Hdf5Image build_hdf5(std::span<const NamedArray>, std::span<const Hdf5Attribute>, int64_t);
  Hdf5Image() = default;
  std::vector<std::byte> tables_;
  std::vector<ByteSpan> spans_;
  int64_t size_bytes_ = 0;
};

/// Lays out a file. Equal input gives equal bytes.
/// @param arrays names are paths without leading '/': "model/layers.0.mlp.fc1.weight" is the
/// dataset
///   "layers.0.mlp.fc1.weight" of the group /model. Types: f32, f64, i64, i32, u8. Any rank, dims
///   ≥ 0.
/// @param attributes of the root group.
/// @param userblock_bytes bytes before the HDF5 part: 0, or a power of two ≥ 512. They are NOT in
/// `spans`.
/// @throws base::InternalError where a name is impossible or occurs twice, or bytes do not fit the
/// shape.
Hdf5Image build_hdf5(std::span<const NamedArray> arrays, std::span<const Hdf5Attribute> attributes,
                     int64_t userblock_bytes = 0);

/// Reads an HDF5 file in memory. The caller must trust its bytes, because libhdf5 crashes on
/// damaged ones: check a digest first. The memory must outlive the reader; nothing is copied.
class Hdf5Reader {
 public:
  struct Entry {
    std::string name;  ///< path without leading '/'
    DType dtype;
    std::vector<int64_t> shape;
  };

  /// @param image the whole file, with its userblock.   @param where file named in errors.
  /// @throws DataError or WeightError (by kind) where the file is not HDF5 or outside the profile.
  Hdf5Reader(ByteSpan image, std::string where, FileKind kind);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  const std::vector<Entry>& entries() const;       ///< every dataset, sorted by name
  const Entry* find(std::string_view name) const;  ///< null where absent
  /// Copies a whole dataset. `bytes` must have its size. @throws where it is absent or does not
  /// fit.
  void read(std::string_view name, std::span<std::byte> bytes) const;
  /// A root attribute. @throws DataError or WeightError where absent or of another type.
  int64_t integer_attribute(const char* name) const;
  std::string string_attribute(const char* name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swin::files
