#include <dnnl.hpp>

#include "autograd/kernels/gemm_libraries.h"
#include "base/stopwatch.h"

namespace swin::autograd::kernels {

#ifdef SWIN_REAL_DOUBLE
void onednn_sgemm(const GemmArguments& p) { openblas_gemm(p); }  // oneDNN has no double product
#else
void onednn_sgemm(const GemmArguments& p) {
  const char ta = p.transpose_a == Transpose::yes ? 'T' : 'N';
  const char tb = p.transpose_b == Transpose::yes ? 'T' : 'N';
  dnnl_sgemm(ta, tb, p.m, p.n, p.k, 1.f, p.a, p.lda, p.b, p.ldb, p.c.add ? 1.f : 0.f, p.c.data,
             p.ldc);
}
#endif

std::string onednn_setup() {
  const dnnl_version_t* v = dnnl_version();
  std::string isa = "isa " + std::to_string(static_cast<int>(dnnl_get_effective_cpu_isa()));
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
         std::to_string(v->patch) + " " + isa;
}

double onednn_matmul_seconds(int64_t n, const float* a, const float* b, float* c) {
  using namespace dnnl;
  static const engine cpu(engine::kind::cpu, 0);
  static stream queue(cpu);
  const auto plain = [&](memory::format_tag tag) {
    return memory::desc({n, n}, memory::data_type::f32, tag);
  };
  const memory::desc rows = plain(memory::format_tag::ab);
  const memory::desc any = plain(memory::format_tag::any);
#if DNNL_VERSION_MAJOR >= 3  // Debian 12 has 2.6, Debian 13 has 3.7
  const matmul::primitive_desc description(cpu, rows, any, rows);
#else
  const matmul::primitive_desc description(matmul::desc(rows, any, rows), cpu);
#endif
  const matmul product(description);
  memory x(rows, cpu, const_cast<float*>(a));
  memory w(rows, cpu, const_cast<float*>(b));
  memory y(rows, cpu, c);
  memory packed(description.weights_desc(), cpu);
  reorder(w, packed).execute(queue, w, packed);
  queue.wait();
  const base::Stopwatch watch;
  product.execute(queue, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, y}});
  queue.wait();
  return watch.seconds();
}

}  // namespace swin::autograd::kernels
