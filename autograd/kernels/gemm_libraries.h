// The doors to the two libraries, one .cpp each: openblas.cpp and onednn.cpp.
#pragma once
#include "autograd/kernels/gemm.h"

namespace swin::autograd::kernels {

void openblas_gemm(const GemmArguments& product);
/// Sets a pthread build to one thread; leaves an OpenMP build alone, which obeys parallel_for.
std::string openblas_setup();  ///< name, version and core

void onednn_sgemm(const GemmArguments& product);
std::string onednn_setup();  ///< version and ISA
/// Seconds of one C = A · B of side n through the matmul primitive, on all threads.
double onednn_matmul_seconds(int64_t n, const float* a, const float* b, float* c);
}  // namespace swin::autograd::kernels
