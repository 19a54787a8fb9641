#include <cstdlib>
#include <dnnl.hpp>

#include "autograd/kernels/gemm_libraries.h"
#include "base/isa.h"
#include "base/stopwatch.h"

namespace swin::autograd::kernels {
namespace {

void hold_to_isa_in_use() {
  if (base::isa() == base::best_isa()) return;
  for (const char* choice : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"})
    if (std::getenv(choice) != nullptr) return;
  dnnl_set_max_cpu_isa(base::isa() == base::Isa::avx2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41);
}

std::string core_text(int isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:  // of a newer oneDNN
      return std::to_string(isa);
  }
}

}  // namespace

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

GemmLibrary onednn_setup() {
  hold_to_isa_in_use();
  const dnnl_version_t* v = dnnl_version();
  const std::string version =
      std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  return {"oneDNN", version, core_text(dnnl_get_effective_cpu_isa())};
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
