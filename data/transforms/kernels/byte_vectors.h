// Vectors of bytes and integers, for files that are compiled once for each instruction set. A
// vector consists of blocks of 16 bytes; unless noted, operations work within each block, which is
// what AVX2 and AVX-512 have instructions for.
#pragma once
#include <cstdint>
#include <cstring>

#include "base/simd.h"

namespace swin::data::kernels::SWIN_ISA {

using Bytes = base::Vec<uint8_t>;
using Shorts = base::Vec<int16_t>;
using Ints = base::Vec<int32_t>;
using UnsignedInts = base::Vec<uint32_t>;
using Longs = base::Vec<int64_t>;
constexpr int64_t kBlockBytes = 16, kBlocks = base::kVectorBytes / kBlockBytes;

#if defined(__AVX512F__)
#define SWIN_X86(operation) _mm512_##operation
using Raw = __m512i;
#elif defined(__AVX2__)
#define SWIN_X86(operation) _mm256_##operation
using Raw = __m256i;
#elif defined(__x86_64__)
#define SWIN_X86(operation) _mm_##operation
using Raw = __m128i;
#endif

#ifdef SWIN_X86
/// a[2i] · b[2i] + a[2i + 1] · b[2i + 1].
SWIN_INLINE Ints multiply_pairs(Shorts a, Shorts b) {
  return (Ints)SWIN_X86(madd_epi16)((Raw)a, (Raw)b);
}
/// v[which[i]] where which[i] < 16; zero where it is 0x80.
SWIN_INLINE Bytes pick_bytes(Bytes v, Bytes which) {
  return (Bytes)SWIN_X86(shuffle_epi8)((Raw)v, (Raw)which);
}
/// In each block four values from each of a, b, c and d, limited to 0 … 255.
SWIN_INLINE Bytes pack_bytes(Ints a, Ints b, Ints c, Ints d) {
  return (Bytes)SWIN_X86(packus_epi16)(SWIN_X86(packs_epi32)((Raw)a, (Raw)b),
                                       SWIN_X86(packs_epi32)((Raw)c, (Raw)d));
}
#else
SWIN_INLINE Ints multiply_pairs(Shorts a, Shorts b) {
  const Ints x = (Ints)a, y = (Ints)b;
  return (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16);
}
SWIN_INLINE Bytes pick_bytes(Bytes v, Bytes which) {
  return __builtin_shuffle(v, which) & (Bytes)(which < 0x80);
}
SWIN_INLINE Bytes pack_bytes(Ints a, Ints b, Ints c, Ints d) {
  Bytes bytes;
  const Ints* all[] = {&a, &b, &c, &d};
  for (int i = 0; i < 16; ++i) {
    const int32_t value = (*all[i / 4])[i % 4];
    bytes[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
  return bytes;
}
#endif

/// The bytes of each block as integers, four per block and vector, as pack_bytes takes them.
SWIN_INLINE void widen(Bytes v, Ints (&to)[4]) {
  const auto lower = (Shorts)base::interleave_low<uint8_t>(v, Bytes{});
  const auto upper = (Shorts)base::interleave_high<uint8_t>(v, Bytes{});
  to[0] = (Ints)base::interleave_low<int16_t>(lower, Shorts{});
  to[1] = (Ints)base::interleave_high<int16_t>(lower, Shorts{});
  to[2] = (Ints)base::interleave_low<int16_t>(upper, Shorts{});
  to[3] = (Ints)base::interleave_high<int16_t>(upper, Shorts{});
}

/// The same 16 bytes in each block.
template <class T>
SWIN_INLINE base::Vec<T> repeat_block(const T* block) {
#if defined(__AVX512F__)
  __m128i one;
  std::memcpy(&one, block, sizeof one);
  return (base::Vec<T>)_mm512_maskz_broadcast_i32x4(0xFFFF, one);
#elif defined(__AVX2__)
  __m128i one;
  std::memcpy(&one, block, sizeof one);
  return (base::Vec<T>)_mm256_broadcastsi128_si256(one);
#else
  return base::load(block);
#endif
}

/// The first n < 64 (32, 16) bytes; the others are zero. Reads no more.
SWIN_INLINE Bytes load_first(const uint8_t* p, int64_t n) {
#if defined(__AVX512F__)
  return (Bytes)_mm512_maskz_loadu_epi8((uint64_t{1} << n) - 1, p);
#else
  Bytes v{};
  std::memcpy(&v, p, static_cast<size_t>(n));
  return v;
#endif
}

/// 16 bytes from each of the places, one per block.
SWIN_INLINE Bytes load_blocks(const uint8_t* const* places, int64_t offset) {
#if defined(__AVX2__)
  const auto block = [&](int64_t i) __attribute__((always_inline)) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(places[i] + offset));
  };
  const __m256i lower = _mm256_inserti128_si256(_mm256_castsi128_si256(block(0)), block(1), 1);
#if defined(__AVX512F__)
  const __m256i upper = _mm256_inserti128_si256(_mm256_castsi128_si256(block(2)), block(3), 1);
  return (Bytes)_mm512_maskz_inserti64x4(0xFF, _mm512_castsi256_si512(lower), upper, 1);
#else
  return (Bytes)lower;
#endif
#else
  return base::load(places[0] + offset);
#endif
}

}  // namespace swin::data::kernels::SWIN_ISA
