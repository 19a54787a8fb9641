// Wrappers of the two libraries. openblas.cpp and onednn.cpp are the only includers of their
// headers.
#pragma once
#include "autograd/kernels/gemm.h"

namespace swin::autograd::kernels {

void openblas_gemm(const GemmArguments& product);
/// Sets a pthread build to one thread. An OpenMP build is left alone: parallel_for controls it.
std::string openblas_setup();  ///< name, version and core

void onednn_sgemm(const GemmArguments& product);
std::string onednn_setup();  ///< version and ISA
/// Seconds for one C = A · B of n × n matrices with the matmul primitive, on all threads.
double onednn_matmul_seconds(int64_t n, const float* a, const float* b, float* c);
}  // namespace swin::autograd::kernels
