#pragma once

#include <cudnn.h>

#include <stdexcept>
#include <string>

// cuDNN, opened when it is first asked for, so that the program also runs where it is not installed.
namespace polonaise::bench {

// The functions of cuDNN that the peers call, by their own names. Throws std::runtime_error where there is no cuDNN.
struct Cudnn {
#define POLONAISE_CUDNN_FUNCTIONS(each)                                                                               \
  each(cudnnGetVersion) each(cudnnCreate) each(cudnnDestroy) each(cudnnSetStream) each(cudnnGetErrorString)           \
      each(cudnnCreateRNNDescriptor) each(cudnnDestroyRNNDescriptor) each(cudnnSetRNNDescriptor_v8)                   \
          each(cudnnCreateRNNDataDescriptor) each(cudnnDestroyRNNDataDescriptor) each(cudnnSetRNNDataDescriptor)      \
              each(cudnnCreateTensorDescriptor) each(cudnnDestroyTensorDescriptor) each(cudnnSetTensorNdDescriptor)   \
                  each(cudnnCreateDropoutDescriptor) each(cudnnDestroyDropoutDescriptor)                              \
                      each(cudnnDropoutGetStatesSize) each(cudnnSetDropoutDescriptor) each(cudnnGetRNNTempSpaceSizes) \
                          each(cudnnGetRNNWeightSpaceSize) each(cudnnBuildRNNDynamic) each(cudnnRNNForward)           \
                              each(cudnnRNNBackwardData_v8) each(cudnnRNNBackwardWeights_v8)
#define POLONAISE_CUDNN_MEMBER(name) decltype(&::name) name;
  POLONAISE_CUDNN_FUNCTIONS(POLONAISE_CUDNN_MEMBER)
#undef POLONAISE_CUDNN_MEMBER
};
const Cudnn& cudnn();

// Throws "cuDNN could not WHAT: ..." unless all went well.
void check(cudnnStatus_t, const char* what);

}  // namespace polonaise::bench
