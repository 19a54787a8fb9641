#include "files/named_array.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <sstream>

#include "base/errors.h"

namespace swin::files {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian, and so is swin");

namespace {

struct DTypeRow {
  int64_t size_bytes;
  const char* name;
};
// In the order of DType.
constexpr DTypeRow kDTypes[] = {{1, "bool"}, {1, "u8"},  {1, "i8"},  {1, "f8_e5m2"}, {1, "f8_e4m3"},
                                {2, "i16"},  {2, "u16"}, {2, "f16"}, {2, "bf16"},    {4, "i32"},
                                {4, "u32"},  {4, "f32"}, {8, "f64"}, {8, "i64"},     {8, "u64"}};
static_assert(std::size(kDTypes) == kNumDTypes);

float float_of_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

/// IEEE half to float; every half is a float, so nothing is rounded.
float float_of_f16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 31u, fraction = bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // zero or subnormal
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

template <class Stored, class Value, class Convert = std::identity>
void convert_all(const NamedArray& array, std::span<Value> values, Convert convert = {}) {
  const std::byte* from = array.bytes.data();
  for (Value& value : values) {
    Stored stored;
    std::memcpy(&stored, from, sizeof stored);  // may be unaligned
    from += sizeof stored;
    value = static_cast<Value>(convert(stored));
  }
}

void check_count(const NamedArray& array, const std::string& where, size_t expected) {
  if (array.num_elements() != static_cast<int64_t>(expected))
    throw base::WeightError(where, array.name + " has " + std::to_string(array.num_elements()) +
                                       " elements " + to_text(array.shape) + ", expected " +
                                       std::to_string(expected));
}

[[noreturn]] void refuse_type(const NamedArray& array, const std::string& where,
                              const char* expected) {
  throw base::WeightError(
      where, array.name + " has type " + name_of(array.dtype) + ", expected " + expected);
}

template <class Real>
void read_real(const NamedArray& array, const std::string& where, std::span<Real> values,
               const char* expected) {
  check_count(array, where, values.size());
  if (array.dtype == dtype_of(Real{}))
    convert_all<Real>(array, values);
  else if (array.dtype == DType::f32)
    convert_all<float>(array, values);
  else if (array.dtype == DType::f16)
    convert_all<uint16_t>(array, values, float_of_f16);
  else if (array.dtype == DType::bf16)
    convert_all<uint16_t>(array, values, float_of_bf16);
  else
    refuse_type(array, where, expected);
}

}  // namespace

int64_t size_bytes_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size_bytes; }
const char* name_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }

std::optional<int64_t> num_elements_of(std::span<const int64_t> shape) {
  int64_t product = 1;
  for (const int64_t dim : shape)
    if (dim < 0 || __builtin_mul_overflow(product, dim, &product)) return std::nullopt;
  return product;
}

std::string to_text(std::span<const int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

void read_float32(const NamedArray& array, const std::string& where, std::span<float> values) {
  read_real(array, where, values, "f32, f16 or bf16");
}

void read_float64(const NamedArray& array, const std::string& where, std::span<double> values) {
  read_real(array, where, values, "f64, f32, f16 or bf16");
}

NamedArray rounded_to_float32(const NamedArray& array, const std::string& where) {
  if (array.dtype != DType::f64) refuse_type(array, where, "f64");
  auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(array.num_elements()));
  convert_all<double>(array, std::span(*values), [&](double value) {
    const auto rounded = static_cast<float>(value);
    if (std::isinf(rounded) && std::isfinite(value)) {
      std::ostringstream text;
      text << value;
      throw base::WeightError(where,
                              array.name + " has the float64 value " + text.str() +
                                  ", expected values within float32's range of ±3.4e38",
                              "train it to weights of a usual size, or leave the tensor out");
    }
    return rounded;
  });
  NamedArray rounded = NamedArray::of(array.name, array.shape, std::span<const float>(*values));
  rounded.owner = std::move(values);
  return rounded;
}

void read_int64(const NamedArray& array, const std::string& where, std::span<int64_t> values) {
  check_count(array, where, values.size());
  switch (array.dtype) {
    case DType::boolean:
    case DType::u8:
      return convert_all<uint8_t>(array, values);
    case DType::i8:
      return convert_all<int8_t>(array, values);
    case DType::i16:
      return convert_all<int16_t>(array, values);
    case DType::u16:
      return convert_all<uint16_t>(array, values);
    case DType::i32:
      return convert_all<int32_t>(array, values);
    case DType::u32:
      return convert_all<uint32_t>(array, values);
    case DType::i64:
      return convert_all<int64_t>(array, values);
    default:
      refuse_type(array, where, "an integer type");
  }
}

}  // namespace swin::files
