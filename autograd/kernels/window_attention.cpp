#include "autograd/kernels/window_attention.h"

#include <algorithm>
#include <vector>

#include "autograd/kernels/reduce.h"
#include "autograd/kernels/small_product.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "base/random.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::broadcast;
using base::fma;
using base::load;
using base::store;
using Vector = base::Vec<real>;
constexpr int64_t L = base::kLanes<real>;
constexpr real kForbidden = static_cast<real>(-1e30);
// Scores are multiplied by log₂ e: then their softmax takes powers of 2, which are the cheapest.
constexpr real kLog2E = static_cast<real>(1.44269504088896340736);
constexpr real kLn2 = static_cast<real>(0.69314718055994530942);

// Queries per block. The scores of a block stay in the L1 cache from q kᵀ through the softmax to
// the product with v. Backward also adds to dk and dv once a block, so that it takes more.
constexpr int64_t kForwardQueries = 24, kBackwardQueries = 64;

struct Sizes {
  int64_t n, n_padded, d, d_padded;
  // The scores of a query that are computed in whole vectors. A single key beyond them
  // (49 = 3 · 16 + 1 = 6 · 8 + 1) is cheaper as a dot product than as a vector of padding.
  int64_t columns;
  explicit Sizes(const WindowAttention& s)
      : n(s.tokens()),
        n_padded(base::round_to_lanes<real>(s.tokens())),
        d(s.head_dim),
        d_padded(base::round_to_lanes<real>(s.head_dim)),
        columns(n % L == 1 ? n - 1 : n_padded) {}
};

// Scratch memory of one thread, taken from one allocation that lives as long as the thread.
class Scratch {
 public:
  real* take(int64_t numel) {
    real* p = next_;
    next_ += base::round_up(numel, L) + L;  // one vector apart, against cache aliasing
    return p;
  }
  static Scratch start(int64_t numel) {
    thread_local std::vector<real> memory;
    const size_t wanted = static_cast<size_t>(numel) + 32 * L;
    if (memory.size() < wanted) memory.resize(wanted);
    Scratch scratch;
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    scratch.next_ = reinterpret_cast<real*>((address + 63) / 64 * 64);
    return scratch;
  }

 private:
  real* next_ = nullptr;
};

// Copies one head of a window's tokens, times factor, to an array (n, d_padded).
void gather_head(const real* from, int64_t row_stride, const int32_t* rows, const Sizes& z,
                 real factor, real* to) {
  const int64_t whole = z.d / L * L;
  for (int64_t i = 0; i < z.n; ++i) {
    const real* p = from + rows[i] * row_stride;
    real* q = to + i * z.d_padded;
    for (int64_t j = 0; j < whole; j += L) store(q + j, load(p + j) * factor);
    if (whole < z.d) store(q + whole, base::load_partial(p + whole, z.d - whole) * factor);
  }
}

// Copies one token of one head, times factor.
void scatter_token(const real* from, const Sizes& z, real factor, bool add, real* to) {
  const int64_t whole = z.d / L * L;
  for (int64_t j = 0; j < whole; j += L) {
    const Vector v = load(from + j) * factor;
    store(to + j, add ? v + load(to + j) : v);
  }
  if (whole < z.d) {
    Vector v = load(from + whole) * factor;
    if (add) v += base::load_partial(to + whole, z.d - whole);
    base::store_partial(to + whole, z.d - whole, v);
  }
}

// c (count, n_padded) = a bᵀ + start for a (count, d_padded) and b (n, d_padded), given with its
// transpose bt. The padding of c is that of start, or zero if start is null.
void multiply_transposed(const real* a, const real* b, const real* bt, int64_t count,
                         const Sizes& z, const real* start, int64_t start_stride, real* c) {
  small_product(a, z.d_padded, 1, bt, z.n_padded, count, z.columns, z.d, start, start_stride, c,
                z.n_padded);
  if (z.columns == z.n_padded) return;
  const real* last = b + z.columns * z.d_padded;
  for (int64_t i = 0; i < count; ++i) {
    Vector dot{};
    for (int64_t j = 0; j < z.d_padded; j += L)
      dot = fma(load(a + i * z.d_padded + j), load(last + j), dot);
    Vector column = start ? load(start + i * start_stride + z.columns) : Vector{};
    column[0] += base::sum(dot);
    store(c + i * z.n_padded + z.columns, column);
  }
}

// The inputs of one head of one window, for forward and backward.
struct Head {
  real *q, *k, *v, *kt;  // (n, d_padded), q times scale · log₂ e; kt (d_padded, n_padded)
  const int32_t* rows;
  const real* labels;   // (n_padded), or null: all tokens attend to each other
  const real* bias;     // (n, n_padded), its rows bias_stride apart
  int64_t bias_stride;  // 0: all rows are the same one
  base::Random random;  // of the image
  int64_t saved;        // index of its first row in row_max and row_inverse
  static int64_t scratch_of(const Sizes& z) {
    return 3 * z.n * z.d_padded + z.d_padded * z.n_padded + 2 * z.n_padded;
  }
  Head(const WindowAttention& s, const Sizes& z, const real* qkv, int64_t image, int64_t window,
       int64_t head, Scratch& scratch)
      : q(scratch.take(z.n * z.d_padded)),
        k(scratch.take(z.n * z.d_padded)),
        v(scratch.take(z.n * z.d_padded)),
        kt(scratch.take(z.d_padded * z.n_padded)),
        rows(s.rows + window * z.n),
        labels(labels_of(s, z, window, scratch.take(z.n_padded))),
        bias(s.bias ? s.bias + head * z.n * z.n_padded : no_bias(z, scratch.take(z.n_padded))),
        bias_stride(s.bias ? z.n_padded : 0),
        random(s.draw.seed, s.draw.stream, s.draw.step, s.draw.sample(image)),
        saved(((image * s.windows() + window) * s.heads + head) * z.n) {
    const int64_t channels = s.heads * s.head_dim;
    const real* from = qkv + image * s.map_rows() * 3 * channels + head * z.d;
    gather_head(from, 3 * channels, rows, z, s.scale * kLog2E, q);
    gather_head(from + channels, 3 * channels, rows, z, 1, k);
    gather_head(from + 2 * channels, 3 * channels, rows, z, 1, v);
    transpose_padded(k, z.d_padded, z.n, z.d_padded, kt, z.n_padded);
  }

  // to (count, n_padded) = q kᵀ + bias for queries first, first + 1, …; kForbidden for masked keys
  // and in the padding.
  void scores(int64_t first, int64_t count, const Sizes& z, real* to) const {
    multiply_transposed(q + first * z.d_padded, k, kt, count, z, bias + first * bias_stride,
                        bias_stride, to);
    if (!labels) return;
    // This is the mask of the shifted windows: the labels are the regions of window_labels.
    for (int64_t i = first; i < first + count; ++i, to += z.n_padded) {
      const Vector own = broadcast(labels[i] < 0 ? kForbidden : labels[i]);
      for (int64_t j = 0; j < z.n_padded; j += L)
        store(to + j, load(labels + j) == own ? load(to + j) : broadcast(kForbidden));
    }
  }

 private:
  static const real* labels_of(const WindowAttention& s, const Sizes& z, int64_t window, real* to) {
    if (!s.labels) return nullptr;
    const int32_t* labels = s.labels + window * z.n;
    if (labels[0] >= 0 && std::all_of(labels, labels + z.n, [&](auto l) { return l == labels[0]; }))
      return nullptr;
    std::copy_n(labels, z.n, to);
    std::fill_n(to + z.n, z.n_padded - z.n, real{-1});
    return to;
  }
  static const real* no_bias(const Sizes& z, real* to) {
    std::fill_n(to, z.n, real{0});
    std::fill_n(to + z.n, z.n_padded - z.n, kForbidden);
    return to;
  }
};

// Attention dropout: the factors (count, n_padded) of the probabilities of queries first,
// first + 1, …: 0 or 1 / keep.
void draw_factors(const WindowAttention& s, const Sizes& z, const base::Random& random,
                  int64_t window, int64_t head, int64_t first, int64_t count, real* factors) {
  for (int64_t i = first; i < first + count; ++i, factors += z.n_padded) {
    const int64_t row = ((window * s.heads + head) * z.n + i) * z.n;
    for (int64_t j = 0; j < z.n;) {
      const auto draw = static_cast<uint64_t>(row + j);
      const auto words = random.block(draw / 4);
      for (size_t word = draw % 4; word < 4 && j < z.n; ++word, ++j) {
        const bool kept = static_cast<real>(base::Random::to_uniform(words[word])) < s.keep;
        factors[j] = kept ? 1 / s.keep : 0;
      }
    }
    std::fill_n(factors + z.n, z.n_padded - z.n, real{0});
  }
}

// p (count, n_padded) = 2^(score − the largest score of its query), in place. inverse = 1 / their
// sums: the softmax is p · inverse. Each step is made for all queries before the next one, because
// the steps of a single query wait for each other.
void softmax_rows(real* p, int64_t count, int64_t n_padded, real* largest, real* inverse) {
  for (int64_t i = 0; i < count; ++i) {
    const real* row = p + i * n_padded;
    Vector top = load(row);
    for (int64_t j = L; j < n_padded; j += L) top = base::max(top, load(row + j));
    largest[i] = base::max_lane(top);
  }
  for (int64_t i = 0; i < count; ++i) {
    real* row = p + i * n_padded;
    const Vector top = broadcast(largest[i]);
    Vector total{};
    for (int64_t j = 0; j < n_padded; j += L) {
      const Vector e = base::exp2(load(row + j) - top);
      store(row + j, e);
      total += e;
    }
    inverse[i] = base::sum(total);
  }
  // A row without an allowed key gives zeros.
  for (int64_t i = 0; i < count; ++i) inverse[i] = largest[i] > kForbidden / 2 ? 1 / inverse[i] : 0;
}

// The softmax again, from the scores and what softmax_rows found.
void softmax_again(real* p, int64_t count, int64_t n_padded, const real* largest,
                   const real* inverse) {
  for (int64_t i = 0; i < count; ++i, p += n_padded) {
    const Vector top = broadcast(largest[i]), factor = broadcast(inverse[i]);
    for (int64_t j = 0; j < n_padded; j += L) store(p + j, base::exp2(load(p + j) - top) * factor);
  }
}

// The gradient of the softmax: ds = p (dp − Σ p dp), in place of dp. Stores it to dbias as well, or
// adds it, unless dbias is null.
void softmax_backward(const real* p, int64_t count, int64_t n_padded, real* ds, real* dbias,
                      bool add) {
  for (int64_t i = 0; i < count; ++i, p += n_padded, ds += n_padded) {
    Vector dot{};
    for (int64_t j = 0; j < n_padded; j += L) dot = fma(load(p + j), load(ds + j), dot);
    const Vector mean = broadcast(base::sum(dot));
    for (int64_t j = 0; j < n_padded; j += L) store(ds + j, load(p + j) * (load(ds + j) - mean));
    if (!dbias) continue;
    for (int64_t j = 0; j < n_padded; j += L)
      store(dbias + j, add ? load(dbias + j) + load(ds + j) : load(ds + j));
    dbias += n_padded;
  }
}

void multiply(const real* a, const real* b, int64_t numel, real* to) {
  for (int64_t i = 0; i < numel; i += L) store(to + i, load(a + i) * load(b + i));
}

// Groups of windows and heads that depend on the shape alone.
struct Grid {
  int64_t windows_per_tile, window_tiles, heads_per_tile, head_tiles;
  explicit Grid(const WindowAttention& s) {
    constexpr int64_t kTiles = 32;
    const int64_t windows = s.batch * s.windows();
    windows_per_tile = std::max<int64_t>(1, base::divide_up(windows, kTiles));
    window_tiles = base::divide_up(windows, windows_per_tile);
    head_tiles = std::min(s.heads, (kTiles / 2 + window_tiles - 1) / window_tiles);
    heads_per_tile = base::divide_up(s.heads, head_tiles);
    head_tiles = base::divide_up(s.heads, heads_per_tile);
  }
  template <class Body>  // body(image, window of the image, head, window tile)
  void run(const WindowAttention& s, Body&& body) const {
    base::parallel_for(window_tiles * head_tiles, [&](int64_t tile) {
      const int64_t group = tile / head_tiles, first_head = tile % head_tiles * heads_per_tile;
      const int64_t end = std::min(s.batch * s.windows(), (group + 1) * windows_per_tile);
      const int64_t last_head = std::min(s.heads, first_head + heads_per_tile);
      for (int64_t w = group * windows_per_tile; w < end; ++w)
        for (int64_t head = first_head; head < last_head; ++head)
          body(w / s.windows(), w % s.windows(), head, group);
    });
  }
};

}  // namespace

int64_t padded_tokens(int64_t tokens) { return base::round_to_lanes<real>(tokens); }

void window_attention_forward(const WindowAttention& s, const real* qkv, real* y, real* row_max,
                              real* row_inverse) {
  if (!y) return;
  const Sizes z(s);
  const int64_t channels = s.heads * s.head_dim, queries = std::min(z.n, kForwardQueries),
                scores = queries * z.n_padded;
  const int64_t need = Head::scratch_of(z) + 2 * scores + queries * (z.d_padded + 2);
  Grid(s).run(s, [&](int64_t image, int64_t window, int64_t head, int64_t) {
    Scratch scratch = Scratch::start(need);
    const Head h(s, z, qkv, image, window, head, scratch);
    real *p = scratch.take(scores), *factors = scratch.take(scores),
         *out = scratch.take(queries * z.d_padded), *largest = scratch.take(queries),
         *inverse = scratch.take(queries);
    real* to = y + image * s.map_rows() * channels + head * z.d;
    for (int64_t first = 0; first < z.n; first += queries) {
      const int64_t count = std::min(queries, z.n - first);
      h.scores(first, count, z, p);
      softmax_rows(p, count, z.n_padded, largest, inverse);
      if (row_max) {
        std::copy_n(largest, count, row_max + h.saved + first);
        std::copy_n(inverse, count, row_inverse + h.saved + first);
      }
      if (s.keep < 1) {
        draw_factors(s, z, h.random, window, head, first, count, factors);
        multiply(p, factors, count * z.n_padded, p);
      }
      small_product(p, z.n_padded, 1, h.v, z.d_padded, count, z.d_padded, z.n, nullptr, 0, out,
                    z.d_padded);
      // The division of the softmax comes last, where there are the fewest values.
      for (int64_t i = 0; i < count; ++i)
        scatter_token(out + i * z.d_padded, z, inverse[i], false,
                      to + h.rows[first + i] * channels);
    }
  });
}

void window_attention_backward(const WindowAttention& s, const real* dy, const real* qkv,
                               const real* row_max, const real* row_inverse, GradientTarget dqkv,
                               real* dbias) {
  if (!dqkv && !dbias) return;
  const Sizes z(s);
  const Grid grid(s);
  const int64_t channels = s.heads * s.head_dim, queries = std::min(z.n, kBackwardQueries);
  const int64_t head_area = z.n * z.d_padded, bias_area = z.n * z.n_padded,
                scores = queries * z.n_padded;
  const int64_t need = Head::scratch_of(z) + 3 * head_area + z.d_padded * z.n_padded + 3 * scores +
                       queries * z.d_padded;
  base::Buffer memory;
  real* partials = nullptr;
  if (dbias) {
    memory =
        base::allocate(static_cast<size_t>(grid.window_tiles * s.heads * bias_area) * sizeof(real));
    partials = static_cast<real*>(memory.data());
  }
  grid.run(s, [&](int64_t image, int64_t window, int64_t head, int64_t group) {
    Scratch scratch = Scratch::start(need);
    const Head h(s, z, qkv, image, window, head, scratch);
    real *g = scratch.take(head_area), *dk = scratch.take(head_area), *dv = scratch.take(head_area),
         *vt = scratch.take(z.d_padded * z.n_padded), *p = scratch.take(scores),
         *ds = scratch.take(scores), *dropped = scratch.take(scores),
         *dq = scratch.take(queries * z.d_padded);
    gather_head(dy + image * s.map_rows() * channels + head * z.d, channels, h.rows, z, 1, g);
    transpose_padded(h.v, z.d_padded, z.n, z.d_padded, vt, z.n_padded);
    real* dbias_part = partials ? partials + (group * s.heads + head) * bias_area : nullptr;
    const bool first_window = (image * s.windows() + window) % grid.windows_per_tile == 0;
    real* to = dqkv ? dqkv.data + image * s.map_rows() * 3 * channels + head * z.d : nullptr;
    for (int64_t first = 0; first < z.n; first += queries) {
      const int64_t count = std::min(queries, z.n - first);
      const real *q = h.q + first * z.d_padded, *dout = g + first * z.d_padded, *used = p;
      h.scores(first, count, z, p);
      softmax_again(p, count, z.n_padded, row_max + h.saved + first, row_inverse + h.saved + first);
      multiply_transposed(dout, h.v, vt, count, z, nullptr, 0, ds);
      if (s.keep < 1) {
        draw_factors(s, z, h.random, window, head, first, count, dropped);
        multiply(ds, dropped, count * z.n_padded, ds);
        multiply(p, dropped, count * z.n_padded, dropped);
        used = dropped;
      }
      softmax_backward(p, count, z.n_padded, ds,
                       dbias_part ? dbias_part + first * z.n_padded : nullptr, !first_window);
      if (!to) continue;
      small_product(ds, z.n_padded, 1, h.k, z.d_padded, count, z.d_padded, z.n, nullptr, 0, dq,
                    z.d_padded);
      for (int64_t i = 0; i < count; ++i)
        scatter_token(dq + i * z.d_padded, z, s.scale, dqkv.add,
                      to + h.rows[first + i] * 3 * channels);
      const bool add = first > 0;
      small_product(ds, 1, z.n_padded, q, z.d_padded, z.n, z.d_padded, count, add ? dk : nullptr,
                    z.d_padded, dk, z.d_padded);
      small_product(used, 1, z.n_padded, dout, z.d_padded, z.n, z.d_padded, count,
                    add ? dv : nullptr, z.d_padded, dv, z.d_padded);
    }
    for (int64_t i = 0; to && i < z.n; ++i) {
      real* token = to + h.rows[i] * 3 * channels;
      scatter_token(dk + i * z.d_padded, z, kLn2, dqkv.add, token + channels);  // q has log₂ e
      scatter_token(dv + i * z.d_padded, z, 1, dqkv.add, token + 2 * channels);
    }
  });
  if (dbias)
    sum_partials(partials, grid.window_tiles, s.heads * z.n, z.n_padded, {dbias, false},
                 z.n_padded);
}

namespace {
// Calls f(row of the table, i, j) for every pair of tokens.
template <class F>
void for_token_pairs(Size2 window, F&& f) {
  const int64_t n = window[0] * window[1];
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) f(relative_position(window, i, j), i, j);
}
}  // namespace

void expand_position_bias(const real* table, Size2 window, int64_t heads, real* bias) {
  if (!bias) return;
  const int64_t n = window[0] * window[1], n_padded = base::round_to_lanes<real>(n);
  base::parallel_for(heads, [&](int64_t head) {
    real* to = bias + head * n * n_padded;
    std::fill_n(to, n * n_padded, kForbidden);
    for_token_pairs(window, [&](int64_t row, int64_t i, int64_t j) {
      to[i * n_padded + j] = table[row * heads + head] * kLog2E;
    });
  });
}

void collect_position_bias(const real* dbias, Size2 window, int64_t heads, GradientTarget dtable) {
  if (!dtable) return;
  const int64_t n = window[0] * window[1], n_padded = base::round_to_lanes<real>(n);
  if (!dtable.add)
    std::fill_n(dtable.data, (2 * window[0] - 1) * (2 * window[1] - 1) * heads, real{0});
  base::parallel_for(heads, [&](int64_t head) {
    const real* from = dbias + head * n * n_padded;
    for_token_pairs(window, [&](int64_t row, int64_t i, int64_t j) {
      dtable.data[row * heads + head] += from[i * n_padded + j];
    });
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(padded_tokens)
SWIN_KERNEL(window_attention_forward)
SWIN_KERNEL(window_attention_backward)
SWIN_KERNEL(expand_position_bias)
SWIN_KERNEL(collect_position_bias)
}  // namespace swin::autograd::kernels
