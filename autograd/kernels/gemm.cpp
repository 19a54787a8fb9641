#include "autograd/kernels/gemm.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <vector>

#include "autograd/kernels/columns.h"
#include "autograd/kernels/gemm_libraries.h"
#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/reduce.h"
#include "base/errors.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "base/stopwatch.h"

namespace swin::autograd::kernels {
namespace {

// Compares a product of odd sizes with plain loops, for every combination of transposes.
bool agrees_with_plain_loops(const std::function<void(const GemmArguments&)>& multiply) {
  const int64_t m = 19, n = 37, k = 23;
  std::vector<real> a(static_cast<size_t>(m * k)), b(static_cast<size_t>(k * n)),
      c(static_cast<size_t>(m * n));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<real>(static_cast<int>(i * 7 % 11) - 5);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<real>(static_cast<int>(i * 5 % 13) - 6);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      std::fill(c.begin(), c.end(), real{1});
      multiply(
          contiguous(a.data(), Transpose{ta}, b.data(), Transpose{tb}, {c.data(), true}, m, n, k));
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          real expected = 1;  // small integers: exact in any order
          for (int64_t l = 0; l < k; ++l)
            expected += a[static_cast<size_t>(ta ? l * m + i : i * k + l)] *
                        b[static_cast<size_t>(tb ? j * k + l : l * n + j)];
          if (c[static_cast<size_t>(i * n + j)] != expected) return false;
        }
    }
  return true;
}

GemmLibrary checked(GemmLibrary library, void (*multiply)(const GemmArguments&)) {
  library.correct = agrees_with_plain_loops(multiply);
  return library;
}

}  // namespace

const GemmLibrary& openblas_library() {
  static const GemmLibrary library = checked(openblas_setup(), openblas_gemm);
  return library;
}

const GemmLibrary& onednn_library() {
  static const GemmLibrary library = checked(onednn_setup(), onednn_sgemm);
  return library;
}

namespace {

enum class Library { onednn, openblas };

// One call of a library; of the other one if that is not correct, and of OpenBLAS for double.
void library_product(Library library, const GemmArguments& p) {
  static const bool has_onednn = onednn_library().correct && sizeof(real) == 4;
  static const bool has_openblas = openblas_library().correct;
  if (has_onednn && (library == Library::onednn || !has_openblas))
    onednn_sgemm(p);
  else if (has_openblas)
    openblas_gemm(p);
  else
    throw base::InternalError("gemm",
                              "found no library with correct products, expected OpenBLAS or oneDNN",
                              "reinstall libopenblas-openmp-dev and libdnnl-dev");
  if (p.bias) add_bias(p.c.data, p.ldc, p.bias, p.m, p.n);
}

// Enough tiles to balance a few cores, but large enough to be worth a call each.
constexpr int64_t kWantedTiles = 16, kTileRows = 256;

// Who computes what, for each instruction set: made from measurements (docs/performance.md). Shape
// and set alone decide, so that a forward has the same bits with and without a recording.
struct GemmTable {
  /// The engine's own kernel serves products with a plain (a transposed) B, from kLeastRows rows
  /// on.
  bool own_for_plain_b, own_for_transposed_b;
  /// It serves weight gradients (a transposed A and a plain B).
  bool own_weight_gradients;
  /// Else: those that are not cut along the tokens. oneDNN serves all that is left.
  Library uncut_weight_gradients;
};
constexpr GemmTable kTables[] = {{false, false, false, Library::onednn},
                                 {true, true, false, Library::openblas},
                                 {true, true, true, Library::onednn}};
static_assert(std::size(kTables) >= base::kIsas);
const GemmTable& table() { return kTables[static_cast<size_t>(base::isa())]; }

// Packing B costs as much as some tens of rows; with a packed B at hand a few rows suffice.
constexpr int64_t kLeastRows = 4;

}  // namespace

bool takes_packed(const GemmArguments& p) {
  const bool own =
      p.transpose_b == Transpose::yes ? table().own_for_transposed_b : table().own_for_plain_b;
  return own && p.transpose_a == Transpose::no && p.m >= kLeastRows && p.n >= strip_columns() &&
         p.k > 0 && !(p.c.add && p.bias);
}

namespace {

// Whether the engine's own kernel computes a weight gradient (transposed_product).
bool takes_transposed(const GemmArguments& p) {
  return table().own_weight_gradients && p.transpose_a == Transpose::yes &&
         p.transpose_b == Transpose::no && !p.bias;
}

void packed_gemm(const GemmArguments& p, TileEpilogue epilogue) {
  const int64_t strip = strip_columns();
  base::Buffer memory;
  const real* packed = p.packed_b;
  if (!packed) {
    memory = base::allocate(static_cast<size_t>(packed_numel(p)) * sizeof(real));
    pack_b(p, static_cast<real*>(memory.data()));
    packed = static_cast<const real*>(memory.data());
  }
  const PackedGrid grid = packed_grid(p.m, p.n);
  base::parallel_for(grid.row_tiles * grid.column_tiles, [&](int64_t tile) {
    const int64_t row = tile / grid.column_tiles * grid.tile_rows;
    const int64_t column = tile % grid.column_tiles * grid.tile_strips * strip;
    const int64_t rows = std::min(grid.tile_rows, p.m - row),
                  columns = std::min(grid.tile_strips * strip, p.n - column);
    packed_product({.a = p.a + row * p.lda,
                    .lda = p.lda,
                    .packed = packed + column * p.k,
                    .m = rows,
                    .n = columns,
                    .k = p.k,
                    .c = p.c.data + row * p.ldc + column,
                    .ldc = p.ldc,
                    .add = p.c.add,
                    .bias = p.bias ? p.bias + column : nullptr});
    epilogue(row, rows, column, columns);
  });
}

}  // namespace

PackedGrid packed_grid(int64_t m, int64_t n) {
  PackedGrid grid{};
  const int64_t strips = base::divide_up(n, strip_columns());
  const int64_t wanted_rows = base::divide_up(m, kTileRows);
  grid.tile_rows = base::round_up(base::divide_up(m, wanted_rows), 24);
  grid.row_tiles = base::divide_up(m, grid.tile_rows);
  grid.tile_strips =
      base::divide_up(strips, std::min(strips, base::divide_up(kWantedTiles, wanted_rows)));
  grid.column_tiles = base::divide_up(strips, grid.tile_strips);
  return grid;
}

namespace {
constexpr int64_t kSmallWeight = 160 * 1024;  // elements
// Weight gradients that are cut along their sums.
bool sliced_by_tokens(const GemmArguments& p) { return p.m * p.n <= kSmallWeight && p.k >= 2048; }
}  // namespace

bool takes_panels(int64_t rows, int64_t in, int64_t out) {
  // With fewer rows the sums of the groups weigh more than what panels spare.
  return in > 0 && out > 0 && in * out <= kSmallWeight && rows >= 4096;
}

GemmGrid transposed_grid(const GemmArguments& p) {
  constexpr int64_t kStrip = 48;
  GemmGrid grid{p.m, p.n, 1};
  // Small results are cut along the sum: their operands are then packed once.
  if (sliced_by_tokens(p)) {
    grid.slices = std::clamp<int64_t>(p.k / 1024, 2, kWantedTiles);
    return grid;
  }
  // Of all grids with the wanted tiles the one whose tiles are nearest to squares, which pack
  // least.
  double least = std::numeric_limits<double>::infinity();
  for (int64_t row_tiles = 1; row_tiles <= kWantedTiles; row_tiles *= 2) {
    const auto cut = [](int64_t size, int64_t tiles) {
      return base::round_up(base::divide_up(size, tiles), kStrip);
    };
    const int64_t rows = cut(p.m, row_tiles), columns = cut(p.n, kWantedTiles / row_tiles);
    const double packed = 1 / static_cast<double>(rows) + 1 / static_cast<double>(columns);
    if (packed < least) grid = {rows, columns, 1}, least = packed;
  }
  return grid;
}

void pack_b(const GemmArguments& p, real* packed) {
  const int64_t strips = base::divide_up(p.n, strip_columns());
  base::parallel_for(strips, [&](int64_t s) {
    pack_strips(p.b, p.ldb, p.transpose_b == Transpose::yes, p.n, p.k, s, s + 1, packed);
  });
}

int64_t packed_numel(const GemmArguments& p) { return base::round_up(p.n, strip_columns()) * p.k; }

void gemm_tile(const GemmArguments& p) {
  if (p.c) library_product(Library::onednn, p);
}

GemmGrid gemm_grid(const GemmArguments& p) {
  GemmGrid grid{p.m, p.n, 1};
  if (p.transpose_a == Transpose::yes) {
    // A weight gradient: K is the number of tokens. Small results are cut along K, large ones along
    // M and N.
    if (sliced_by_tokens(p)) grid.slices = std::clamp<int64_t>(p.k / 1024, 2, 16);
    const int64_t wanted = base::divide_up(kWantedTiles, grid.slices);
    grid.tile_rows = std::max<int64_t>(96, base::round_up(base::divide_up(p.m, wanted), 48));
    const int64_t row_tiles = base::divide_up(p.m, grid.tile_rows);
    if (row_tiles < wanted)
      grid.tile_columns = std::max<int64_t>(
          384, base::round_up(base::divide_up(p.n, base::divide_up(wanted, row_tiles)), 48));
    return grid;
  }
  const int64_t row_tiles = base::divide_up(p.m, kTileRows);
  grid.tile_rows = base::round_up(base::divide_up(p.m, row_tiles), 8);
  if (row_tiles < kWantedTiles && p.n >= 192) {
    const int64_t column_tiles = base::divide_up(kWantedTiles, row_tiles);
    grid.tile_columns =
        std::max<int64_t>(192, base::round_up(base::divide_up(p.n, column_tiles), 48));
  }
  return grid;
}

namespace {
// The sum of no products, as of the gradient of a weight that no row used. The libraries differ in
// whether they write it.
void empty_sum(const GemmArguments& p) {
  for (int64_t i = 0; i < p.m && !p.c.add; ++i) std::fill_n(p.c.data + i * p.ldc, p.n, real{0});
  if (p.bias) add_bias(p.c.data, p.ldc, p.bias, p.m, p.n);
}

// Calls body(tile of the product, k0, index of its slice) for the tiles of a grid, in parallel, and
// adds the slices up in order.
template <class Body>
void sliced(const GemmArguments& p, const GemmGrid& grid, Body&& body) {
  const int64_t row_tiles = base::divide_up(p.m, grid.tile_rows);
  const int64_t column_tiles = base::divide_up(p.n, grid.tile_columns);
  const int64_t slice_length = base::round_up(base::divide_up(p.k, grid.slices), 8);
  const int64_t slices = grid.slices == 1 ? 1 : base::divide_up(p.k, slice_length);

  base::Buffer partial_memory;
  if (slices > 1)
    partial_memory = base::allocate(static_cast<size_t>(slices * p.m * p.n) * sizeof(real));
  real* partials = static_cast<real*>(partial_memory.data());

  base::parallel_for(slices * row_tiles * column_tiles, [&](int64_t tile) {
    const int64_t slice = tile / (row_tiles * column_tiles);
    const int64_t row = tile / column_tiles % row_tiles * grid.tile_rows;
    const int64_t column = tile % column_tiles * grid.tile_columns;
    const int64_t k0 = slices == 1 ? 0 : slice * slice_length;
    GemmArguments t = p;
    t.m = std::min(grid.tile_rows, p.m - row);
    t.n = std::min(grid.tile_columns, p.n - column);
    t.k = slices == 1 ? p.k : std::min(slice_length, p.k - k0);
    t.a += p.transpose_a == Transpose::yes ? k0 * p.lda + row : row * p.lda + k0;
    t.b += p.transpose_b == Transpose::yes ? column * p.ldb + k0 : k0 * p.ldb + column;
    if (p.bias) t.bias += column;
    if (slices > 1) {
      t.c = {partials + slice * p.m * p.n + row * p.n + column, false};
      t.ldc = p.n;
    } else {
      t.c.data += row * p.ldc + column;
    }
    body(t, row, column);
  });
  if (slices > 1) sum_partials(partials, slices, p.m, p.n, p.c, p.ldc);
}

// A weight gradient by the engine's own kernel.
void transposed_gemm(const GemmArguments& p) {
  const GemmGrid grid = transposed_grid(p);
  const int64_t scratch =
      transposed_scratch(std::min(grid.tile_rows, p.m), std::min(grid.tile_columns, p.n));
  const base::Buffer memory =
      base::allocate(static_cast<size_t>(base::num_threads() * scratch) * sizeof(real));
  sliced(p, grid, [&](const GemmArguments& t, int64_t, int64_t) {
    transposed_product(
        {.a = t.a,
         .lda = t.lda,
         .b = t.b,
         .ldb = t.ldb,
         .m = t.m,
         .n = t.n,
         .k = t.k,
         .c = t.c.data,
         .ldc = t.ldc,
         .add = t.c.add,
         .scratch = static_cast<real*>(memory.data()) + base::thread_index() * scratch});
  });
}
}  // namespace

void gemm(const GemmArguments& p) {
  gemm(p, [](int64_t, int64_t, int64_t, int64_t) {});
}

void gemm(const GemmArguments& p, TileEpilogue epilogue) {
  if (!p.c || p.m == 0 || p.n == 0) return;
  if (p.k == 0) {
    empty_sum(p);
    return epilogue(0, p.m, 0, p.n);
  }
  if (takes_packed(p)) return packed_gemm(p, epilogue);
  if (takes_transposed(p)) return transposed_gemm(p);
  const GemmGrid grid = gemm_grid(p);
  const Library library = p.transpose_a == Transpose::yes && grid.slices == 1
                              ? table().uncut_weight_gradients
                              : Library::onednn;
  sliced(p, grid, [&](const GemmArguments& t, int64_t row, int64_t column) {
    library_product(library, t);
    if (grid.slices == 1) epilogue(row, t.m, column, t.n);
  });
}

double MachineRate::best() const { return std::max({openblas, onednn_sgemm, onednn_matmul}); }

MachineRate measure_machine_rate() {
  MachineRate rate;
#ifndef SWIN_REAL_DOUBLE
  constexpr int64_t kSide = 2048;
  const size_t numel = static_cast<size_t>(kSide * kSide);
  std::vector<float> a(numel), b(numel), c(numel);
  for (size_t i = 0; i < numel; ++i) a[i] = b[i] = static_cast<float>(i % 17) * 0.1f - 0.8f;
  const double flops = 2.0 * kSide * kSide * kSide;
  const GemmArguments p = contiguous(a.data(), Transpose::no, b.data(), Transpose::no,
                                     {c.data(), false}, kSide, kSide, kSide);
  const auto best_rate = [&](const std::function<double()>& seconds) {
    double best = 1e9;
    for (int i = 0; i < 6; ++i) best = std::min(best, seconds());
    return flops / best * 1e-9;
  };
  const auto timed = [](const std::function<void()>& run) {
    const base::Stopwatch watch;
    run();
    return watch.seconds();
  };
  // Here, outside parallel_for, the libraries use their own threads.
  if (openblas_library().correct)
    rate.openblas = best_rate([&] { return timed([&] { openblas_gemm(p); }); });
  if (onednn_library().correct) {
    rate.onednn_sgemm = best_rate([&] { return timed([&] { onednn_sgemm(p); }); });
    rate.onednn_matmul =
        best_rate([&] { return onednn_matmul_seconds(kSide, a.data(), b.data(), c.data()); });
  }
#endif
  return rate;
}

}  // namespace swin::autograd::kernels
