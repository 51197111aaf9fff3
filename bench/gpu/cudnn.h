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
                              each(cudnnRNNBackwardData_v8) each(cudnnRNNBackwardWeights_v8)                          \
                                  each(cudnnGetLastErrorString) each(cudnnBackendCreateDescriptor)                    \
                                      each(cudnnBackendDestroyDescriptor) each(cudnnBackendSetAttribute)              \
                                          each(cudnnBackendGetAttribute) each(cudnnBackendFinalize)                   \
                                              each(cudnnBackendExecute)
#define POLONAISE_CUDNN_MEMBER(name) decltype(&::name) name;
  POLONAISE_CUDNN_FUNCTIONS(POLONAISE_CUDNN_MEMBER)
#undef POLONAISE_CUDNN_MEMBER
};
const Cudnn& cudnn();

struct CudnnError : std::runtime_error {
  CudnnError(cudnnStatus_t error, const std::string& sentence) : std::runtime_error(sentence), status(error) {}
  cudnnStatus_t status;
};

// Throws CudnnError, "cuDNN could not WHAT: ...", unless all went well.
void check(cudnnStatus_t, const std::string& what);

// A descriptor of cuDNN's, destroyed with its owner.
template <class T, auto kCreate, auto kDestroy>
class Descriptor {
 public:
  Descriptor() { check((cudnn().*kCreate)(&value_), "make a descriptor"); }
  ~Descriptor() { (cudnn().*kDestroy)(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return value_; }

 private:
  T value_ = nullptr;
};
using Handle = Descriptor<cudnnHandle_t, &Cudnn::cudnnCreate, &Cudnn::cudnnDestroy>;

}  // namespace polonaise::bench
