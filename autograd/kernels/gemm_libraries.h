// Wrappers of the two libraries. openblas.cpp and onednn.cpp are the only includers of their
// headers.
#pragma once
#include "autograd/kernels/gemm.h"

namespace swin::autograd::kernels {

void openblas_gemm(const GemmArguments& product);
/// Name, version and core. Sets a pthread build to one thread. An OpenMP build is left alone:
/// parallel_for controls it.
GemmLibrary openblas_setup();

void onednn_sgemm(const GemmArguments& product);
/// Name, version and core. Holds oneDNN to the instruction set in use, if that is not the best one
/// and the user did not choose another: this must be the first call of the library.
GemmLibrary onednn_setup();
/// Seconds for one C = A · B of n × n matrices with the matmul primitive, on all threads.
double onednn_matmul_seconds(int64_t n, const float* a, const float* b, float* c);
}  // namespace swin::autograd::kernels
