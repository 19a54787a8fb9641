#include "data/transforms/kernels/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "base/integer.h"
#include "base/math.h"
#include "data/transforms/kernels/byte_vectors.h"

namespace swin::data::kernels::SWIN_ISA {
namespace {

constexpr int kFractionBits = 32 - 8 - 2;  // a byte times a coefficient above 1 still fits 31 bits
constexpr int32_t kHalf = 1 << (kFractionBits - 1);

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

// Weights in two halves of 16 bits, because the products that instructions sum in pairs are those
// of 16 bits: weight = high · 2¹² + low. The results are those of whole weights, because sums
// modulo 2³² are exact in any order and the whole sum of a byte has less than 31 bits. A position
// has `steps` of kTaps weights each, two to an int32; zeros pad the last.
struct SplitWeights {
  int64_t steps = 0;
  std::vector<int32_t> high, low;
};
constexpr int kLowBits = 12;

template <int64_t kTaps>
SplitWeights split(const Weights& weights) {
  SplitWeights halves;
  const size_t positions = weights.first.size();
  halves.steps =
      base::divide_up(*std::max_element(weights.count.begin(), weights.count.end()), kTaps);
  const auto pairs = static_cast<size_t>(halves.steps * kTaps / 2);
  halves.high.resize(positions * pairs);
  halves.low.resize(positions * pairs);
  for (size_t position = 0; position < positions; ++position) {
    const int32_t* values = weights.values.data() + position * static_cast<size_t>(weights.taps);
    for (size_t k = 0; k < static_cast<size_t>(weights.count[position]); ++k) {
      const auto whole = static_cast<uint32_t>(values[k]);
      const uint32_t high = static_cast<uint32_t>(values[k] >> kLowBits) & 0xFFFF;
      const uint32_t low = whole & ((1u << kLowBits) - 1);
      const size_t pair = position * pairs + k / 2;
      halves.high[pair] |= static_cast<int32_t>(high << (k % 2 * 16));
      halves.low[pair] |= static_cast<int32_t>(low << (k % 2 * 16));
    }
  }
  return halves;
}

// The sums of the products with both halves, modulo 2³².
struct Sums {
  UnsignedInts high{}, low{};
  SWIN_INLINE void add(Bytes pixels, Ints high_weights, Ints low_weights) {
    high += (UnsignedInts)multiply_pairs((Shorts)pixels, (Shorts)high_weights);
    low += (UnsignedInts)multiply_pairs((Shorts)pixels, (Shorts)low_weights);
  }
  SWIN_INLINE UnsignedInts whole() const { return (high << kLowBits) + low; }
};

SWIN_INLINE Ints rounded(UnsignedInts sums) { return (Ints)(sums + kHalf) >> kFractionBits; }

// How a row is multiplied by weights along it: 16 bytes in two steps, each of which puts the bytes
// that are summed next to each other and widens them to 16 bits (0x80 gives a zero).
template <int64_t kChannels>
struct Columns;
template <>
struct Columns<3> {  // four pixels, two per step
  static constexpr int64_t kTaps = 2;
  static constexpr uint8_t _ = 0x80;
  static constexpr uint8_t kPicks[2][16] = {{0, _, 3, _, 1, _, 4, _, 2, _, 5, _, _, _, _, _},
                                            {6, _, 9, _, 7, _, 10, _, 8, _, 11, _, _, _, _, _}};
  static constexpr uint8_t kResults[16] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, _, _, _, _};
  SWIN_INLINE static Ints weights(const int32_t* step) { return base::broadcast(*step); }
  // Each block has a pixel in three lanes.
  SWIN_INLINE static Bytes bytes(UnsignedInts a, UnsignedInts b, UnsignedInts c, UnsignedInts d) {
    return pick_bytes(pack_bytes(rounded(a), rounded(b), rounded(c), rounded(d)),
                      repeat_block(kResults));
  }
};
template <>
struct Columns<1> {  // sixteen pixels, eight per step
  static constexpr int64_t kTaps = 8;
  static constexpr uint8_t _ = 0x80;
  static constexpr uint8_t kPicks[2][16] = {{0, _, 1, _, 2, _, 3, _, 4, _, 5, _, 6, _, 7, _},
                                            {8, _, 9, _, 10, _, 11, _, 12, _, 13, _, 14, _, 15, _}};
  SWIN_INLINE static Ints weights(const int32_t* step) { return repeat_block(step); }
  // The sum of the four lanes of each block is a pixel.
  SWIN_INLINE static Bytes bytes(UnsignedInts a, UnsignedInts b, UnsignedInts c, UnsignedInts d) {
    const auto ab =
        (Longs)(base::interleave_low<uint32_t>(a, b) + base::interleave_high<uint32_t>(a, b));
    const auto cd =
        (Longs)(base::interleave_low<uint32_t>(c, d) + base::interleave_high<uint32_t>(c, d));
    const Ints sums = rounded((UnsignedInts)base::interleave_low<int64_t>(ab, cd) +
                              (UnsignedInts)base::interleave_high<int64_t>(ab, cd));
    return pack_bytes(sums, sums, sums, sums);
  }
};

// Computes some columns of the result, one row per block of a vector; `from` points at column
// weights.needed.begin of the source.
// @tparam kSteps halves.steps; 0: any number.
template <int64_t kChannels, int64_t kSteps>
void make_columns(const uint8_t* from, int64_t from_row_bytes, int64_t height,
                  const Weights& weights, const SplitWeights& halves, uint8_t* to,
                  int64_t to_row_bytes) {
  using Layout = Columns<kChannels>;
  constexpr int64_t kStepBytes = Layout::kTaps * kChannels, kPairs = Layout::kTaps / 2;
  constexpr int64_t kTogether = 4;  // positions
  const Bytes first_pick = repeat_block(Layout::kPicks[0]);
  const Bytes second_pick = repeat_block(Layout::kPicks[1]);
  const int64_t steps = kSteps > 0 ? kSteps : halves.steps;
  const auto positions = static_cast<int64_t>(weights.first.size());
  std::vector<int64_t> begins(weights.first);  // in bytes
  for (int64_t& begin : begins) begin = (begin - weights.needed.begin) * kChannels;

  // The last positions would read bytes right of the row, so they read a copy of its end instead.
  const int64_t row_bytes = weights.needed.size() * kChannels;
  const int64_t read_bytes = (steps - 1) / 2 * 2 * kStepBytes + kBlockBytes;
  const int64_t inside =
      std::upper_bound(begins.begin(), begins.end(), row_bytes - read_bytes) - begins.begin();
  const int64_t direct = inside == positions ? positions : inside / kTogether * kTogether;
  const int64_t end_begin = direct < positions ? begins[static_cast<size_t>(direct)] : row_bytes;
  const int64_t end_bytes = begins.back() + read_bytes - end_begin;
  std::vector<uint8_t> ends(static_cast<size_t>(direct < positions ? kBlocks * end_bytes : 0));

  const uint8_t* rows[kBlocks];
  uint8_t* out[kBlocks];
  // The sums at a position; rows begin at byte `skipped`.
  const auto sum_at = [&](int64_t position, int64_t skipped) __attribute__((always_inline)) {
    position = std::min(position, positions - 1);
    const int32_t* high = halves.high.data() + position * steps * kPairs;
    const int32_t* low = halves.low.data() + position * steps * kPairs;
    const int64_t begin = begins[static_cast<size_t>(position)] - skipped;
    Sums sums;
    for (int64_t k = 0; k < steps; k += 2) {
      const Bytes pixels = load_blocks(rows, begin + k * kStepBytes);
      sums.add(pick_bytes(pixels, first_pick), Layout::weights(high + k * kPairs),
               Layout::weights(low + k * kPairs));
      if (k + 1 == steps) break;
      sums.add(pick_bytes(pixels, second_pick), Layout::weights(high + (k + 1) * kPairs),
               Layout::weights(low + (k + 1) * kPairs));
    }
    return sums.whole();
  };
  const auto make = [&](int64_t begin, int64_t end, int64_t skipped)
      __attribute__((always_inline)) {
    for (int64_t x = begin; x < end; x += kTogether) {
      // Each position has its own sums, which stay in registers.
      const Bytes pixels = Layout::bytes(sum_at(x, skipped), sum_at(x + 1, skipped),
                                         sum_at(x + 2, skipped), sum_at(x + 3, skipped));
      uint8_t bytes[base::kVectorBytes];
      base::store(bytes, pixels);
      for (int64_t i = 0; i < kBlocks; ++i) {
        uint8_t* target = out[i] + x * kChannels;
        if (x + kTogether <= end)
          std::memcpy(target, bytes + kBlockBytes * i, kTogether * kChannels);
        else
          std::memcpy(target, bytes + kBlockBytes * i, static_cast<size_t>((end - x) * kChannels));
      }
    }
  };
  for (int64_t y = 0; y < height; y += kBlocks) {
    for (int64_t i = 0; i < kBlocks; ++i) {
      const int64_t at = std::min(y + i, height - 1);  // the last row may be made repeatedly
      rows[i] = from + at * from_row_bytes;
      out[i] = to + at * to_row_bytes;
    }
    make(0, direct, 0);
    if (direct == positions) continue;
    for (int64_t i = 0; i < kBlocks; ++i) {
      uint8_t* copy = ends.data() + i * end_bytes;
      std::memcpy(copy, rows[i] + end_begin, static_cast<size_t>(row_bytes - end_begin));
      rows[i] = copy;
    }
    make(direct, positions, end_begin);
  }
}

// Computes the wanted columns of `height` rows; `from` points at column axis.needed().begin.
template <int64_t kChannels>
void horizontal(const uint8_t* from, int64_t from_row_bytes, int64_t height, const Axis& axis,
                uint8_t* to) {
  const int64_t first = axis.needed().begin;
  in_pieces(axis, [&](Span piece) {
    const Weights weights = make_weights(axis, piece);
    const SplitWeights halves = split<Columns<kChannels>::kTaps>(weights);
    // A fixed number of steps saves a tenth of the time (a fifth of gray).
    using Make = decltype(make_columns<kChannels, 0>);
    static constexpr Make* kMakers[] = {make_columns<kChannels, 0>, make_columns<kChannels, 1>,
                                        make_columns<kChannels, 2>, make_columns<kChannels, 3>,
                                        make_columns<kChannels, 4>, make_columns<kChannels, 5>,
                                        make_columns<kChannels, 6>};
    const bool fixed = halves.steps < static_cast<int64_t>(std::size(kMakers));
    kMakers[fixed ? halves.steps : 0](
        from + (weights.needed.begin - first) * kChannels, from_row_bytes, height, weights, halves,
        to + (piece.begin - axis.wanted.begin) * kChannels, axis.wanted.size() * kChannels);
  });
}

// Computes some rows of the result; `from` points at row weights.needed.begin of the source. Bytes
// of two rows alternate, so that their products are summed in pairs.
// @param load_row reads a vector of a row.
template <class Load>
SWIN_INLINE Bytes make_row_vector(const uint8_t* rows, int64_t row_bytes, int64_t count,
                                  const int32_t* high, const int32_t* low, Load load_row) {
  Sums sums[4];
  for (int64_t k = 0; k < count; k += 2, rows += 2 * row_bytes) {
    const Bytes a = load_row(rows), b = k + 1 < count ? load_row(rows + row_bytes) : Bytes{};
    const Bytes lower = base::interleave_low<uint8_t>(a, b),
                upper = base::interleave_high<uint8_t>(a, b);
    const Ints h = base::broadcast(high[k / 2]), l = base::broadcast(low[k / 2]);
    sums[0].add(base::interleave_low<uint8_t>(lower, Bytes{}), h, l);
    sums[1].add(base::interleave_high<uint8_t>(lower, Bytes{}), h, l);
    sums[2].add(base::interleave_low<uint8_t>(upper, Bytes{}), h, l);
    sums[3].add(base::interleave_high<uint8_t>(upper, Bytes{}), h, l);
  }
  return pack_bytes(rounded(sums[0].whole()), rounded(sums[1].whole()), rounded(sums[2].whole()),
                    rounded(sums[3].whole()));
}

void make_rows(const uint8_t* from, int64_t from_row_bytes, int64_t row_bytes,
               const Weights& weights, uint8_t* to) {
  constexpr int64_t kBytes = base::kVectorBytes;
  const SplitWeights halves = split<2>(weights);
  for (size_t y = 0; y < weights.first.size(); ++y, to += row_bytes) {
    const uint8_t* rows = from + (weights.first[y] - weights.needed.begin) * from_row_bytes;
    const int32_t* high = halves.high.data() + static_cast<int64_t>(y) * halves.steps;
    const int32_t* low = halves.low.data() + static_cast<int64_t>(y) * halves.steps;
    if (row_bytes < kBytes) {
      const auto load_row = [&](const uint8_t* row) __attribute__((always_inline)) {
        return load_first(row, row_bytes);
      };
      const Bytes bytes =
          make_row_vector(rows, from_row_bytes, weights.count[y], high, low, load_row);
      std::memcpy(to, &bytes, static_cast<size_t>(row_bytes));
    }
    // The last vector overlaps the one before it.
    for (int64_t x = 0; x < row_bytes && row_bytes >= kBytes; x += kBytes) {
      const int64_t at = std::min(x, row_bytes - kBytes);
      base::store(to + at, make_row_vector(rows + at, from_row_bytes, weights.count[y], high, low,
                                           base::load<uint8_t>));
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
  const auto across_rows = channels == 3 ? horizontal<3> : horizontal<1>;
  if (!down.changes && !across.changes) {
    for (int64_t y = 0; y < window.height; ++y)
      std::memcpy(to + y * to_row_bytes, from + y * row_bytes, static_cast<size_t>(to_row_bytes));
  } else if (!down.changes) {
    across_rows(from, row_bytes, window.height, across, to);
  } else if (!across.changes) {
    vertical(from, row_bytes, to_row_bytes, down, to);
  } else if (height > new_height && height - new_height > 2 * (width - new_width)) {
    const int64_t between = columns.size() * channels;
    scratch.resize(static_cast<size_t>(window.height * between));
    vertical(from, row_bytes, between, down, scratch.data());
    across_rows(scratch.data(), between, window.height, across, to);
  } else {
    scratch.resize(static_cast<size_t>(rows.size() * to_row_bytes));
    across_rows(from, row_bytes, rows.size(), across, scratch.data());
    vertical(scratch.data(), to_row_bytes, to_row_bytes, down, to);
  }
}

}  // namespace swin::data::kernels::SWIN_ISA

namespace swin::data::kernels {
SWIN_KERNEL(resize_window)
}  // namespace swin::data::kernels
