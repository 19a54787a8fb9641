#include "autograd/kernels/rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/small_product.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels {
namespace {
int64_t block_of(int64_t dim) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, dim)); }
constexpr int kMaxRank = 8;
}  // namespace

void gather_rows(const real* x, Target y, const int32_t* index, int64_t batch, int64_t rows_in,
                 int64_t rows_out, int64_t dim) {
  if (!y) return;
  const int64_t block = block_of(dim), tiles = (rows_out + block - 1) / block;
  base::parallel_for(batch * tiles, [&](int64_t tile) {
    const int64_t b = tile / tiles, begin = tile % tiles * block,
                  end = std::min(rows_out, begin + block);
    for (int64_t r = begin; r < end; ++r) {
      real* to = y.data + (b * rows_out + r) * dim;
      if (index[r] < 0) {
        if (!y.add) std::fill_n(to, dim, real{0});
        continue;
      }
      const real* from = x + (b * rows_in + index[r]) * dim;
      if (y.add)
        for (int64_t j = 0; j < dim; ++j) to[j] += from[j];
      else
        std::memcpy(to, from, static_cast<size_t>(dim) * sizeof(real));
    }
  });
}

void take_rows_forward(const real* x, real* y, const int32_t* index, int64_t rows_out,
                       int64_t dim) {
  if (!y) return;
  const int64_t block = block_of(dim);
  base::parallel_for((rows_out + block - 1) / block, [&](int64_t tile) {
    const int64_t end = std::min(rows_out, (tile + 1) * block);
    for (int64_t r = tile * block; r < end; ++r)
      std::memcpy(y + r * dim, x + index[r] * dim, static_cast<size_t>(dim) * sizeof(real));
  });
}

void take_rows_backward(const real* dy, Target dx, const int32_t* index, int64_t rows_in,
                        int64_t rows_out, int64_t dim) {
  if (!dx) return;
  if (!dx.add) std::fill_n(dx.data, rows_in * dim, real{0});
  for (int64_t r = 0; r < rows_out; ++r)
    for (int64_t j = 0; j < dim; ++j) dx.data[index[r] * dim + j] += dy[r * dim + j];
}

void gather_patches(const real* x, real* patches, int64_t batch, int64_t height, int64_t width,
                    int64_t channels, int64_t patch) {
  if (!patches) return;
  const int64_t rows = height / patch, columns = width / patch, area = patch * patch,
                dim = channels * area;
  base::parallel_for(batch * rows, [&](int64_t tile) {
    const int64_t b = tile / rows, row = tile % rows;
    for (int64_t column = 0; column < columns; ++column) {
      real* to = patches + ((b * rows + row) * columns + column) * dim;
      for (int64_t dy = 0; dy < patch; ++dy)
        for (int64_t dx = 0; dx < patch; ++dx) {
          const real* from =
              x + ((b * height + row * patch + dy) * width + column * patch + dx) * channels;
          for (int64_t c = 0; c < channels; ++c) to[c * area + dy * patch + dx] = from[c];
        }
    }
  });
}

void scatter_patches(const real* dpatches, Target to, int64_t batch, int64_t height, int64_t width,
                     int64_t channels, int64_t patch) {
  if (!to) return;
  const int64_t rows = height / patch, columns = width / patch, area = patch * patch,
                dim = channels * area;
  base::parallel_for(batch * rows, [&](int64_t tile) {
    const int64_t b = tile / rows, row = tile % rows;
    for (int64_t column = 0; column < columns; ++column) {
      const real* from = dpatches + ((b * rows + row) * columns + column) * dim;
      for (int64_t dy = 0; dy < patch; ++dy)
        for (int64_t dx = 0; dx < patch; ++dx) {
          real* at =
              to.data + ((b * height + row * patch + dy) * width + column * patch + dx) * channels;
          for (int64_t c = 0; c < channels; ++c)
            at[c] = (to.add ? at[c] : 0) + from[c * area + dy * patch + dx];
        }
    }
  });
}

void transpose(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y) {
  if (!y) return;
  constexpr int64_t L = base::kLanes<real>;
  const int64_t whole_rows = rows / L * L, whole_columns = columns / L * L;
  base::parallel_for((columns + 63) / 64, [&](int64_t tile) {
    const int64_t begin = tile * 64, end = std::min(columns, begin + 64),
                  vectors_end = std::min(end, whole_columns);
    for (int64_t r = 0; r < whole_rows; r += L)
      for (int64_t c = begin; c < vectors_end; c += L)
        transpose_padded(x + r * ldx + c, ldx, L, L, y + c * rows + r, rows);
    for (int64_t c = begin; c < end; ++c)
      for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r)
        y[c * rows + r] = x[r * ldx + c];
  });
}

namespace {
// Calls f(row, first column, last column) for blocks that cover rows × columns, in parallel.
template <class F>
void for_blocks(int64_t rows, int64_t columns, F&& f) {
  constexpr int64_t kColumns = 16384;
  const int64_t block = block_of(columns), row_tiles = (rows + block - 1) / block;
  base::parallel_for(row_tiles * ((columns + kColumns - 1) / kColumns), [&](int64_t tile) {
    const int64_t first = tile / row_tiles * kColumns, last = std::min(columns, first + kColumns);
    const int64_t begin = tile % row_tiles * block, end = std::min(rows, begin + block);
    for (int64_t row = begin; row < end; ++row) f(row, first, last);
  });
}
}  // namespace

void copy_columns(const real* x, int64_t ldx, Target y, int64_t ldy, int64_t rows,
                  int64_t columns) {
  if (!y) return;
  for_blocks(rows, columns, [&](int64_t row, int64_t first, int64_t last) {
    const real* from = x + row * ldx;
    real* to = y.data + row * ldy;
    if (y.add)
      for (int64_t j = first; j < last; ++j) to[j] += from[j];
    else
      std::copy(from + first, from + last, to + first);
  });
}

void embed_columns(const real* x, Target y, int64_t ldy, int64_t first, int64_t rows,
                   int64_t columns) {
  if (!y) return;
  const auto clear = [&](int64_t begin, int64_t end) {
    for_blocks(rows, end - begin, [&](int64_t row, int64_t a, int64_t b) {
      std::fill(y.data + row * ldy + begin + a, y.data + row * ldy + begin + b, real{0});
    });
  };
  if (!y.add) {
    clear(0, first);
    clear(first + columns, ldy);
  }
  copy_columns(x, columns, {y.data + first, y.add}, ldy, rows, columns);
}

void replace_rows_forward(const real* x, const real* token, const real* mask, real* y, int64_t rows,
                          int64_t dim) {
  if (!y) return;
  for_blocks(rows, dim, [&](int64_t row, int64_t first, int64_t last) {
    const real m = mask[row];
    for (int64_t j = first; j < last; ++j)
      y[row * dim + j] = x[row * dim + j] * (1 - m) + token[j] * m;
  });
}

void replace_rows_backward(const real* dy, const real* mask, Target dx, Target dtoken, int64_t rows,
                           int64_t dim) {
  if (dx)
    for_blocks(rows, dim, [&](int64_t row, int64_t first, int64_t last) {
      real* to = dx.data + row * dim;
      for (int64_t j = first; j < last; ++j)
        to[j] = (dx.add ? to[j] : 0) + dy[row * dim + j] * (1 - mask[row]);
    });
  if (!dtoken) return;
  const int64_t length = rows_per_tile(rows, dim), slices = (rows + length - 1) / length;
  const base::Buffer memory = base::allocate(static_cast<size_t>(slices * dim) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_for(slices, [&](int64_t slice) {
    real* to = partials + slice * dim;
    std::fill_n(to, dim, real{0});
    const int64_t end = std::min(rows, (slice + 1) * length);
    for (int64_t row = slice * length; row < end; ++row)
      for (int64_t j = 0; j < dim; ++j) to[j] += dy[row * dim + j] * mask[row];
  });
  sum_partials(partials, slices, 1, dim, dtoken, dim);
}

void permute(const real* x, Target y, int rank, const int64_t* sides, const int* axes) {
  if (!y) return;
  std::array<int64_t, kMaxRank> strides{}, out_sides{}, out_strides{};
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = stride;
    stride *= sides[i];
  }
  for (int i = 0; i < rank; ++i) {
    out_sides[static_cast<size_t>(i)] = sides[axes[i]];
    out_strides[static_cast<size_t>(i)] = strides[static_cast<size_t>(axes[i])];
  }
  const int64_t inner = rank ? out_sides[static_cast<size_t>(rank - 1)] : 1;
  const int64_t inner_stride = rank ? out_strides[static_cast<size_t>(rank - 1)] : 1;
  const int64_t outer = inner ? stride / inner : 0, block = block_of(inner);
  base::parallel_for((outer + block - 1) / block, [&](int64_t tile) {
    const int64_t end = std::min(outer, (tile + 1) * block);
    for (int64_t row = tile * block; row < end; ++row) {
      int64_t rest = row, offset = 0;
      for (int i = rank - 2; i >= 0; --i) {
        offset += rest % out_sides[static_cast<size_t>(i)] * out_strides[static_cast<size_t>(i)];
        rest /= out_sides[static_cast<size_t>(i)];
      }
      real* to = y.data + row * inner;
      for (int64_t j = 0; j < inner; ++j)
        to[j] = (y.add ? to[j] : 0) + x[offset + j * inner_stride];
    }
  });
}

namespace {
// Calls f(i of x, i of b) for the rows `begin` … `end` of x, in order; a row is the last axis.
template <class F>
void walk_broadcast(int rank, const int64_t* sides, const int64_t* b_sides, int64_t begin,
                    int64_t end, F&& f) {
  std::array<int64_t, kMaxRank> strides{};
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = b_sides[i] == 1 ? 0 : stride;
    stride *= b_sides[i];
  }
  const int64_t inner = sides[rank - 1], inner_stride = strides[static_cast<size_t>(rank - 1)];
  for (int64_t row = begin; row < end; ++row) {
    int64_t rest = row, offset = 0;
    for (int i = rank - 2; i >= 0; --i) {
      offset += rest % sides[i] * strides[static_cast<size_t>(i)];
      rest /= sides[i];
    }
    for (int64_t j = 0; j < inner; ++j) f(row * inner + j, offset + j * inner_stride);
  }
}
}  // namespace

namespace {
// y[i] = f(i of y, i of b), in parallel.
template <class F>
void map_broadcast(real* y, int rank, const int64_t* sides, const int64_t* b_sides, F&& f) {
  if (!y) return;
  int64_t rows = 1;
  for (int i = 0; i < rank - 1; ++i) rows *= sides[i];
  const int64_t block = block_of(sides[rank - 1]);
  base::parallel_for((rows + block - 1) / block, [&](int64_t tile) {
    walk_broadcast(rank, sides, b_sides, tile * block, std::min(rows, (tile + 1) * block),
                   [&](int64_t i, int64_t j) { y[i] = f(i, j); });
  });
}
}  // namespace

void broadcast_add_forward(const real* x, const real* b, real* y, int rank, const int64_t* sides,
                           const int64_t* b_sides) {
  map_broadcast(y, rank, sides, b_sides, [=](int64_t i, int64_t j) { return x[i] + b[j]; });
}

void broadcast_forward(const real* b, real* y, int rank, const int64_t* sides,
                       const int64_t* b_sides) {
  map_broadcast(y, rank, sides, b_sides, [=](int64_t, int64_t j) { return b[j]; });
}

void broadcast_backward(const real* dy, Target db, int rank, const int64_t* sides,
                        const int64_t* b_sides) {
  if (!db) return;
  int64_t rows = 1, numel = 1;
  for (int i = 0; i < rank - 1; ++i) rows *= sides[i];
  for (int i = 0; i < rank; ++i) numel *= b_sides[i];
  if (!db.add) std::fill_n(db.data, numel, real{0});
  walk_broadcast(rank, sides, b_sides, 0, rows, [&](int64_t i, int64_t j) { db.data[j] += dy[i]; });
}

}  // namespace swin::autograd::kernels
