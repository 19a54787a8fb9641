#include "files/named_array.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/errors.h"

namespace swin::files {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian, and so is swin");

namespace {

struct DTypeRow {
  DType dtype;
  int64_t size_bytes;
  const char* name;
};
constexpr DTypeRow kDTypes[] = {
    {DType::boolean, 1, "bool"},    {DType::u8, 1, "u8"},           {DType::i8, 1, "i8"},
    {DType::f8_e5m2, 1, "f8_e5m2"}, {DType::f8_e4m3, 1, "f8_e4m3"}, {DType::i16, 2, "i16"},
    {DType::u16, 2, "u16"},         {DType::f16, 2, "f16"},         {DType::bf16, 2, "bf16"},
    {DType::i32, 4, "i32"},         {DType::u32, 4, "u32"},         {DType::f32, 4, "f32"},
    {DType::f64, 8, "f64"},         {DType::i64, 8, "i64"},         {DType::u64, 8, "u64"}};

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

template <class Stored, class Value, class Convert>
void convert_all(const NamedArray& array, std::span<Value> values, Convert convert) {
  const std::byte* from = array.bytes.data();
  for (Value& value : values) {
    Stored stored;
    std::memcpy(&stored, from, sizeof stored);  // may be unaligned
    from += sizeof stored;
    value = convert(stored);
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

template <class T>
NamedArray view_of(std::string name, DType dtype, std::vector<int64_t> shape,
                   std::span<const T> values) {
  return NamedArray{std::move(name), dtype, std::move(shape), std::as_bytes(values), nullptr};
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

NamedArray NamedArray::of(std::string name, std::vector<int64_t> shape,
                          std::span<const float> values) {
  return view_of(std::move(name), DType::f32, std::move(shape), values);
}
NamedArray NamedArray::of(std::string name, std::vector<int64_t> shape,
                          std::span<const double> values) {
  return view_of(std::move(name), DType::f64, std::move(shape), values);
}
NamedArray NamedArray::of(std::string name, std::vector<int64_t> shape,
                          std::span<const int64_t> values) {
  return view_of(std::move(name), DType::i64, std::move(shape), values);
}
NamedArray NamedArray::of(std::string name, std::vector<int64_t> shape,
                          std::span<const uint8_t> values) {
  return view_of(std::move(name), DType::u8, std::move(shape), values);
}

void read_float32(const NamedArray& array, const std::string& where, std::span<float> values) {
  check_count(array, where, values.size());
  switch (array.dtype) {
    case DType::f32:
      if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
      return;
    case DType::f16:
      return convert_all<uint16_t>(array, values, float_of_f16);
    case DType::bf16:
      return convert_all<uint16_t>(array, values, float_of_bf16);
    default:
      refuse_type(array, where, "f32, f16 or bf16");
  }
}

void read_float64(const NamedArray& array, const std::string& where, std::span<double> values) {
  check_count(array, where, values.size());
  const auto widen = [](float value) { return static_cast<double>(value); };
  switch (array.dtype) {
    case DType::f64:
      if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
      return;
    case DType::f32:
      return convert_all<float>(array, values, widen);
    case DType::f16:
      return convert_all<uint16_t>(array, values,
                                   [&](uint16_t bits) { return widen(float_of_f16(bits)); });
    case DType::bf16:
      return convert_all<uint16_t>(array, values,
                                   [&](uint16_t bits) { return widen(float_of_bf16(bits)); });
    default:
      refuse_type(array, where, "f64, f32, f16 or bf16");
  }
}

void read_int64(const NamedArray& array, const std::string& where, std::span<int64_t> values) {
  check_count(array, where, values.size());
  const auto widen = [](auto value) { return static_cast<int64_t>(value); };
  switch (array.dtype) {
    case DType::boolean:
    case DType::u8:
      return convert_all<uint8_t>(array, values, widen);
    case DType::i8:
      return convert_all<int8_t>(array, values, widen);
    case DType::i16:
      return convert_all<int16_t>(array, values, widen);
    case DType::u16:
      return convert_all<uint16_t>(array, values, widen);
    case DType::i32:
      return convert_all<int32_t>(array, values, widen);
    case DType::u32:
      return convert_all<uint32_t>(array, values, widen);
    case DType::i64:
      return convert_all<int64_t>(array, values, widen);
    default:
      refuse_type(array, where, "an integer type");
  }
}

}  // namespace swin::files
