// Both entry points of the matrix product, the grid of gemm, and the kernels next to it, with every
// instruction set.
#include "autograd/kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/reduce.h"
#include "tests/support/engine_test.h"

namespace swin::autograd::kernels {
namespace {

using test::for_each_isa;
class Gemm : public oracle::EngineTest {};
using EntryPoint = void (*)(const GemmArguments&);

// Small integers: every order of summation gives the same bits, so results are compared exactly.
real integer(int64_t i, int64_t multiplier) {
  return static_cast<real>((i * multiplier + i / 31) % 9 - 4);
}

struct Dims {
  int64_t m, n, k;
};

void check(EntryPoint entry_point, Dims s, bool ta, bool tb, bool add, bool bias, int64_t padding) {
  SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k << " ta " << ta << " tb " << tb
                                  << " add " << add << " bias " << bias << " padding " << padding);
  GemmArguments p;
  p.transpose_a = Transpose{ta}, p.transpose_b = Transpose{tb};
  p.m = s.m, p.n = s.n, p.k = s.k;
  p.lda = (ta ? s.m : s.k) + padding, p.ldb = (tb ? s.k : s.n) + padding, p.ldc = s.n + padding;
  std::vector<real> a(static_cast<size_t>((ta ? s.k : s.m) * p.lda)),
      b(static_cast<size_t>((tb ? s.n : s.k) * p.ldb)), c(static_cast<size_t>(s.m * p.ldc)),
      offset(static_cast<size_t>(s.n));
  for (size_t i = 0; i < a.size(); ++i) a[i] = integer(static_cast<int64_t>(i), 7);
  for (size_t i = 0; i < b.size(); ++i) b[i] = integer(static_cast<int64_t>(i), 5);
  for (size_t i = 0; i < c.size(); ++i) c[i] = integer(static_cast<int64_t>(i), 3);
  for (size_t i = 0; i < offset.size(); ++i) offset[i] = integer(static_cast<int64_t>(i), 11);
  std::vector<real> want = c, rows_of_b(static_cast<size_t>(s.k * s.n));
  for (int64_t l = 0; l < s.k; ++l)
    for (int64_t j = 0; j < s.n; ++j)
      rows_of_b[static_cast<size_t>(l * s.n + j)] =
          b[static_cast<size_t>(tb ? j * p.ldb + l : l * p.ldb + j)];
  for (int64_t i = 0; i < s.m; ++i) {
    real* row = want.data() + i * p.ldc;
    for (int64_t j = 0; j < s.n; ++j)
      row[j] = (add ? row[j] : 0) + (bias ? offset[static_cast<size_t>(j)] : 0);
    for (int64_t l = 0; l < s.k; ++l) {
      const real x = a[static_cast<size_t>(ta ? l * p.lda + i : i * p.lda + l)];
      for (int64_t j = 0; j < s.n; ++j) row[j] += x * rows_of_b[static_cast<size_t>(l * s.n + j)];
    }
  }
  if (!add)
    for (int64_t i = 0; i < s.m; ++i)  // will be overwritten: may hold any value before
      for (int64_t j = 0; j < s.n; ++j) c[static_cast<size_t>(i * p.ldc + j)] = std::nanf("");
  p.a = a.data(), p.b = b.data();
  if (bias) p.bias = offset.data();
  for_each_isa([&](base::Isa) {
    std::vector<real> result = c;
    p.c = {result.data(), add};
    entry_point(p);
    EXPECT_EQ(result, want);  // including the padding after each row
  });
}

TEST_F(Gemm, BothEntryPointsAtOddSizes) {
  for (const EntryPoint entry_point : {&gemm, &gemm_tile})
    for (const Dims s :
         {Dims{1, 1, 1}, {1, 5, 3}, {5, 1, 3}, {3, 5, 1}, {17, 19, 23}, {65, 33, 16}, {96, 48, 49}})
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          for (const bool add : {false, true})
            for (const bool bias : {false, true})
              for (const int64_t padding : {0, 5})
                check(entry_point, s, ta, tb, add, bias, padding);
}

TEST_F(Gemm, GridOfSeveralTiles) {
  for (const bool tb : {false, true})
    for (const bool add : {false, true})
      for (const Dims s : {Dims{1030, 200, 5}, {259, 391, 7}, {520, 193, 3}, {1031, 17, 3}})
        check(&gemm, s, false, tb, add, true, 3);
}

TEST_F(Gemm, WeightGradientsWithAndWithoutSlices) {
  for (const bool tb : {false, true})
    for (const bool add : {false, true})
      for (const Dims s :
           // The one with 900 columns is cut along K and along its columns.
           {Dims{50, 33, 4100},
            {7, 5, 2048},
            {97, 130, 4097},
            {401, 410, 2050},
            {50, 900, 2049},
            {500, 17, 64}})
        check(&gemm, s, true, tb, add, false, 2);
}

TEST_F(Gemm, GridIsAFunctionOfTheShape) {
  GemmArguments p;
  p.transpose_a = Transpose::yes;
  p.m = 96, p.n = 96, p.k = 25088;
  EXPECT_GE(gemm_grid(p).slices, 4);
  p.k = 2047;
  EXPECT_EQ(gemm_grid(p).slices, 1);
  p.m = 768, p.n = 3072, p.k = 25088;
  EXPECT_EQ(gemm_grid(p).slices, 1);  // enough tiles without slices
  EXPECT_GE((p.m + gemm_grid(p).tile_rows - 1) / gemm_grid(p).tile_rows, 4);
  for (const int64_t m : {1, 49, 255, 256, 257, 6272, 25088})
    for (const int64_t n : {1, 96, 191, 192, 384, 3072})
      for (const bool ta : {false, true}) {
        GemmArguments q;
        q.transpose_a = Transpose{ta};
        q.m = m, q.n = n, q.k = 100;
        const GemmGrid grid = gemm_grid(q);
        EXPECT_GT(grid.tile_rows, 0);
        EXPECT_GT(grid.tile_columns, 0);
        EXPECT_GE(grid.slices, 1);
        EXPECT_TRUE(!ta || grid.slices == 1);
        base::set_num_threads(5);
        const GemmGrid again = gemm_grid(q);
        base::set_num_threads(1);
        EXPECT_TRUE(grid.tile_rows == again.tile_rows && grid.tile_columns == again.tile_columns &&
                    grid.slices == again.slices);
      }
}

TEST_F(Gemm, GridOfOwnWeightGradientsIsAFunctionOfTheShape) {
  GemmArguments p;
  p.transpose_a = Transpose::yes;
  p.m = 96, p.n = 384, p.k = 25088;
  EXPECT_EQ(transposed_grid(p).slices, 16);
  EXPECT_EQ(transposed_grid(p).tile_rows, 96);
  p.m = 3072, p.n = 768, p.k = 392;  // 16 tiles of one size
  EXPECT_EQ(transposed_grid(p).slices, 1);
  EXPECT_EQ(transposed_grid(p).tile_rows, 384);
  EXPECT_EQ(transposed_grid(p).tile_columns, 384);
  p.m = 1, p.n = 7, p.k = 5;
  EXPECT_EQ(transposed_grid(p).slices, 1);
}

// The shapes on which the oracle compares thread counts: at least four tiles forward and for dx, K
// slices for dw.
TEST_F(Gemm, DeterminismIsTestedOnCutShapes) {
  const auto tiles = [](const GemmArguments& p) {
    const GemmGrid g = gemm_grid(p);
    return (p.m + g.tile_rows - 1) / g.tile_rows * ((p.n + g.tile_columns - 1) / g.tile_columns) *
           g.slices;
  };
  GemmArguments p;
  p.m = 1030, p.n = 200, p.k = 24;  // linear (1030, 24) to 200
  EXPECT_GE(tiles(p), 4);
  p.m = 6150, p.n = 21, p.k = 210;  // dx of linear (6150, 21) to 210
  EXPECT_GE(tiles(p), 4);
  p.transpose_a = Transpose::yes;
  p.m = 210, p.n = 21, p.k = 6150;  // dweight
  EXPECT_GE(gemm_grid(p).slices, 2);
  EXPECT_GE(tiles(p), 4);
  p.m = 96, p.n = 12, p.k = 2 * 48 * 46;  // patch_embed
  EXPECT_GE(gemm_grid(p).slices, 2);
}

TEST_F(Gemm, SlicesAreSummedInOrderForAnyThreads) {
  const int64_t m = 40, n = 33, k = 9001;
  std::vector<real> a(static_cast<size_t>(k * m)), b(static_cast<size_t>(k * n)),
      first(static_cast<size_t>(m * n)), c(first);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<real>(std::sin(static_cast<double>(i)));
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = static_cast<real>(std::cos(static_cast<double>(i) * 1.7));
  GemmArguments p;
  p.transpose_a = Transpose::yes;
  p.m = m, p.n = n, p.k = k, p.a = a.data(), p.lda = m, p.b = b.data(), p.ldb = n, p.ldc = n;
  ASSERT_GE(gemm_grid(p).slices, 4);
  for_each_isa([&](base::Isa) {
    for (const int threads : {1, 2, 3, 5}) {
      base::set_num_threads(threads);
      p.c = {(threads == 1 ? first : c).data(), false};
      gemm(p);
      EXPECT_TRUE(threads == 1 || c == first) << threads;
    }
  });
}

TEST_F(Gemm, NullTargetsAreSkipped) {
  GemmArguments p;
  p.m = p.n = p.k = p.lda = p.ldb = p.ldc = 4;
  gemm(p);
  gemm_tile(p);
}

TEST_F(Gemm, LibrariesPassTheirSelfCheckAndSayWhatTheyAre) {
  EXPECT_TRUE(openblas_library().correct);
  EXPECT_TRUE(onednn_library().correct);
  EXPECT_EQ(openblas_library().name, "OpenBLAS");
  EXPECT_EQ(onednn_library().name, "oneDNN");
  EXPECT_NE(openblas_library().core, "");
  EXPECT_NE(onednn_library().core, "");
}

// The shapes straddle the tiles, strips, K cuts and cache blocks of the product kernel.
TEST_F(Gemm, PackedProductsOfEveryShape) {
  for_each_isa([](base::Isa) {
    const int64_t strip = strip_columns();
    for (const int64_t m : {int64_t{1}, int64_t{7}, int64_t{50}, int64_t{300}})
      for (const int64_t n :
           {int64_t{1}, strip - 1, strip, strip + 1, strip + strip / 3, 3 * strip + 5})
        for (const int64_t k : {int64_t{1}, int64_t{6}, int64_t{384}, int64_t{391}})
          for (const bool transposed : {false, true})
            for (const bool add : {false, true}) {
              std::vector<real> a(static_cast<size_t>(m * k)), b(static_cast<size_t>(k * n)),
                  c(static_cast<size_t>(m * n)), bias(static_cast<size_t>(n));
              for (size_t i = 0; i < a.size(); ++i) a[i] = integer(static_cast<int64_t>(i), 7);
              for (size_t i = 0; i < b.size(); ++i) b[i] = integer(static_cast<int64_t>(i), 5);
              for (size_t i = 0; i < c.size(); ++i) c[i] = integer(static_cast<int64_t>(i), 3);
              for (size_t i = 0; i < bias.size(); ++i)
                bias[i] = integer(static_cast<int64_t>(i), 2);
              std::vector<real> want = c;
              for (int64_t i = 0; i < m; ++i)
                for (int64_t j = 0; j < n; ++j) {
                  real sum =
                      add ? want[static_cast<size_t>(i * n + j)] : bias[static_cast<size_t>(j)];
                  for (int64_t l = 0; l < k; ++l)
                    sum += a[static_cast<size_t>(i * k + l)] *
                           b[static_cast<size_t>(transposed ? j * k + l : l * n + j)];
                  want[static_cast<size_t>(i * n + j)] = sum;
                }
              const int64_t strips = (n + strip - 1) / strip;
              std::vector<real> packed(static_cast<size_t>(strips * strip * k), -100);
              pack_strips(b.data(), transposed ? k : n, transposed, n, k, 0, strips, packed.data());
              packed_product({a.data(), k, packed.data(), m, n, k, c.data(), n, add,
                              add ? nullptr : bias.data()});
              ASSERT_EQ(c, want) << m << " " << n << " " << k << (transposed ? " transposed" : "")
                                 << (add ? " add" : "");
            }
  });
}

TEST_F(Gemm, SumRowsOfManySlicesAndColumns) {
  for (const int64_t rows : {1, 127, 128, 255, 256, 1000, 4999})
    for (const int64_t columns : {1, 9, 16, 33, 512, 1043})
      for (const bool add : {false, true}) {
        std::vector<real> x(static_cast<size_t>(rows * columns)), y(static_cast<size_t>(columns));
        for (size_t i = 0; i < x.size(); ++i) x[i] = integer(static_cast<int64_t>(i), 7);
        for (size_t i = 0; i < y.size(); ++i) y[i] = integer(static_cast<int64_t>(i), 5);
        std::vector<real> want(static_cast<size_t>(columns), 0);
        if (add) want = y;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t j = 0; j < columns; ++j)
            want[static_cast<size_t>(j)] += x[static_cast<size_t>(r * columns + j)];
        for_each_isa([&](base::Isa) {
          std::vector<real> result = y;
          sum_rows(x.data(), rows, columns, {result.data(), add});
          ASSERT_EQ(result, want) << rows << " " << columns << " " << add;
        });
      }
}

TEST_F(Gemm, SumPartialsKeepsItsStride) {
  const int64_t count = 3, rows = 11, columns = 1500, ldy = 1504;
  for (const bool add : {false, true}) {
    std::vector<real> partials(static_cast<size_t>(count * rows * columns)),
        y(static_cast<size_t>(rows * ldy), 2);
    for (size_t i = 0; i < partials.size(); ++i) partials[i] = integer(static_cast<int64_t>(i), 7);
    std::vector<real> want = y;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < columns; ++j) {
        real sum = add ? 2 : 0;
        for (int64_t p = 0; p < count; ++p)
          sum += partials[static_cast<size_t>((p * rows + r) * columns + j)];
        want[static_cast<size_t>(r * ldy + j)] = sum;
      }
    for_each_isa([&](base::Isa) {
      std::vector<real> result = y;
      sum_partials(partials.data(), count, rows, columns, {result.data(), add}, ldy);
      EXPECT_EQ(result, want);
    });
  }
}

}  // namespace
}  // namespace swin::autograd::kernels
