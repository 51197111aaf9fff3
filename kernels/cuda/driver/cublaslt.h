#pragma once

#include <cublasLt.h>

#include <compare>
#include <cstddef>
#include <map>
#include <memory>

#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/context.h"

namespace polonaise {

// A matrix product in cuBLASLt's terms: matrices are column-major, with `leading` elements from one column to the next.
struct CublasLtProduct {
  struct Matrix {
    std::ptrdiff_t rows = 0, columns = 0, leading = 0;
    std::size_t alignment = 0;  // of its address, in bytes
    bool transposed = false;    // as a factor
    auto operator<=>(const Matrix&) const = default;
  };
  cudaDataType_t factors = CUDA_R_32F, result = CUDA_R_32F;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  Matrix a, b, c;
  bool bias = false;
  auto operator<=>(const CublasLtProduct&) const = default;
};

// cuBLASLt, opened while the program runs: a program without a card neither needs nor loads it (its 500 MB take 0.15
// s). It holds a handle and, for each product that it has made, the algorithm: the library's first proposal among those
// that add in one order and in float.
class CublasLt {
 public:
  CublasLt();  // std::runtime_error where there is no library, or no card
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  // c = a b + beta c, with bias[row] added to every column of c where the product has one.
  void multiply(const Cuda&, const CublasLtProduct&, const void* a, const void* b, void* c, float beta,
                const void* bias);

 private:
  struct Library;
  struct Plan;
  const Plan& plan(const CublasLtProduct&, const void* bias);

  std::unique_ptr<const Library> library_;
  cublasLtHandle_t handle_ = nullptr;
  CudaMemory workspace_;
  std::map<CublasLtProduct, std::unique_ptr<Plan>> plans_;
};

}  // namespace polonaise
