#include "autograd/kernels/convolution.h"

#include <algorithm>
#include <vector>

#include "autograd/kernels/gemm.h"
#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/ragged.h"
#include "autograd/kernels/small_product.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using Vector = base::Vec<real>;
constexpr int64_t L = base::kLanes<real>;
constexpr int64_t kStrip = kTileVectors * L;

base::Buffer memory_of(int64_t numel) {
  return base::allocate(static_cast<size_t>(numel) * sizeof(real));
}
real* data_of(const base::Buffer& memory) { return static_cast<real*>(memory.data()); }

// The pixels of a grid (batch, height, width) and a map; pixel (b, i, j) belongs to pixel
// (b, i · step + y, j · step + x) of the map, for a tap at (y, x).
template <class T>
struct Lattice {
  int64_t height, width, step;
  T* map;
  int64_t map_height, map_width, channels;

  // Where the map's pixels begin for pixels [first, last) of the grid, in order; `outside` for
  // those that are not in the map.
  void find(int64_t first, int64_t last, int64_t y, int64_t x, T* outside, T** to) const {
    for (int64_t pixel = first; pixel < last;) {
      const int64_t line = pixel / width, column = pixel % width;
      const int64_t count = std::min(last - pixel, width - column);
      const int64_t row = line % height * step + y;
      if (row < 0 || row >= map_height) {
        std::fill_n(to, count, outside);
      } else {
        T* const from = map + (line / height * map_height + row) * map_width * channels;
        for (int64_t n = 0; n < count; ++n) {
          const int64_t at = (column + n) * step + x;
          to[n] = at >= 0 && at < map_width ? from + at * channels : outside;
        }
      }
      pixel += count;
      to += count;
    }
  }
};

// The lattice from y to x.
template <class T>
Lattice<T> lattice_to_x(const Convolution& c, T* x) {
  return {c.out_height, c.out_width, c.stride, x, c.height, c.width, c.channels};
}

struct Tap {
  int64_t y, x;
  const real* packed;  // its B
};

// to (rows, n) = bias + Σ over taps of from (rows, k) · B (k, n), for all pixels of a grid.
void multiply_taps(const Lattice<const real>& from, const std::vector<Tap>& taps, int64_t rows,
                   const Lattice<real>& to, int64_t to_y, int64_t to_x, bool add,
                   const real* bias) {
  const int64_t k = from.channels, n = to.channels, count = static_cast<int64_t>(taps.size());
  if (rows == 0) return;
  const base::Buffer zeros = memory_of(k);
  std::fill_n(data_of(zeros), k, real{0});
  const PackedGrid grid = packed_grid(rows, n);
  base::parallel_for(grid.row_tiles * grid.column_tiles, [&](int64_t tile) {
    const int64_t row = tile / grid.column_tiles * grid.tile_rows;
    const int64_t m = std::min(grid.tile_rows, rows - row);
    const int64_t column = tile % grid.column_tiles * grid.tile_strips * kStrip;
    std::vector<const real*> pixels(static_cast<size_t>(count * m)), packed;
    std::vector<real*> results(static_cast<size_t>(m));
    for (const Tap& tap : taps) {
      from.find(row, row + m, tap.y, tap.x, data_of(zeros),
                pixels.data() + static_cast<int64_t>(packed.size()) * m);
      packed.push_back(tap.packed + column * k);
    }
    to.find(row, row + m, to_y, to_x, nullptr, results.data());
    for (real*& result : results) result += column;
    gathered_product({.rows = pixels.data(),
                      .taps = count,
                      .m = m,
                      .n = std::min(grid.tile_strips * kStrip, n - column),
                      .k = k,
                      .packed = packed.data(),
                      .to = results.data(),
                      .add = add,
                      .bias = bias ? bias + column : nullptr});
  });
}

// What no tap reaches.
void fill(int64_t rows, const Lattice<real>& to, int64_t to_y, int64_t to_x, const real* bias) {
  constexpr int64_t kRows = 256;
  base::parallel_ranges(rows, kRows, [&](int64_t begin, int64_t end) {
    real* results[kRows];
    to.find(begin, end, to_y, to_x, nullptr, results);
    for (int64_t i = 0; i < end - begin; ++i) {
      if (bias)
        std::copy_n(bias, to.channels, results[i]);
      else
        std::fill_n(results[i], to.channels, real{0});
    }
  });
}

// dweight is cut into blocks of channels and columns (output channels), and the pixels into slices,
// whose sums are added in order where the blocks alone are few.
struct WeightGrid {
  static constexpr int64_t kChunk = 256;  // pixels whose part of dy is packed at a time
  int64_t taps, pixels, block_channels, channel_blocks, block_strips, column_blocks, slices,
      slice_pixels;

  explicit WeightGrid(const Convolution& c)
      : taps(c.taps()), pixels(c.batch * c.out_height * c.out_width) {
    constexpr int64_t kMostSums = 576, kMostStrips = 192 / kStrip, kTasks = 16, kLeastPixels = 1024,
                      kMostPartials = 1 << 21;
    channel_blocks = base::divide_up(c.channels * taps, kMostSums);
    block_channels = base::round_up(base::divide_up(c.channels, channel_blocks), 8);
    channel_blocks = base::divide_up(c.channels, block_channels);
    const int64_t strips = base::divide_up(c.out_channels, kStrip);
    block_strips = base::divide_up(strips, base::divide_up(strips, kMostStrips));
    column_blocks = base::divide_up(strips, block_strips);
    slices =
        std::max<int64_t>(1, std::min({base::divide_up(kTasks, blocks()), pixels / kLeastPixels,
                                       kMostPartials / (taps * c.channels * c.out_channels)}));
    slice_pixels = base::round_up(base::divide_up(pixels, slices), kChunk);
    slices = std::max<int64_t>(1, base::divide_up(pixels, std::max<int64_t>(1, slice_pixels)));
  }
  int64_t blocks() const { return channel_blocks * column_blocks; }
  int64_t columns() const { return block_strips * kStrip; }
  // Of the sums of one block, (block_channels, taps, columns).
  int64_t block_numel() const { return block_channels * taps * columns(); }
  // Channels that are written to dweight together.
  int64_t written_channels() const { return base::round_up(base::divide_up(72, taps), 8); }
};

// Pixels ahead whose channels are fetched: they are a pixel apart, which the processor does not
// foresee (91 against 129 GFLOP/s for 64 channels at stride 2).
constexpr int64_t kAhead = 32;

// c (MR, VN vectors) = [c +] Σ over pixels of MR channels from `channel` on · columns from `column`
// on of the packed rows. The table of pixels has kAhead entries more.
template <int MR, int VN>
void outer_products(const real* const* pixels, int64_t channel, int64_t count, const real* packed,
                    int64_t column, real* c, int64_t ldc, bool add) {
  Vector sum[MR][VN];
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) sum[i][v] = add ? base::load(c + i * ldc + v * L) : Vector{};
  // As in gathered_tile.
  const int64_t inside = column % kStrip;
  const int64_t step = VN == 2 && inside + L == kStrip ? count * kStrip - inside : L;
  const real* b = packed + (column - inside) * count + inside;
#pragma GCC unroll 2
  for (int64_t l = 0; l < count; ++l) {
    const real* a = pixels[l] + channel;
    __builtin_prefetch(pixels[l + kAhead] + channel);
    add_outer_product<MR, VN>(
        sum, b + l * kStrip, [=](int i) __attribute__((always_inline)) { return a[i]; },
        VN == 2 && kTileVectors > 2 ? step : L);
  }
  for (int i = 0; i < MR; ++i)
    for (int v = 0; v < VN; ++v) base::store(c + i * ldc + v * L, sum[i][v]);
}

// The sums of one block over the pixels of one slice.
void sum_block(const real* dy, const real* x, const real* zeros, const Convolution& c,
               const WeightGrid& grid, int64_t block, int64_t slice, real* sums) {
  const int64_t first_channel = block / grid.column_blocks * grid.block_channels,
                channels = std::min(grid.block_channels, c.channels - first_channel);
  const int64_t first_column = block % grid.column_blocks * grid.columns(),
                columns = std::min(grid.columns(), c.out_channels - first_column);
  const int64_t begin = slice * grid.slice_pixels,
                end = std::min(grid.pixels, begin + grid.slice_pixels);
  if (begin >= end) std::fill_n(sums, grid.block_numel(), real{0});
  const Lattice<const real> to_x = lattice_to_x(c, x);
  const base::Buffer memory = memory_of(WeightGrid::kChunk * grid.columns());
  real* const packed = data_of(memory);
  std::vector<const real*> pixels(static_cast<size_t>(grid.taps * WeightGrid::kChunk + kAhead),
                                  zeros);
  for (int64_t first = begin; first < end; first += WeightGrid::kChunk) {
    const int64_t count = std::min(WeightGrid::kChunk, end - first);
    for (int64_t tap = 0; tap < grid.taps; ++tap)
      to_x.find(first, first + count, tap / c.side - c.padding, tap % c.side - c.padding, zeros,
                pixels.data() + tap * count);
    pack_strips(dy + first * c.out_channels + first_column, c.out_channels, false, columns, count,
                0, base::divide_up(columns, kStrip), packed);
    for_column_tiles(columns, [&](auto vectors, int64_t column) {
      for_row_tiles(channels, [&](auto height, int64_t channel) {
        for (int64_t tap = 0; tap < grid.taps; ++tap) {
          const real* const* rows = pixels.data() + tap * count;
          real* to = sums + (channel * grid.taps + tap) * grid.columns() + column;
          outer_products<height(), decltype(vectors)::value>(
              rows, first_channel + channel, count, packed, column, to, grid.taps * grid.columns(),
              first > begin);
        }
      });
    });
  }
}

// Adds the slices of some channels of a block in order, and writes them to dweight. `sums` are the
// block's of the first slice, the next ones follow slice_stride apart.
void write_block(real* sums, int64_t slice_stride, const Convolution& c, const WeightGrid& grid,
                 int64_t block, int64_t begin, int64_t end, GradientTarget dweight) {
  const int64_t first_channel = block / grid.column_blocks * grid.block_channels;
  const int64_t first_column = block % grid.column_blocks * grid.columns(),
                columns = std::min(grid.columns(), c.out_channels - first_column);
  const int64_t padded = base::round_to_lanes<real>(grid.written_channels() * grid.taps);
  const base::Buffer memory = memory_of(base::round_to_lanes<real>(columns) * padded);
  real* const transposed = data_of(memory);
  for (int64_t first = begin; first < end; first += grid.written_channels()) {
    const int64_t rows = std::min(grid.written_channels(), end - first) * grid.taps;
    real* const from = sums + first * grid.taps * grid.columns();
    for (int64_t row = 0; grid.slices > 1 && row < rows; ++row)
      for (int64_t j = 0; j < columns; j += L) {
        real* at = from + row * grid.columns() + j;
        Vector total = base::load(at);
        for (int64_t slice = 1; slice < grid.slices; ++slice)
          total += base::load(at + slice * slice_stride);
        base::store(at, total);
      }
    transpose_padded(from, grid.columns(), rows, base::round_to_lanes<real>(columns), transposed,
                     padded);
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t o = first_column + j;
      real* to = dweight.data + (o * c.channels + first_channel + first) * grid.taps;
      for (int64_t row = 0; row < rows; ++row)
        to[row] = (dweight.add ? to[row] : 0) + transposed[j * padded + row];
    }
  }
}

}  // namespace

int64_t convolution_packed_numel(const Convolution& c, Direction direction) {
  const bool forward = direction == Direction::forward;
  return c.taps() * base::round_up(forward ? c.out_channels : c.channels, kStrip) *
         (forward ? c.channels : c.out_channels);
}

void pack_convolution(const real* weight, const Convolution& c, Direction direction, real* packed) {
  if (!packed) return;
  const bool forward = direction == Direction::forward;
  const int64_t taps = c.taps(), n = forward ? c.out_channels : c.channels,
                k = forward ? c.channels : c.out_channels;
  const int64_t b_numel = base::round_up(n, kStrip) * k;
  // The weight is (out_channels, channels · taps). Forward, its transpose has the rows of all B in
  // turns. Backward, the transpose of each output channel (channels, taps) has one row of each.
  const int64_t rows = forward ? 16 : 1;  // of each B at a time
  constexpr int64_t kRows = 128;          // and in a tile
  const int64_t parts = base::divide_up(k, kRows);
  const int64_t stride = forward ? c.channels * taps : taps;
  base::parallel_for(base::divide_up(n, kStrip) * parts, [&](int64_t tile) {
    const int64_t column = tile / parts * kStrip, columns = std::min(kStrip, n - column);
    const int64_t begin = tile % parts * kRows, end = std::min(k, begin + kRows);
    const base::Buffer memory = memory_of(rows * taps * kStrip);
    const real* const lines = data_of(memory);
    for (int64_t first = begin; first < end; first += rows) {
      const int64_t count = std::min(rows, end - first);
      const real* from = weight + column * stride + first * (forward ? taps : c.channels * taps);
      pack_strips(from, stride, true, columns, count * taps, 0, 1, data_of(memory));
      real* to = packed + column * k + first * kStrip;
      for (int64_t l = 0; l < count; ++l)
        for (int64_t tap = 0; tap < taps; ++tap)
          for (int64_t j = 0; j < kStrip; j += L)
            base::store(to + tap * b_numel + l * kStrip + j,
                        base::load(lines + (l * taps + tap) * kStrip + j));
    }
  });
}

void convolution_forward(const real* x, const real* packed, const real* bias, GradientTarget y,
                         const Convolution& c) {
  if (!y) return;
  const int64_t b_numel = convolution_packed_numel(c, Direction::forward) / c.taps();
  std::vector<Tap> taps;
  for (int64_t u = 0; u < c.side; ++u)
    for (int64_t v = 0; v < c.side; ++v)
      taps.push_back(
          {u - c.padding, v - c.padding, packed + static_cast<int64_t>(taps.size()) * b_numel});
  const Lattice<real> to = {c.out_height, c.out_width,   1, y.data, c.out_height,
                            c.out_width,  c.out_channels};
  multiply_taps(lattice_to_x(c, x), taps, c.batch * c.out_height * c.out_width, to, 0, 0, y.add,
                bias);
}

void convolution_backward_input(const real* dy, const real* packed, const real* bias,
                                GradientTarget dx, const Convolution& c) {
  if (!dx) return;
  const int64_t b_numel = convolution_packed_numel(c, Direction::backward) / c.taps();
  // The pixels of dx that are a stride apart have the same taps; dy's pixels are one apart for
  // them.
  for (int64_t y = 0; y < std::min(c.stride, c.height); ++y)
    for (int64_t x = 0; x < std::min(c.stride, c.width); ++x) {
      std::vector<Tap> taps;
      for (int64_t u = (y + c.padding) % c.stride; u < c.side; u += c.stride)
        for (int64_t v = (x + c.padding) % c.stride; v < c.side; v += c.stride)
          taps.push_back({(y + c.padding - u) / c.stride, (x + c.padding - v) / c.stride,
                          packed + (u * c.side + v) * b_numel});
      const int64_t height = base::divide_up(c.height - y, c.stride),
                    width = base::divide_up(c.width - x, c.stride), rows = c.batch * height * width;
      const Lattice<real> to = {height, width, c.stride, dx.data, c.height, c.width, c.channels};
      if (!taps.empty())
        multiply_taps({height, width, 1, dy, c.out_height, c.out_width, c.out_channels}, taps, rows,
                      to, y, x, dx.add, bias);
      else if (!dx.add)
        fill(rows, to, y, x, bias);
    }
}

void convolution_backward_weight(const real* dy, const real* x, GradientTarget dweight,
                                 const Convolution& c) {
  if (!dweight) return;
  const WeightGrid grid(c);
  const base::Buffer zeros = memory_of(c.channels);
  std::fill_n(data_of(zeros), c.channels, real{0});
  if (grid.slices == 1) {
    base::parallel_for(grid.blocks(), [&](int64_t block) {
      const base::Buffer sums = memory_of(grid.block_numel());
      sum_block(dy, x, data_of(zeros), c, grid, block, 0, data_of(sums));
      const int64_t first = block / grid.column_blocks * grid.block_channels;
      write_block(data_of(sums), 0, c, grid, block, 0,
                  std::min(grid.block_channels, c.channels - first), dweight);
    });
    return;
  }
  const int64_t slice_stride = grid.blocks() * grid.block_numel();
  const base::Buffer memory = memory_of(grid.slices * slice_stride);
  real* const sums = data_of(memory);
  base::parallel_for(grid.slices * grid.blocks(), [&](int64_t task) {
    sum_block(dy, x, data_of(zeros), c, grid, task % grid.blocks(), task / grid.blocks(),
              sums + task * grid.block_numel());
  });
  const int64_t together = grid.written_channels();
  const int64_t parts = base::divide_up(grid.block_channels, together);
  base::parallel_for(grid.blocks() * parts, [&](int64_t task) {
    const int64_t block = task / parts, begin = task % parts * together;
    const int64_t first = block / grid.column_blocks * grid.block_channels;
    write_block(sums + block * grid.block_numel(), slice_stride, c, grid, block, begin,
                std::min({begin + together, grid.block_channels, c.channels - first}), dweight);
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(convolution_packed_numel)
SWIN_KERNEL(pack_convolution)
SWIN_KERNEL(convolution_forward)
SWIN_KERNEL(convolution_backward_input)
SWIN_KERNEL(convolution_backward_weight)
}  // namespace swin::autograd::kernels
