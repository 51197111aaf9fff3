#include "kernels/recurrent/cuda/sm90/cluster.cuh"

namespace polonaise::kernels::recurrent {

template bool forward_on_cluster<Rnn<CellNumber<float>>>(Cuda&, const RecurrentLoop<float>&);
template bool forward_on_cluster<Rnn<CellNumber<bf16>>>(Cuda&, const RecurrentLoop<bf16>&);
template bool backward_on_cluster<Rnn<CellNumber<float>>>(Cuda&, const RecurrentLoop<float>&);
template bool backward_on_cluster<Rnn<CellNumber<bf16>>>(Cuda&, const RecurrentLoop<bf16>&);

}  // namespace polonaise::kernels::recurrent
