#include "data/kernels/resize.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/math.h"

namespace swin::data::kernels {
namespace {

using Byte16 = uint8_t __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));
using Int8 = int32_t __attribute__((vector_size(32)));
using Int16 = int32_t __attribute__((vector_size(64)));

constexpr int kFractionBits = 32 - 8 - 2;  // a byte times a coefficient above 1 still fits 31 bits
constexpr int32_t kHalf = 1 << (kFractionBits - 1);
constexpr int64_t kLanes = 16;

double filter_support(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::bilinear:
      return 1;
    case Interpolation::bicubic:
      return 2;
    case Interpolation::lanczos:
      return 3;
  }
  return 0;
}

double filter_value(Interpolation interpolation, double x) {
  switch (interpolation) {
    case Interpolation::bilinear: {
      x = std::fabs(x);
      return x < 1 ? 1 - x : 0;
    }
    case Interpolation::bicubic: {  // Keys 1981, a = −0.5
      constexpr double a = -0.5;
      x = std::fabs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
    case Interpolation::lanczos: {
      if (x < -3 || x >= 3) return 0;
      const auto sinc = [](double t) { return t == 0 ? 1 : base::sin_pi(t) / (M_PI * t); };
      return sinc(x) * sinc(x / 3);
    }
  }
  return 0;
}

// For each output place: the first input place and `taps` fixed-point weights, zeros behind
// `count`.
struct Weights {
  int64_t taps = 0;
  std::vector<int64_t> first, count;
  std::vector<int32_t> values;  // (places, taps)
};

Weights make_weights(int64_t size, int64_t new_size, Interpolation interpolation) {
  const double scale = static_cast<double>(size) / static_cast<double>(new_size);
  const double widening = scale < 1 ? 1 : scale;
  const double support = filter_support(interpolation) * widening;
  Weights weights;
  weights.taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  weights.first.resize(static_cast<size_t>(new_size));
  weights.count.resize(static_cast<size_t>(new_size));
  weights.values.resize(static_cast<size_t>(new_size * weights.taps));
  std::vector<double> reals(static_cast<size_t>(weights.taps));
  const double narrowing = 1.0 / widening;
  for (int64_t place = 0; place < new_size; ++place) {
    const double center = (static_cast<double>(place) + 0.5) * scale;
    // Truncation toward zero of center ± support + 0.5, then clamped: Pillow's own rounding.
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const int64_t end = std::min(size, static_cast<int64_t>(center + support + 0.5));
    double sum = 0;
    for (int64_t k = 0; k < end - first; ++k) {
      const double x = (static_cast<double>(k + first) - center + 0.5) * narrowing;
      reals[static_cast<size_t>(k)] = filter_value(interpolation, x);
      sum += reals[static_cast<size_t>(k)];
    }
    int32_t* values = weights.values.data() + place * weights.taps;
    for (int64_t k = 0; k < end - first; ++k) {
      double value = reals[static_cast<size_t>(k)];
      if (sum != 0) value /= sum;
      value *= 1 << kFractionBits;
      values[k] = static_cast<int32_t>(value + (value < 0 ? -0.5 : 0.5));
    }
    weights.first[static_cast<size_t>(place)] = first;
    weights.count[static_cast<size_t>(place)] = end - first;
  }
  return weights;
}

uint8_t to_byte(int32_t sum) {
  const int32_t value = sum >> kFractionBits;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

template <class Vector>
Vector clamp_to_byte(Vector values) {
  values = values < 0 ? Vector{} : values;
  return values > 255 ? Vector{} + 255 : values;
}

// GCC 12 widens bytes in three steps where the machine has one instruction for it. (The full mask
// spares a false warning of an uninitialised register.)
Int16 load_bytes(const uint8_t* from) {
  Byte16 bytes;
  std::memcpy(&bytes, from, sizeof bytes);
#ifdef __AVX512F__
  return reinterpret_cast<Int16>(
      _mm512_maskz_cvtepu8_epi32(0xFFFF, reinterpret_cast<__m128i>(bytes)));
#else
  return __builtin_convertvector(bytes, Int16);
#endif
}

// One vector covers kLanes / kChannels input pixels, of kStored bytes each (colour is widened to
// 4).
template <int64_t kChannels>
void horizontal(const uint8_t* from, int64_t from_row_bytes, int64_t height, int64_t width,
                int64_t new_width, const Weights& weights, uint8_t* to) {
  constexpr int64_t kStored = kChannels == 3 ? 4 : 1;
  constexpr int64_t kPixels = kLanes / kStored;
  const int64_t vectors = (weights.taps + kPixels - 1) / kPixels;
  // Each weight stands once for every stored channel of its pixel; zeros fill up the last vector.
  std::vector<Int16> wide(static_cast<size_t>(new_width * vectors), Int16{});
  for (int64_t x = 0; x < new_width; ++x) {
    for (int64_t k = 0; k < weights.count[static_cast<size_t>(x)]; ++k) {
      Int16& vector = wide[static_cast<size_t>(x * vectors + k / kPixels)];
      for (int64_t c = 0; c < kStored; ++c) {
        vector[(k % kPixels) * kStored + c] =
            weights.values[static_cast<size_t>(x * weights.taps + k)];
      }
    }
  }
  // A copy of the row, so that vectors may read past its end.
  std::vector<uint8_t> row(static_cast<size_t>(width * kStored + (vectors + 1) * kLanes));
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* source = from + y * from_row_bytes;
    if constexpr (kChannels == 1) {
      std::memcpy(row.data(), source, static_cast<size_t>(width));
    } else {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c) row[static_cast<size_t>(x * 4 + c)] = source[x * 3 + c];
      }
    }
    for (int64_t x = 0; x < new_width; ++x) {
      const uint8_t* pixels = row.data() + weights.first[static_cast<size_t>(x)] * kStored;
      const Int16* factors = wide.data() + x * vectors;
      Int16 sums = {};
      for (int64_t v = 0; v < vectors; ++v) sums += load_bytes(pixels + v * kLanes) * factors[v];
      const Int8 eight = __builtin_shufflevector(sums, sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15);
      Int4 pixel = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                   __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
      if constexpr (kChannels == 1) {
        *to++ = to_byte(kHalf + pixel[0] + pixel[1] + pixel[2] + pixel[3]);
      } else {
        pixel = clamp_to_byte((pixel + kHalf) >> kFractionBits);
        for (int64_t c = 0; c < 3; ++c) *to++ = static_cast<uint8_t>(pixel[c]);
      }
    }
  }
}

// Rows are added up in blocks of bytes that stay in registers.
void vertical(const uint8_t* from, int64_t from_row_bytes, int64_t row_bytes, int64_t new_height,
              const Weights& weights, uint8_t* to) {
  for (int64_t y = 0; y < new_height; ++y) {
    const int64_t count = weights.count[static_cast<size_t>(y)];
    const uint8_t* rows = from + weights.first[static_cast<size_t>(y)] * from_row_bytes;
    const int32_t* factors = weights.values.data() + y * weights.taps;
    uint8_t* out = to + y * row_bytes;
    int64_t x = 0;
    for (; x + 2 * kLanes <= row_bytes; x += 2 * kLanes) {
      Int16 low = Int16{} + kHalf, high = low;
      for (int64_t k = 0; k < count; ++k) {
        const uint8_t* pixels = rows + k * from_row_bytes + x;
        low += load_bytes(pixels) * factors[k];
        high += load_bytes(pixels + kLanes) * factors[k];
      }
      for (Int16* sums : {&low, &high}) {
        const Int16 values = clamp_to_byte(*sums >> kFractionBits);
        const Byte16 bytes = __builtin_convertvector(values, Byte16);
        std::memcpy(out + x + (sums == &low ? 0 : kLanes), &bytes, sizeof bytes);
      }
    }
    for (; x < row_bytes; ++x) {
      int32_t sum = kHalf;
      for (int64_t k = 0; k < count; ++k) sum += rows[k * from_row_bytes + x] * factors[k];
      out[x] = to_byte(sum);
    }
  }
}

}  // namespace

void resize(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
            int64_t new_height, int64_t new_width, Interpolation interpolation, uint8_t* to,
            std::vector<uint8_t>& scratch, int64_t row_bytes) {
  if (row_bytes == 0) row_bytes = width * channels;
  const bool across = new_width != width, down = new_height != height;
  const uint8_t* rows = from;
  if (across) {
    uint8_t* narrowed = to;
    if (down) {
      scratch.resize(static_cast<size_t>(height * new_width * channels));
      narrowed = scratch.data();
    }
    const Weights weights = make_weights(width, new_width, interpolation);
    (channels == 3 ? horizontal<3> : horizontal<1>)(from, row_bytes, height, width, new_width,
                                                    weights, narrowed);
    rows = narrowed;
    row_bytes = new_width * channels;
  }
  if (down) {
    const Weights weights = make_weights(height, new_height, interpolation);
    vertical(rows, row_bytes, new_width * channels, new_height, weights, to);
  } else if (!across) {
    for (int64_t y = 0; y < height; ++y)
      std::memcpy(to + y * width * channels, from + y * row_bytes,
                  static_cast<size_t>(width * channels));
  }
}

}  // namespace swin::data::kernels
