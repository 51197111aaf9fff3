#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/devices.h"

struct CUstream_st;  // what CUDA's cudaStream_t points to: this header needs none of CUDA's

namespace polonaise {

// The properties of a GPU by which kernels choose their shapes.
struct CudaProperties {
  int ordinal = 0;
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::size_t shared_memory_per_block = 0;  // the most that a kernel may ask for
  std::size_t shared_memory_per_multiprocessor = 0;
  std::size_t memory = 0;
};

// "NVIDIA H200 (compute capability 9.0, 132 multiprocessors, 140 GiB)"
std::string describe(const CudaProperties&);

// Why a card is not to be had.
struct CudaRefusal {
  std::string reason = {};  // half a sentence; empty where nothing is refused
  bool unusable = false;    // one is there: it, or its driver, is too old or does not answer
};

// The cards that the driver shows. Where there are none, the refusal says why: no driver, one that is too old, no card.
// Nothing is opened, and no memory taken.
struct CudaCards : CudaRefusal {
  std::vector<CudaProperties> cards = {};
};
CudaCards find_cuda_cards();

struct OpenedCuda;
class CublasLt;

// How float matrices are multiplied: in float throughout, or on tensor cores, which read 10 bits of a factor's fraction
// (tf32) and add in float. bf16 matrices are always multiplied there.
enum class MatrixMath { exact, tf32 };

// The kernels of recurrent layers (ARCHITECTURE.md, "Recurrent stacks on a card"): of those that have room for a layer
// the fastest, or those of one kind alone, for tests and measurements; a layer that they have no room for is then an
// error. `wavefront`: those of `block`, with several layers in one launch; all others have a layer at a time.
enum class RecurrentKernels { fastest, wavefront, block, cluster, grid, stepwise };

// A card and the stream that kernels are launched on. Copies share the stream, which goes with the last of them.
class Cuda {
 public:
  const CudaProperties& properties() const;
  CUstream_st* stream() const;

  // Whether every launch waits for its kernel, so that an error names it: POLONAISE_SYNC=1 in the environment.
  bool synchronous() const;

  // Device memory for the partial results of reductions. Kernels of one stream use it in turn: what an op leaves there
  // is the next one's to overwrite.
  static constexpr std::size_t kScratchBytes = std::size_t{4} << 20;
  void* scratch() const;

  MatrixMath matrix_math() const { return matrix_math_; }
  void set_matrix_math(MatrixMath math) { matrix_math_ = math; }

  RecurrentKernels recurrent_kernels() const { return recurrent_kernels_; }
  void set_recurrent_kernels(RecurrentKernels kernels) { recurrent_kernels_ = kernels; }

  // The library behind matrix products (kernels/cuda/driver/cublaslt.h), opened at the first call.
  CublasLt& cublaslt() const;

  // Makes the card the calling thread's current one: CUDA's calls act on that.
  void make_current() const;

 private:
  struct State;
  std::shared_ptr<CublasLt>& opened_cublaslt() const;
  explicit Cuda(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  friend OpenedCuda open_cuda(int ordinal);

  std::shared_ptr<const State> state_;
  MatrixMath matrix_math_ = MatrixMath::exact;
  RecurrentKernels recurrent_kernels_ = RecurrentKernels::fastest;
};

// A card opened, or why it could not be: a driver that does not answer is no error of the program's.
struct OpenedCuda : CudaRefusal {
  std::optional<Cuda> cuda = {};
};
OpenedCuda open_cuda(int ordinal = 0);

}  // namespace polonaise
