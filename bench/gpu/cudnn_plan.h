#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "bench/gpu/attention_graph.h"
#include "bench/gpu/cudnn.h"

namespace polonaise::bench {

// A descriptor of cuDNN's backend. `what` is for the sentence of a failure.
class BackendDescriptor {
 public:
  BackendDescriptor(cudnnBackendDescriptorType_t, std::string what);
  ~BackendDescriptor();
  BackendDescriptor(const BackendDescriptor&) = delete;
  BackendDescriptor& operator=(const BackendDescriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor_; }
  const std::string& what() const { return what_; }
  void set(cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, std::int64_t count, const void* elements);
  void set(cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other);
  }
  void finalize();

 private:
  std::string what_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

// A graph of operations as cuDNN runs it: the first plan that its heuristics propose and that it can make. Throws a
// sentence of what cuDNN refused.
class CudnnPlan {
 public:
  // Makes a plan for the GPU of the handle.
  CudnnPlan(cudnnHandle_t handle, const OperationGraph& graph) : CudnnPlan(handle, "", graph) {}
  // Makes a plan for a GPU that need not be present, from its properties in CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION.
  CudnnPlan(const std::string& card, const OperationGraph& graph) : CudnnPlan(nullptr, card, graph) {}

  std::size_t workspace_bytes() const;
  // Sets the address of each of the graph's tensors, by name.
  void bind(const std::map<std::string, void*>& memory, void* workspace);
  // Queues a run on the handle's stream. Only where bound.
  void run();

 private:
  CudnnPlan(cudnnHandle_t, const std::string& card, const OperationGraph&);
  BackendDescriptor& make(cudnnBackendDescriptorType_t, const std::string& what);
  void make_tensor(std::int64_t id, const GraphTensor&);
  void make_operation(const GraphOperation&);
  // Whether a mode of the heuristics knows a plan that is supported.
  bool make_plan(cudnnBackendHeurMode_t);

  cudnnHandle_t handle_;
  OperationGraph graph_;
  std::list<BackendDescriptor> made_;  // all of them, since some refer to others
  std::vector<cudnnBackendDescriptor_t> tensors_, operations_;
  cudnnBackendDescriptor_t card_ = nullptr, operation_graph_ = nullptr, plan_ = nullptr, pack_ = nullptr;
  std::string refusal_;  // of the best plan that is not supported
};

}  // namespace polonaise::bench
