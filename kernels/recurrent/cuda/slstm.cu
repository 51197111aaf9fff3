#include "kernels/recurrent/cuda/choose.cuh"

namespace polonaise::kernels {

template const CellKernels<float>& cell_kernels<recurrent::Slstm<CellNumber<float>>>();
template const CellKernels<bf16>& cell_kernels<recurrent::Slstm<CellNumber<bf16>>>();

}  // namespace polonaise::kernels
