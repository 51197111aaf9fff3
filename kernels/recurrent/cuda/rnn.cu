#include "kernels/recurrent/cuda/choose.cuh"

namespace polonaise::kernels {

template const CellKernels<float>& cell_kernels<recurrent::Rnn<CellNumber<float>>>();
template const CellKernels<bf16>& cell_kernels<recurrent::Rnn<CellNumber<bf16>>>();

}  // namespace polonaise::kernels
