#include "kernels/cuda/driver/cublaslt.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace polonaise {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;  // what its manual advises for compute capability 9.0

// The library of the headers' version; where the loader does not know it, where the toolkit installs it.
void* open_library() {
  const std::string name = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
  std::string reason;
  for (const std::string& path : {name, "/usr/local/cuda/lib64/" + name}) {
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    if (reason.empty()) reason = dlerror();
  }
  throw std::runtime_error("cuBLASLt is not to be had (" + reason +
                           "): install the CUDA toolkit's cuBLAS, or use --device cpu");
}

// An object of cuBLASLt's, destroyed with its owner.
template <class T>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, cublasStatus_t (*)(T)>;

}  // namespace

// Its functions, by their own names.
struct CublasLt::Library {
  void* const handle = open_library();

#define POLONAISE_CUBLASLT(function) \
  decltype(&::cublasLt##function) const function = find<decltype(&::cublasLt##function)>("cublasLt" #function)
  POLONAISE_CUBLASLT(Create);
  POLONAISE_CUBLASLT(Destroy);
  POLONAISE_CUBLASLT(GetStatusString);
  POLONAISE_CUBLASLT(Matmul);
  POLONAISE_CUBLASLT(MatmulAlgoGetHeuristic);
  POLONAISE_CUBLASLT(MatmulDescCreate);
  POLONAISE_CUBLASLT(MatmulDescDestroy);
  POLONAISE_CUBLASLT(MatmulDescSetAttribute);
  POLONAISE_CUBLASLT(MatmulPreferenceCreate);
  POLONAISE_CUBLASLT(MatmulPreferenceDestroy);
  POLONAISE_CUBLASLT(MatmulPreferenceSetAttribute);
  POLONAISE_CUBLASLT(MatrixLayoutCreate);
  POLONAISE_CUBLASLT(MatrixLayoutDestroy);
#undef POLONAISE_CUBLASLT

  template <class Function>
  Function find(const char* name) const {
    void* const symbol = dlsym(handle, name);
    if (symbol == nullptr) throw std::runtime_error("this cuBLASLt has no " + std::string(name) + ": install another");
    return reinterpret_cast<Function>(symbol);
  }

  void check(cublasStatus_t status, const char* what) const {
    if (status != CUBLAS_STATUS_SUCCESS)
      throw std::runtime_error("cuBLASLt could not " + std::string(what) + ": " + GetStatusString(status));
  }

  Owned<cublasLtMatrixLayout_t> layout(cudaDataType_t type, const CublasLtProduct::Matrix& matrix) const {
    cublasLtMatrixLayout_t made = nullptr;
    check(MatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(matrix.rows),
                             static_cast<std::uint64_t>(matrix.columns), matrix.leading),
          "describe a matrix");
    return {made, MatrixLayoutDestroy};
  }
};

// A product as the library keeps it, and how it is made.
struct CublasLt::Plan {
  Owned<cublasLtMatmulDesc_t> description;
  Owned<cublasLtMatrixLayout_t> a, b, c;
  cublasLtMatmulAlgo_t algorithm = {};
};

CublasLt::CublasLt() : library_(std::make_unique<const Library>()), workspace_(kWorkspaceBytes) {
  library_->check(library_->Create(&handle_), "start");
}

CublasLt::~CublasLt() {
  plans_.clear();
  library_->Destroy(handle_);  // the library stays loaded: it does not bear being closed
}

const CublasLt::Plan& CublasLt::plan(const CublasLtProduct& product, const void* bias) {
  std::unique_ptr<Plan>& known = plans_[product];
  if (known) return *known;
  const Library& lt = *library_;
  cublasLtMatmulDesc_t description = nullptr;
  lt.check(lt.MatmulDescCreate(&description, product.compute, CUDA_R_32F), "describe a product");
  auto plan = std::make_unique<Plan>(Plan{.description = {description, lt.MatmulDescDestroy},
                                          .a = lt.layout(product.factors, product.a),
                                          .b = lt.layout(product.factors, product.b),
                                          .c = lt.layout(product.result, product.c)});
  const auto describe = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    lt.check(lt.MatmulDescSetAttribute(description, attribute, &value, sizeof value), "describe a product");
  };
  const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  describe(CUBLASLT_MATMUL_DESC_TRANSA, operation(product.a.transposed));
  describe(CUBLASLT_MATMUL_DESC_TRANSB, operation(product.b.transposed));
  if (product.bias) {
    describe(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    describe(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }

  cublasLtMatmulPreference_t made = nullptr;
  lt.check(lt.MatmulPreferenceCreate(&made), "state a preference");
  const Owned<cublasLtMatmulPreference_t> preference(made, lt.MatmulPreferenceDestroy);
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    lt.check(lt.MatmulPreferenceSetAttribute(made, attribute, &value, sizeof value), "state a preference");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kWorkspaceBytes});
  // Where k is split, parts are added in float and in order. The other schemes add in the output's type.
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(product.a.alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(product.b.alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(product.c.alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(product.c.alignment));

  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  lt.check(lt.MatmulAlgoGetHeuristic(handle_, description, plan->a.get(), plan->b.get(), plan->c.get(), plan->c.get(),
                                     made, 1, &best, &found),
           "choose an algorithm");
  lt.check(found > 0 ? best.state : CUBLAS_STATUS_NOT_SUPPORTED, "choose an algorithm");
  plan->algorithm = best.algo;
  known = std::move(plan);
  return *known;
}

void CublasLt::multiply(const Cuda& cuda, const CublasLtProduct& product, const void* a, const void* b, void* c,
                        float beta, const void* bias) {
  const Plan& plan = this->plan(product, bias);
  if (product.bias)
    library_->check(
        library_->MatmulDescSetAttribute(plan.description.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
        "describe a product");
  const float alpha = 1.0f;
  library_->check(library_->Matmul(handle_, plan.description.get(), &alpha, a, plan.a.get(), b, plan.b.get(), &beta, c,
                                   plan.c.get(), c, plan.c.get(), &plan.algorithm, workspace_.data(), kWorkspaceBytes,
                                   cuda.stream()),
                  "multiply matrices");
}

CublasLt& Cuda::cublaslt() const {
  std::shared_ptr<CublasLt>& opened = opened_cublaslt();
  if (!opened) opened = std::make_shared<CublasLt>();
  return *opened;
}

}  // namespace polonaise
