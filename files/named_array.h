// Bytes with a name, a type and a shape: what every weight format reads into and writes from.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "files/bytes.h"

namespace swin::files {

/// Element types, in the order in which safetensors files rank them.
enum class DType {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  f64,
  i64,
  u64
};
inline constexpr int kNumDTypes = static_cast<int>(DType::u64) + 1;

int64_t size_bytes_of(DType dtype);
const char* name_of(DType dtype);  ///< "f32", "bf16", "i64", "bool", …
constexpr DType dtype_of(float) { return DType::f32; }
constexpr DType dtype_of(double) { return DType::f64; }
constexpr DType dtype_of(int64_t) { return DType::i64; }
constexpr DType dtype_of(uint8_t) { return DType::u8; }

/// Product of the dims (1 for a scalar); empty if a dim is negative or the product overflows.
std::optional<int64_t> num_elements_of(std::span<const int64_t> shape);
std::string to_text(std::span<const int64_t> shape);  ///< "(3, 4)"

/// Contiguous row-major little-endian elements. Bytes need not be aligned to the element.
struct NamedArray {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  ByteSpan bytes;
  /// What keeps `bytes` alive; empty for a view of memory the caller owns.
  std::shared_ptr<const void> owner;

  int64_t num_elements() const { return static_cast<int64_t>(bytes.size()) / size_bytes_of(dtype); }

  /// A view of the caller's memory, a vector or span of a type that dtype_of knows.
  static NamedArray of(std::string name, std::vector<int64_t> shape, const auto& values) {
    const std::span view(values);
    const DType dtype = dtype_of(typename decltype(view)::value_type{});
    return {std::move(name), dtype, std::move(shape), std::as_bytes(view), nullptr};
  }
};

/// Copies an array of f32, f16 or bf16 (widened) into `values`. f64 is refused, because it would be
/// rounded: what swin wrote itself is never f64, and other weights go through rounded_to_float32.
/// @param where file named in errors.  @throws base::WeightError where the type or the number of
/// elements does not fit.
void read_float32(const NamedArray& array, const std::string& where, std::span<float> values);
/// The same into double; f64 is read, too.
void read_float64(const NamedArray& array, const std::string& where, std::span<double> values);
/// An array of f64 as one of f32, each value rounded once, to the nearest.
/// @throws base::WeightError where a finite value is beyond the range of float32.
NamedArray rounded_to_float32(const NamedArray& array, const std::string& where);
/// Copies an array of any integer type (or bool) into `values`. @throws base::WeightError as above.
void read_int64(const NamedArray& array, const std::string& where, std::span<int64_t> values);

}  // namespace swin::files
