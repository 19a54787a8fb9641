#include "data/transforms/kernels/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/transforms/kernels/byte_vectors.h"

namespace swin::data::kernels::SWIN_ISA {

void look_up(uint8_t* pixels, int64_t count, int64_t channels, const ByteTable* tables) {
  if (channels == 1) {
    for (int64_t i = 0; i < count; ++i) pixels[i] = tables[0][pixels[i]];
    return;
  }
  for (int64_t i = 0; i < count; i += 3)
    for (int64_t c = 0; c < 3; ++c) pixels[i + c] = tables[c][pixels[i + c]];
}

std::array<int64_t, 256> histogram(const uint8_t* from, int64_t count, int64_t channels,
                                   int64_t channel) {
  std::array<int64_t, 256> counts = {};
  for (int64_t i = 0; i < count; ++i) ++counts[from[i * channels + channel]];
  return counts;
}

void blend(const uint8_t* from, float factor, uint8_t* to, int64_t count) {
  using Floats = base::Vec<float>;
  int64_t i = 0;
  for (; i + base::kVectorBytes <= count; i += base::kVectorBytes) {
    Ints first[4], second[4];
    widen(base::load(from + i), first);
    widen(base::load(to + i), second);
    for (int k = 0; k < 4; ++k) {
      const Floats a = __builtin_convertvector(first[k], Floats);
      const Floats b = __builtin_convertvector(second[k], Floats);
      const Floats value = base::max(a + factor * (b - a), Floats{});
      first[k] = __builtin_convertvector(base::min(value, base::broadcast(255.f)), Ints);
    }
    base::store(to + i, pack_bytes(first[0], first[1], first[2], first[3]));
  }
  for (; i < count; ++i) {
    const float first = static_cast<float>(from[i]);
    const float value = first + factor * (static_cast<float>(to[i]) - first);
    to[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

void smooth(const uint8_t* from, int64_t height, int64_t width, int64_t channels, uint8_t* to) {
  const int64_t stride = width * channels;
  std::memcpy(to, from, static_cast<size_t>(height * stride));
  if (height < 3 || width < 3) return;
  for (int64_t y = 1; y + 1 < height; ++y) {
    const uint8_t* above = from + (y - 1) * stride;
    const uint8_t* row = above + stride;
    const uint8_t* below = row + stride;
    uint8_t* out = to + y * stride;
    const int64_t c = channels;
    for (int64_t x = c; x < stride - c; ++x) {
      const int32_t sum = above[x - c] + above[x] + above[x + c] + row[x - c] + 5 * row[x] +
                          row[x + c] + below[x - c] + below[x] + below[x + c];
      out[x] = static_cast<uint8_t>((2 * sum + 13) / 26);  // 13 is odd, so halves never occur
    }
  }
}

namespace {

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(value <= 0 ? 0 : value >= 255 ? 255 : value);
}

int64_t floor_of(double value) { return static_cast<int64_t>(std::floor(value)); }

/// Keys' cubic with a = −1 through four values, at the fraction d between the second and the third.
double cubic(double v1, double v2, double v3, double v4, double d) {
  const double linear = -v1 + v3;
  const double square = 2 * (v1 - v2) + v3 - v4;
  const double cube = -v1 + v2 - v3 + v4;
  return v2 + d * (linear + d * (square + d * cube));
}

struct Source {
  const uint8_t* pixels;
  int64_t height, width, channels;
  const uint8_t* row(int64_t y) const { return pixels + y * width * channels; }
  bool has_row(int64_t y) const { return y >= 0 && y < height; }
  int64_t column(int64_t x) const { return std::clamp<int64_t>(x, 0, width - 1) * channels; }
};

void sample_bilinear(const Source& from, double x, double y, uint8_t* out) {
  const int64_t left = floor_of(x), top = floor_of(y);
  const double dx = x - static_cast<double>(left), dy = y - static_cast<double>(top);
  const int64_t x0 = from.column(left), x1 = from.column(left + 1);
  const uint8_t* first = from.row(std::clamp<int64_t>(top, 0, from.height - 1));
  const uint8_t* second = from.has_row(top + 1) ? from.row(top + 1) : nullptr;
  const auto mix = [](double a, double b, double d) { return a + (b - a) * d; };
  for (int64_t c = 0; c < from.channels; ++c) {
    const double v1 = mix(first[x0 + c], first[x1 + c], dx);
    const double v2 = second ? mix(second[x0 + c], second[x1 + c], dx) : v1;
    out[c] = static_cast<uint8_t>(mix(v1, v2, dy));
  }
}

void sample_bicubic(const Source& from, double x, double y, uint8_t* out) {
  const int64_t left = floor_of(x), top = floor_of(y);
  const double dx = x - static_cast<double>(left), dy = y - static_cast<double>(top);
  int64_t columns[4];
  for (int64_t k = 0; k < 4; ++k) columns[k] = from.column(left - 1 + k);
  for (int64_t c = 0; c < from.channels; ++c) {
    // Rows beyond the image repeat the value of the last one.
    double values[4];
    for (int64_t k = 0; k < 4; ++k) {
      const int64_t wanted = top - 1 + k;
      if (k > 0 && !from.has_row(wanted)) {
        values[k] = values[k - 1];
        continue;
      }
      const uint8_t* row = from.row(std::clamp<int64_t>(wanted, 0, from.height - 1)) + c;
      values[k] = cubic(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]], dx);
    }
    out[c] = to_byte(cubic(values[0], values[1], values[2], values[3], dy));
  }
}

// Coordinates with 16 fractional bits, as in Pillow for nearest.
void affine_nearest(const Source& from, const std::array<double, 6>& matrix, uint8_t* to) {
  const auto fixed = [](double value) { return floor_of(value * 65536.0 + 0.5); };
  const auto& [a, b, c, d, e, f] = matrix;
  const int64_t x_by_x = fixed(a), x_by_y = fixed(b), y_by_x = fixed(d), y_by_y = fixed(e);
  int64_t row_x = fixed(c + a * 0.5 + b * 0.5), row_y = fixed(f + d * 0.5 + e * 0.5);
  for (int64_t y = 0; y < from.height; ++y, row_x += x_by_y, row_y += y_by_y) {
    int64_t source_x = row_x, source_y = row_y;
    for (int64_t x = 0; x < from.width; ++x, to += from.channels) {
      const int64_t column = source_x >> 16, line = source_y >> 16;
      if (column >= 0 && column < from.width && from.has_row(line))
        std::memcpy(to, from.row(line) + column * from.channels,
                    static_cast<size_t>(from.channels));
      source_x += x_by_x;
      source_y += y_by_x;
    }
  }
}

}  // namespace

void affine(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
            const std::array<double, 6>& matrix, Sampling sampling, const uint8_t* fill,
            uint8_t* to) {
  const int64_t count = height * width;
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * channels, fill, static_cast<size_t>(channels));
  const Source source{from, height, width, channels};
  if (sampling == Sampling::nearest) return affine_nearest(source, matrix, to);
  const auto& [a, b, c, d, e, f] = matrix;
  for (int64_t y = 0; y < height; ++y) {
    const double center_y = static_cast<double>(y) + 0.5;
    for (int64_t x = 0; x < width; ++x, to += channels) {
      const double center_x = static_cast<double>(x) + 0.5;
      const double from_x = a * center_x + b * center_y + c;
      const double from_y = d * center_x + e * center_y + f;
      if (!(from_x >= 0 && from_x < static_cast<double>(width) && from_y >= 0 &&
            from_y < static_cast<double>(height)))
        continue;
      (sampling == Sampling::bilinear ? sample_bilinear : sample_bicubic)(source, from_x - 0.5,
                                                                          from_y - 0.5, to);
    }
  }
}

void shift_hue(uint8_t* pixels, int64_t count, uint8_t shift) {
  for (int64_t i = 0; i < count; ++i, pixels += 3) {
    const int red = pixels[0], green = pixels[1], blue = pixels[2];
    const int most = std::max({red, green, blue}), least = std::min({red, green, blue});
    int hue = 0, saturation = 0;
    if (most != least) {
      const float range = static_cast<float>(most - least);
      const float r = static_cast<float>(most - red) / range;
      const float g = static_cast<float>(most - green) / range;
      const float b = static_cast<float>(most - blue) / range;
      double h = red == most     ? static_cast<double>(b - g)
                 : green == most ? 2.0 + static_cast<double>(r) - static_cast<double>(b)
                                 : 4.0 + static_cast<double>(g) - static_cast<double>(r);
      h = static_cast<double>(static_cast<float>(h)) / 6.0 + 1.0;
      h = static_cast<double>(static_cast<float>(h >= 1 ? h - 1 : h));
      hue = static_cast<int>(h * 255.0);
      saturation = static_cast<int>(static_cast<double>(range / static_cast<float>(most)) * 255.0);
    }
    hue = (hue + shift) & 255;
    if (saturation == 0) {
      pixels[0] = pixels[1] = pixels[2] = static_cast<uint8_t>(most);
      continue;
    }
    const double position = static_cast<double>(static_cast<float>(hue)) * 6.0 / 255.0;
    const int sector = static_cast<int>(position);
    const float rest = static_cast<float>(position - static_cast<double>(sector));
    const float part = static_cast<float>(static_cast<double>(saturation) / 255.0);
    const double value = most;
    const auto rounded = [&](double share) {
      return static_cast<uint8_t>(
          std::clamp(static_cast<float>(std::floor(value * share + 0.5)), 0.0f, 255.0f));
    };
    const uint8_t p = rounded(1.0 - static_cast<double>(part));
    const uint8_t q = rounded(1.0 - static_cast<double>(part * rest));
    const uint8_t t = rounded(1.0 - static_cast<double>(part) * (1.0 - static_cast<double>(rest)));
    const uint8_t v = static_cast<uint8_t>(most);
    const uint8_t sectors[6][3] = {{v, t, p}, {q, v, p}, {p, v, t},
                                   {p, q, v}, {t, p, v}, {v, p, q}};
    std::copy_n(sectors[sector % 6], 3, pixels);
  }
}

namespace {

constexpr int32_t kHues = 180, kFraction = 12;  // steps of the circle; bits of the quotients

// round(value · 2^kFraction / (times · i)), halves to even; 0 for i = 0.
struct Quotients {
  int32_t of[256];
  constexpr Quotients(int32_t value, int32_t times) : of{} {
    for (int32_t i = 1; i < 256; ++i) {
      const int32_t above = value << kFraction, below = times * i, down = above / below;
      const int32_t twice = 2 * (above % below);
      of[i] = down + (twice > below || (twice == below && down % 2 == 1) ? 1 : 0);
    }
  }
};
constexpr Quotients kSaturations(255, 1), kHueSteps(kHues, 6);

int32_t quotient(int32_t value, int32_t factor) {
  return (value * factor + (1 << (kFraction - 1))) >> kFraction;
}

}  // namespace

void change_hsv(uint8_t* pixels, int64_t count, float saturation, int32_t steps) {
  constexpr int64_t kBlock = 128;  // pixels, by loops over values that become vectors
  int32_t most[kBlock], range[kBlock], hue[kBlock];
  float position[kBlock], s[kBlock], v[kBlock];
  const auto limited = [](float k) { return k < 0 ? 0.0f : k > 1 ? 1.0f : k; };
  for (int64_t first = 0; first < count; first += kBlock, pixels += 3 * kBlock) {
    const int64_t size = std::min(kBlock, count - first);
    for (int64_t i = 0; i < size; ++i) {
      const int32_t r = pixels[3 * i], g = pixels[3 * i + 1], b = pixels[3 * i + 2];
      most[i] = std::max(r, std::max(g, b));
      range[i] = most[i] - std::min(r, std::min(g, b));
      const int32_t of_blue = r - g + 4 * range[i], of_green = b - r + 2 * range[i];
      const int32_t not_red = most[i] == g ? of_green : of_blue;
      hue[i] = most[i] == r ? g - b : not_red;
    }
    for (int64_t i = 0; i < size; ++i) {
      const int32_t turned = quotient(hue[i], kHueSteps.of[range[i]]) + steps + 2 * kHues;
      position[i] = static_cast<float>(turned % kHues) * (6.0f / static_cast<float>(kHues));
      const float scaled =
          static_cast<float>(quotient(range[i], kSaturations.of[most[i]])) * saturation;
      const auto kept = static_cast<int32_t>(scaled > 255 ? 255.0f : scaled);
      s[i] = static_cast<float>(kept) * (1.0f / 255.0f);
      v[i] = static_cast<float>(most[i]) * (1.0f / 255.0f);
    }
    // A channel is v (1 − s k): k is 0 in the two of six sectors where it is the largest, 1 where
    // it is the smallest, and changes linearly between them.
    for (int64_t i = 0; i < size; ++i) {
      const float p = position[i];
      const float rise = p - 1, fall = 1 - (p - 4), before = 1 - p, after = p - 3;
      const float down = 1 - (p - 2), up = p - 5;
      const float k[3] = {limited(rise < fall ? rise : fall),
                          limited(before > after ? before : after), limited(down > up ? down : up)};
      for (int64_t c = 0; c < 3; ++c)
        pixels[3 * i + c] =
            static_cast<uint8_t>(std::nearbyint(v[i] * (1.0f - s[i] * k[c]) * 255.0f));
    }
  }
}

}  // namespace swin::data::kernels::SWIN_ISA

namespace swin::data::kernels {
SWIN_KERNEL(look_up)
SWIN_KERNEL(histogram)
SWIN_KERNEL(blend)
SWIN_KERNEL(smooth)
SWIN_KERNEL(affine)
SWIN_KERNEL(shift_hue)
SWIN_KERNEL(change_hsv)
}  // namespace swin::data::kernels
