#include "autograd/kernels/window_attention.h"

#include <algorithm>
#include <cstring>
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

// Query rows per block: bounds the scratch memory for the scores of large windows.
constexpr int64_t kQueryRows = 64;

struct Sizes {
  int64_t n, n_padded, d, d_padded;
  explicit Sizes(const WindowAttention& s)
      : n(s.tokens()),
        n_padded(base::round_to_lanes<real>(s.tokens())),
        d(s.head_dim),
        d_padded(base::round_to_lanes<real>(s.head_dim)) {}
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

void scatter_head(const real* from, const int32_t* rows, int64_t row_stride, const Sizes& z,
                  real factor, bool add, real* to) {
  const int64_t whole = z.d / L * L;
  for (int64_t i = 0; i < z.n; ++i) {
    const real* p = from + i * z.d_padded;
    real* q = to + rows[i] * row_stride;
    for (int64_t j = 0; j < whole; j += L) {
      const Vector v = load(p + j) * factor;
      store(q + j, add ? v + load(q + j) : v);
    }
    if (whole < z.d) {
      Vector v = load(p + whole) * factor;
      if (add) v += base::load_partial(q + whole, z.d - whole);
      base::store_partial(q + whole, z.d - whole, v);
    }
  }
}

// The labels of one window; null if all its tokens attend to each other.
const int32_t* labels_of(const WindowAttention& s, int64_t window) {
  if (!s.labels) return nullptr;
  const int32_t* labels = s.labels + window * s.tokens();
  for (int64_t i = 0; i < s.tokens(); ++i)
    if (labels[i] != labels[0] || labels[i] < 0) return labels;
  return nullptr;
}

// Adds the bias to the scores of query i, and sets masked and padded scores to kForbidden. This is
// the mask of the shifted windows: the labels are the regions of window_labels.
void finish_scores(real* scores, const real* bias, const int32_t* labels, int64_t i,
                   const Sizes& z) {
  if (bias)
    for (int64_t j = 0; j < z.n_padded; j += L)
      store(scores + j, load(scores + j) + load(bias + j));
  for (int64_t j = z.n; j < z.n_padded; ++j) scores[j] = kForbidden;
  if (labels)
    for (int64_t j = 0; j < z.n; ++j)
      if (labels[j] != labels[i] || labels[j] < 0) scores[j] = kForbidden;
}

// Attention dropout: kept probabilities are divided by `keep`, the others set to zero.
void drop_probabilities(real* p, int64_t window, int64_t head, int64_t query,
                        const WindowAttention& s, const base::Random& random, const Sizes& z) {
  const int64_t first = ((window * s.heads + head) * z.n + query) * z.n;
  const real scale = 1 / s.keep;
  for (int64_t j = 0; j < z.n; ++j) {
    const bool kept = static_cast<real>(random.uniform(static_cast<uint64_t>(first + j))) < s.keep;
    p[j] = kept ? p[j] * scale : 0;
  }
}

// The inputs of one head of one window, for forward and backward.
struct Head {
  real *q, *k, *v, *kt;  // (n, d_padded), q scaled; kt (d_padded, n_padded)
  const int32_t *rows, *labels;
  const real* bias;     // (n, n_padded), or null
  base::Random random;  // of the image
  int64_t saved;        // index of its first row in row_max and row_inverse
  Head(const WindowAttention& s, const Sizes& z, const real* qkv, int64_t image, int64_t window,
       int64_t head, Scratch& scratch)
      : q(scratch.take(z.n * z.d_padded)),
        k(scratch.take(z.n * z.d_padded)),
        v(scratch.take(z.n * z.d_padded)),
        kt(scratch.take(z.d_padded * z.n_padded)),
        rows(s.rows + window * z.n),
        labels(labels_of(s, window)),
        bias(s.bias ? s.bias + head * z.n * z.n_padded : nullptr),
        random(s.draw.seed, s.draw.stream, s.draw.step,
               s.draw.first_sample + static_cast<uint64_t>(image)),
        saved(((image * s.windows() + window) * s.heads + head) * z.n) {
    const int64_t channels = s.heads * s.head_dim;
    const real* from = qkv + image * s.map_rows() * 3 * channels + head * z.d;
    gather_head(from, 3 * channels, rows, z, s.scale, q);
    gather_head(from + channels, 3 * channels, rows, z, 1, k);
    gather_head(from + 2 * channels, 3 * channels, rows, z, 1, v);
    transpose_padded(k, z.d_padded, z.n, z.d_padded, kt, z.n_padded);
  }
  const real* bias_of(int64_t query, const Sizes& z) const {
    return bias ? bias + query * z.n_padded : nullptr;
  }
};

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
  const int64_t channels = s.heads * s.head_dim, query_rows = std::min(z.n, kQueryRows);
  const int64_t need =
      3 * z.n * z.d_padded + z.d_padded * z.n_padded + query_rows * z.n_padded + z.n * z.d_padded;
  Grid(s).run(s, [&](int64_t image, int64_t window, int64_t head, int64_t) {
    Scratch scratch = Scratch::start(need);
    const Head h(s, z, qkv, image, window, head, scratch);
    real *p = scratch.take(query_rows * z.n_padded), *out = scratch.take(z.n * z.d_padded);
    for (int64_t first = 0; first < z.n; first += query_rows) {
      const int64_t count = std::min(query_rows, z.n - first);
      // q kᵀ; then, row by row, + bias, mask and softmax; then times v.
      small_product(h.q + first * z.d_padded, z.d_padded, 1, h.kt, z.n_padded, count, z.n_padded,
                    z.d, p, z.n_padded, false);
      for (int64_t i = 0; i < count; ++i) {
        real* row = p + i * z.n_padded;
        finish_scores(row, h.bias_of(first + i, z), h.labels, first + i, z);
        Vector top = load(row);
        for (int64_t j = L; j < z.n_padded; j += L) top = base::max(top, load(row + j));
        const real largest = base::max_lane(top);
        Vector total{};
        for (int64_t j = 0; j < z.n_padded; j += L) {
          const Vector e = base::exp(load(row + j) - largest);
          store(row + j, e);
          total += e;
        }
        // A row without an allowed key gives zeros.
        const real inverse = largest > kForbidden / 2 ? 1 / base::sum(total) : 0;
        for (int64_t j = 0; j < z.n_padded; j += L) store(row + j, load(row + j) * inverse);
        if (row_max) {
          row_max[h.saved + first + i] = largest;
          row_inverse[h.saved + first + i] = inverse;
        }
        if (s.keep < 1) drop_probabilities(row, window, head, first + i, s, h.random, z);
      }
      small_product(p, z.n_padded, 1, h.v, z.d_padded, count, z.d_padded, z.n,
                    out + first * z.d_padded, z.d_padded, false);
    }
    scatter_head(out, h.rows, channels, z, 1, false,
                 y + image * s.map_rows() * channels + head * z.d);
  });
}

void window_attention_backward(const WindowAttention& s, const real* dy, const real* qkv,
                               const real* row_max, const real* row_inverse, GradientTarget dqkv,
                               real* dbias) {
  if (!dqkv && !dbias) return;
  const Sizes z(s);
  const Grid grid(s);
  const int64_t channels = s.heads * s.head_dim, query_rows = std::min(z.n, kQueryRows);
  const int64_t head_area = z.n * z.d_padded, bias_area = z.n * z.n_padded;
  const int64_t need = 7 * head_area + 2 * z.d_padded * z.n_padded + 3 * query_rows * z.n_padded;
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
    real *g = scratch.take(head_area), *dq = scratch.take(head_area), *dk = scratch.take(head_area),
         *dv = scratch.take(head_area), *vt = scratch.take(z.d_padded * z.n_padded),
         *p = scratch.take(query_rows * z.n_padded), *ds = scratch.take(query_rows * z.n_padded),
         *dropped = scratch.take(query_rows * z.n_padded);
    gather_head(dy + image * s.map_rows() * channels + head * z.d, channels, h.rows, z, 1, g);
    transpose_padded(h.v, z.d_padded, z.n, z.d_padded, vt, z.n_padded);
    real* dbias_part = partials ? partials + (group * s.heads + head) * bias_area : nullptr;
    const bool first_window = (image * s.windows() + window) % grid.windows_per_tile == 0;
    for (int64_t first = 0; first < z.n; first += query_rows) {
      const int64_t count = std::min(query_rows, z.n - first);
      small_product(h.q + first * z.d_padded, z.d_padded, 1, h.kt, z.n_padded, count, z.n_padded,
                    z.d, p, z.n_padded, false);
      small_product(g + first * z.d_padded, z.d_padded, 1, vt, z.n_padded, count, z.n_padded, z.d,
                    ds, z.n_padded, false);
      for (int64_t i = 0; i < count; ++i) {
        real *row = p + i * z.n_padded, *drow = ds + i * z.n_padded;
        finish_scores(row, h.bias_of(first + i, z), h.labels, first + i, z);
        const real largest = row_max[h.saved + first + i],
                   inverse = row_inverse[h.saved + first + i];
        for (int64_t j = 0; j < z.n_padded; j += L)
          store(row + j, base::exp(load(row + j) - largest) * inverse);
        if (s.keep < 1) {
          std::memcpy(dropped + i * z.n_padded, row,
                      static_cast<size_t>(z.n_padded) * sizeof(real));
          drop_probabilities(dropped + i * z.n_padded, window, head, first + i, s, h.random, z);
          drop_probabilities(drow, window, head, first + i, s, h.random, z);
        }
        Vector dot{};
        for (int64_t j = 0; j < z.n_padded; j += L) dot = fma(load(row + j), load(drow + j), dot);
        const real mean = base::sum(dot);
        real* to = dbias_part ? dbias_part + (first + i) * z.n_padded : nullptr;
        for (int64_t j = 0; j < z.n_padded; j += L) {
          const Vector d = load(row + j) * (load(drow + j) - mean);
          store(drow + j, d);
          if (to) store(to + j, first_window ? d : d + load(to + j));
        }
      }
      const real* used = s.keep < 1 ? dropped : p;
      const bool add = first > 0;
      small_product(ds, z.n_padded, 1, h.k, z.d_padded, count, z.d_padded, z.n,
                    dq + first * z.d_padded, z.d_padded, false);
      small_product(ds, 1, z.n_padded, h.q + first * z.d_padded, z.d_padded, z.n, z.d_padded, count,
                    dk, z.d_padded, add);
      small_product(used, 1, z.n_padded, g + first * z.d_padded, z.d_padded, z.n, z.d_padded, count,
                    dv, z.d_padded, add);
    }
    if (!dqkv) return;
    real* to = dqkv.data + image * s.map_rows() * 3 * channels + head * z.d;
    scatter_head(dq, h.rows, 3 * channels, z, s.scale, dqkv.add, to);
    scatter_head(dk, h.rows, 3 * channels, z, 1, dqkv.add, to + channels);
    scatter_head(dv, h.rows, 3 * channels, z, 1, dqkv.add, to + 2 * channels);
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
    std::fill_n(to, n * n_padded, real{0});
    for_token_pairs(window, [&](int64_t row, int64_t i, int64_t j) {
      to[i * n_padded + j] = table[row * heads + head];
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
