#include "data/transforms/kernels/resize.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/integer.h"
#include "base/math.h"

namespace swin::data::kernels::SWIN_ISA {
namespace {

using Byte16 = uint8_t __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));
using Int8 = int32_t __attribute__((vector_size(32)));
using Int16 = int32_t __attribute__((vector_size(64)));

constexpr int kFractionBits = 32 - 8 - 2;  // a byte times a coefficient above 1 still fits 31 bits
constexpr int32_t kHalf = 1 << (kFractionBits - 1);
constexpr int64_t kLanes = 16;

struct Filter {
  double support;
  double (*value)(double x);
};
constexpr Filter kFilters[] = {
    // In the order of Interpolation.
    {1, [](double x) { return std::fabs(x) < 1 ? 1 - std::fabs(x) : 0; }},
    {2,
     [](double x) {  // Keys 1981, a = −0.5
       constexpr double a = -0.5;
       x = std::fabs(x);
       if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
       return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
     }},
    {3,
     [](double x) {
       if (x < -3 || x >= 3) return 0.0;
       const auto sinc = [](double t) { return t == 0 ? 1 : base::sin_pi(t) / (M_PI * t); };
       return sinc(x) * sinc(x / 3);
     }},
};

struct Span {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

// One direction of a resize: `size` pixels become `new_size`, of which `wanted` are computed.
struct Axis {
  const int64_t size, new_size;
  const Span wanted;
  const Filter& filter;
  const bool changes = size != new_size;
  const double scale = static_cast<double>(size) / static_cast<double>(new_size);
  const double widening = scale < 1 ? 1 : scale, support = filter.support * widening;

  double center(int64_t position) const { return (static_cast<double>(position) + 0.5) * scale; }
  int64_t taps() const { return static_cast<int64_t>(std::ceil(support)) * 2 + 1; }

  // The source positions that a position of the result depends on: center ± support + 0.5,
  // truncated toward zero and clamped, as Pillow rounds.
  Span reach(int64_t position) const {
    return {std::max<int64_t>(0, static_cast<int64_t>(center(position) - support + 0.5)),
            std::min(size, static_cast<int64_t>(center(position) + support + 0.5))};
  }
  // The source positions that `wanted` depends on.
  Span needed() const {
    return changes ? Span{reach(wanted.begin).begin, reach(wanted.end - 1).end} : wanted;
  }
};

// Calls work(span) for pieces of `wanted`, so that weights take little memory on any axis. Images
// of usual sizes have one piece.
template <class Work>
void in_pieces(const Axis& axis, Work&& work) {
  constexpr int64_t kWeights = int64_t{1} << 21;
  const int64_t positions = std::max<int64_t>(1, kWeights / axis.taps());
  for (int64_t begin = axis.wanted.begin; begin < axis.wanted.end; begin += positions)
    work(Span{begin, std::min(begin + positions, axis.wanted.end)});
}

// For each position of a piece of the result: the first source position and `taps` fixed-point
// weights, of which those after the first `count` are zeros.
struct Weights {
  int64_t taps = 0;
  Span needed;
  std::vector<int64_t> first, count;
  std::vector<int32_t> values;  // (positions, taps)
};

Weights make_weights(const Axis& axis, Span positions) {
  Weights weights;
  weights.taps = axis.taps();
  weights.needed = {axis.reach(positions.begin).begin, axis.reach(positions.end - 1).end};
  weights.first.reserve(static_cast<size_t>(positions.size()));
  weights.count.reserve(static_cast<size_t>(positions.size()));
  weights.values.resize(static_cast<size_t>(positions.size() * weights.taps));
  std::vector<double> reals(static_cast<size_t>(weights.taps));
  const double narrowing = 1.0 / axis.widening;
  int32_t* values = weights.values.data();
  for (int64_t position = positions.begin; position < positions.end;
       ++position, values += weights.taps) {
    const double center = axis.center(position);
    const Span reach = axis.reach(position);
    double sum = 0;
    for (int64_t k = 0; k < reach.size(); ++k) {
      const double x = (static_cast<double>(k + reach.begin) - center + 0.5) * narrowing;
      reals[static_cast<size_t>(k)] = axis.filter.value(x);
      sum += reals[static_cast<size_t>(k)];
    }
    for (int64_t k = 0; k < reach.size(); ++k) {
      double value = reals[static_cast<size_t>(k)];
      if (sum != 0) value /= sum;
      value *= 1 << kFractionBits;
      values[k] = static_cast<int32_t>(value + (value < 0 ? -0.5 : 0.5));
    }
    weights.first.push_back(reach.begin);
    weights.count.push_back(reach.size());
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

// GCC 12 widens bytes in three steps although AVX-512 has one instruction. (The full mask avoids a
// false warning of an uninitialized register.)
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

// Computes some columns of the result; `from` points at column weights.needed.begin of the source.
// One vector covers kLanes / kStored pixels of kStored bytes each (color is widened to 4).
template <int64_t kChannels>
void make_columns(const uint8_t* from, int64_t from_row_bytes, int64_t height,
                  const Weights& weights, uint8_t* to, int64_t to_row_bytes) {
  constexpr int64_t kStored = kChannels == 3 ? 4 : 1;
  constexpr int64_t kPixels = kLanes / kStored;
  const auto positions = static_cast<int64_t>(weights.first.size());
  const int64_t vectors = base::divide_up(weights.taps, kPixels);
  // Each weight is repeated for every stored channel of its pixel; zeros pad the last vector.
  std::vector<Int16> wide(static_cast<size_t>(positions * vectors), Int16{});
  for (int64_t x = 0; x < positions; ++x) {
    for (int64_t k = 0; k < weights.count[static_cast<size_t>(x)]; ++k) {
      Int16& vector = wide[static_cast<size_t>(x * vectors + k / kPixels)];
      for (int64_t c = 0; c < kStored; ++c)
        vector[(k % kPixels) * kStored + c] =
            weights.values[static_cast<size_t>(x * weights.taps + k)];
    }
  }
  // A copy of the row, so that vectors may read past the end.
  const int64_t width = weights.needed.size();
  std::vector<uint8_t> row(static_cast<size_t>(width * kStored + (vectors + 1) * kLanes));
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* source = from + y * from_row_bytes;
    uint8_t* out = to + y * to_row_bytes;
    if constexpr (kChannels == 1) {
      std::memcpy(row.data(), source, static_cast<size_t>(width));
    } else {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c) row[static_cast<size_t>(x * 4 + c)] = source[x * 3 + c];
      }
    }
    for (int64_t x = 0; x < positions; ++x) {
      const uint8_t* pixels =
          row.data() + (weights.first[static_cast<size_t>(x)] - weights.needed.begin) * kStored;
      const Int16* factors = wide.data() + x * vectors;
      Int16 sums = {};
      for (int64_t v = 0; v < vectors; ++v) sums += load_bytes(pixels + v * kLanes) * factors[v];
      const Int8 eight = __builtin_shufflevector(sums, sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15);
      Int4 pixel = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                   __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
      if constexpr (kChannels == 1) {
        *out++ = to_byte(kHalf + pixel[0] + pixel[1] + pixel[2] + pixel[3]);
      } else {
        pixel = clamp_to_byte((pixel + kHalf) >> kFractionBits);
        for (int64_t c = 0; c < 3; ++c) *out++ = static_cast<uint8_t>(pixel[c]);
      }
    }
  }
}

// Computes the wanted columns of `height` rows; `from` points at column axis.needed().begin.
void horizontal(const uint8_t* from, int64_t from_row_bytes, int64_t height, int64_t channels,
                const Axis& axis, uint8_t* to) {
  const int64_t first = axis.needed().begin;
  in_pieces(axis, [&](Span piece) {
    const Weights weights = make_weights(axis, piece);
    (channels == 3 ? make_columns<3>
                   : make_columns<1>)(from + (weights.needed.begin - first) * channels,
                                      from_row_bytes, height, weights,
                                      to + (piece.begin - axis.wanted.begin) * channels,
                                      axis.wanted.size() * channels);
  });
}

// Computes some rows of the result; `from` points at row weights.needed.begin of the source. Rows
// are summed in blocks of bytes that stay in registers.
void make_rows(const uint8_t* from, int64_t from_row_bytes, int64_t row_bytes,
               const Weights& weights, uint8_t* to) {
  for (size_t y = 0; y < weights.first.size(); ++y) {
    const int64_t count = weights.count[y];
    const uint8_t* rows = from + (weights.first[y] - weights.needed.begin) * from_row_bytes;
    const int32_t* factors = weights.values.data() + static_cast<int64_t>(y) * weights.taps;
    uint8_t* out = to + static_cast<int64_t>(y) * row_bytes;
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

// Computes the wanted rows; `from` points at row axis.needed().begin.
void vertical(const uint8_t* from, int64_t from_row_bytes, int64_t row_bytes, const Axis& axis,
              uint8_t* to) {
  const int64_t first = axis.needed().begin;
  in_pieces(axis, [&](Span piece) {
    const Weights weights = make_weights(axis, piece);
    make_rows(from + (weights.needed.begin - first) * from_row_bytes, from_row_bytes, row_bytes,
              weights, to + (piece.begin - axis.wanted.begin) * row_bytes);
  });
}

}  // namespace

void resize_window(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                   int64_t new_height, int64_t new_width, const Window& window,
                   Interpolation interpolation, uint8_t* to, std::vector<uint8_t>& scratch,
                   int64_t row_bytes) {
  if (row_bytes == 0) row_bytes = width * channels;
  const Filter& filter = kFilters[static_cast<size_t>(interpolation)];
  const Axis down{height, new_height, {window.top, window.top + window.height}, filter};
  const Axis across{width, new_width, {window.left, window.left + window.width}, filter};
  const Span rows = down.needed(), columns = across.needed();
  from += rows.begin * row_bytes + columns.begin * channels;
  const int64_t to_row_bytes = window.width * channels;
  if (!down.changes && !across.changes) {
    for (int64_t y = 0; y < window.height; ++y)
      std::memcpy(to + y * to_row_bytes, from + y * row_bytes, static_cast<size_t>(to_row_bytes));
  } else if (!down.changes) {
    horizontal(from, row_bytes, window.height, channels, across, to);
  } else if (!across.changes) {
    vertical(from, row_bytes, to_row_bytes, down, to);
  } else if (height > new_height && height - new_height > 2 * (width - new_width)) {
    const int64_t between = columns.size() * channels;
    scratch.resize(static_cast<size_t>(window.height * between));
    vertical(from, row_bytes, between, down, scratch.data());
    horizontal(scratch.data(), between, window.height, channels, across, to);
  } else {
    scratch.resize(static_cast<size_t>(rows.size() * to_row_bytes));
    horizontal(from, row_bytes, rows.size(), channels, across, scratch.data());
    vertical(scratch.data(), to_row_bytes, to_row_bytes, down, to);
  }
}

}  // namespace swin::data::kernels::SWIN_ISA

namespace swin::data::kernels {
SWIN_KERNEL(resize_window)
}  // namespace swin::data::kernels
