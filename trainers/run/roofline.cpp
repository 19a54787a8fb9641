#include "trainers/run/roofline.h"

#include <unistd.h>

#include <algorithm>
#include <memory>

#include "autograd/kernels/gemm.h"
#include "base/parallel.h"
#include "base/stopwatch.h"

namespace swin::trainers {
namespace {

// Bytes per second of the best of five.
double triad_rate(int64_t bytes) {
  constexpr int64_t kBlock = 1 << 16;
  const int64_t n = bytes / static_cast<int64_t>(3 * sizeof(float));
  const auto size = static_cast<size_t>(n);
  const std::unique_ptr<float[]> a(new float[size]), b(new float[size]), c(new float[size]);
  base::parallel_ranges(n, kBlock, [&](int64_t begin, int64_t end) {
    std::fill(&a[static_cast<size_t>(begin)], a.get() + end, 0.0F);
    std::fill(&b[static_cast<size_t>(begin)], b.get() + end, 1.0F);
    std::fill(&c[static_cast<size_t>(begin)], c.get() + end, 2.0F);
  });
  double best_seconds = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto s = static_cast<float>(i);
    const base::Stopwatch watch;
    base::parallel_ranges(n, kBlock, [&](int64_t begin, int64_t end) {
      float* const to = a.get();
      const float *const from = b.get(), *const scaled = c.get();
      for (int64_t j = begin; j < end; ++j) to[j] = from[j] + s * scaled[j];
    });
    best_seconds = std::min(best_seconds, watch.seconds());
  }
  return static_cast<double>(n) * 3 * sizeof(float) / best_seconds;
}

}  // namespace

double Roofline::share(const OpWork& work) const {
  if (!(work.seconds > 0 && gflops > 0 && gb_per_second > 0)) return 0;
  return std::max(work.gflops() / gflops, work.gb_per_second() / gb_per_second);
}

Roofline measure_roofline() {
  Roofline roofline;
  roofline.gflops = autograd::kernels::measure_machine_rate().best();
  const int64_t last_cache = std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), 0L);  // 0: not known
  roofline.triad_bytes = std::clamp(2 * last_cache, int64_t{256} << 20, int64_t{1} << 30);
  roofline.gb_per_second = triad_rate(roofline.triad_bytes) / 1e9;
  return roofline;
}

}  // namespace swin::trainers
