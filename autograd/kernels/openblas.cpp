#include <cblas.h>

#include "autograd/kernels/gemm_libraries.h"

namespace swin::autograd::kernels {

void openblas_gemm(const GemmArguments& p) {
  const CBLAS_TRANSPOSE ta = p.transpose_a == Transpose::yes ? CblasTrans : CblasNoTrans;
  const CBLAS_TRANSPOSE tb = p.transpose_b == Transpose::yes ? CblasTrans : CblasNoTrans;
  const auto i = [](int64_t n) { return static_cast<blasint>(n); };
  const real beta = p.c.add ? 1 : 0;
#ifdef SWIN_REAL_DOUBLE
  const auto multiply = cblas_dgemm;
#else
  const auto multiply = cblas_sgemm;
#endif
  multiply(CblasRowMajor, ta, tb, i(p.m), i(p.n), i(p.k), 1, p.a, i(p.lda), p.b, i(p.ldb), beta,
           p.c.data, i(p.ldc));
}

GemmLibrary openblas_setup() {
  if (openblas_get_parallel() == 1) openblas_set_num_threads(1);
  return {"OpenBLAS", openblas_get_config(), openblas_get_corename()};
}

std::string openblas_core() {
  const std::string config = openblas_get_config();
  return config.find("DYNAMIC_ARCH") != std::string::npos ? openblas_get_corename() : "";
}

}  // namespace swin::autograd::kernels
