// What kernels share that take rows in panels: a few rows at a time go through several products
// while they are in the second cache. Panels form groups, each with sums of its own for the
// gradients of weights; the sums of the groups are added in order.
#pragma once
#include <algorithm>

#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/sample_rows.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {

constexpr int64_t kPanelRows = 128, kPanelGroups = 16;
constexpr int64_t kParts = 8, kApart = 48;  // of a thread's scratch memory

/// Memory for each thread, handed out in parts that do not lie a multiple of a page apart.
class ThreadScratch {
 public:
  explicit ThreadScratch(int64_t numel)
      : numel_(base::round_up(numel + kParts * (kApart + 16), 16)),
        memory_(base::allocate(static_cast<size_t>(base::num_threads() * numel_) * sizeof(real))) {}

  class Parts {
   public:
    explicit Parts(real* next) : next_(next) {}
    real* take(int64_t numel) {
      real* part = next_;
      next_ += base::round_up(numel, 16) + kApart;
      return part;
    }

   private:
    real* next_;
  };
  Parts own() const {
    return Parts(static_cast<real*>(memory_.data()) + base::thread_index() * numel_);
  }

 private:
  int64_t numel_;
  base::Buffer memory_;
};

/// The groups of panels of some rows: a function of their number alone.
struct PanelGroups {
  int64_t rows, group_rows, count;
  explicit PanelGroups(int64_t all)
      : rows(all),
        group_rows(base::round_up(base::divide_up(all, kPanelGroups), kPanelRows)),
        count(base::divide_up(all, group_rows)) {}
  /// Calls body(group) in parallel.
  template <class Body>
  void run(Body&& body) const {
    base::parallel_for(count, body);
  }
  /// Calls panel(first row, rows, whether it is the first of the group), in order.
  template <class Panel>
  void for_panels(int64_t group, Panel&& panel) const {
    const int64_t first = group * group_rows, last = std::min(rows, first + group_rows);
    for (int64_t begin = first; begin < last; begin += kPanelRows)
      panel(begin, std::min(kPanelRows, last - begin), begin == first);
  }
};

/// For each group, a sum of numel elements.
class GroupSums {
 public:
  GroupSums(const PanelGroups& groups, int64_t numel)
      : groups_(groups.count),
        numel_(numel),
        memory_(base::allocate(static_cast<size_t>(groups_ * numel) * sizeof(real))) {}
  real* of(int64_t group) const { return static_cast<real*>(memory_.data()) + group * numel_; }
  void clear(int64_t group) const { std::fill_n(of(group), numel_, real{0}); }
  /// Their sum, in order. @param to (rows, numel / rows)
  void finish(GradientTarget to, int64_t rows = 1) const {
    sum_partials(of(0), groups_, rows, numel_ / rows, to, numel_ / rows);
  }

 private:
  int64_t groups_, numel_;
  base::Buffer memory_;
};

/// to += the sum over the rows.
inline void add_rows(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* to) {
  for_vectors(
      columns, [&](int64_t i, auto part) __attribute__((always_inline)) {
        base::Vec<real> total = part.load(to + i);
        for (int64_t row = 0; row < rows; ++row) total += part.load(x + row * ldx + i);
        part.store(to + i, total);
      });
}

}  // namespace swin::autograd::kernels::SWIN_ISA
