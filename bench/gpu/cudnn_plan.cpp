#include "bench/gpu/cudnn_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kernels/base/require.h"

namespace polonaise::bench {
namespace {

using Kind = GraphTensor::Kind;

cudnnDataType_t type_of(Element element) {
  switch (element) {
    case Element::f32:
      return CUDNN_DATA_FLOAT;
    case Element::bf16:
      return CUDNN_DATA_BFLOAT16;
    case Element::i32:
      return CUDNN_DATA_INT32;
    case Element::boolean:
      return CUDNN_DATA_BOOLEAN;
  }
  return CUDNN_DATA_FLOAT;
}

// Of a pointwise operation.
cudnnPointwiseMode_t mode_of(Operation kind) {
  switch (kind) {
    case Operation::index:
      return CUDNN_POINTWISE_GEN_INDEX;
    case Operation::add:
      return CUDNN_POINTWISE_ADD;
    case Operation::subtract:
      return CUDNN_POINTWISE_SUB;
    case Operation::multiply:
      return CUDNN_POINTWISE_MUL;
    case Operation::divide:
      return CUDNN_POINTWISE_DIV;
    case Operation::exp:
      return CUDNN_POINTWISE_EXP;
    case Operation::log:
      return CUDNN_POINTWISE_LOG;
    case Operation::greater_or_equal:
      return CUDNN_POINTWISE_CMP_GE;
    case Operation::select:
      return CUDNN_POINTWISE_BINARY_SELECT;
    default:
      return CUDNN_POINTWISE_IDENTITY;
  }
}

}  // namespace

BackendDescriptor::BackendDescriptor(cudnnBackendDescriptorType_t type, std::string what) : what_(std::move(what)) {
  check(cudnn().cudnnBackendCreateDescriptor(type, &descriptor_), "make a descriptor to " + what_);
}

BackendDescriptor::~BackendDescriptor() {
  cudnn().cudnnBackendDestroyDescriptor(descriptor_);
}

void BackendDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                            const void* elements) {
  check(cudnn().cudnnBackendSetAttribute(descriptor_, name, type, count, elements),
        what_ + " (cudnnBackendSetAttribute " + std::to_string(name) + ")");
}

void BackendDescriptor::finalize() {
  check(cudnn().cudnnBackendFinalize(descriptor_), what_ + " (cudnnBackendFinalize)");
}

CudnnPlan::CudnnPlan(cudnnHandle_t handle, const std::string& card, const OperationGraph& graph)
    : handle_(handle), graph_(graph) {
  if (!card.empty()) {
    BackendDescriptor& d = make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "read a card's description");
    d.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, std::ssize(card), card.data());
    d.finalize();
    card_ = d.get();
  }
  for (const GraphTensor& tensor : graph_.tensors) make_tensor(std::ssize(tensors_) + 1, tensor);
  for (const GraphOperation& operation : graph_.operations) make_operation(operation);
  BackendDescriptor& d = make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "take the graph");
  if (handle_) d.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle_);
  d.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::ssize(operations_), operations_.data());
  d.finalize();
  operation_graph_ = d.get();
  if (!make_plan(CUDNN_HEUR_MODE_A) && !make_plan(CUDNN_HEUR_MODE_FALLBACK))
    throw std::runtime_error(refusal_.empty() ? "cuDNN knows no plan for this graph" : refusal_);
}

BackendDescriptor& CudnnPlan::make(cudnnBackendDescriptorType_t type, const std::string& what) {
  return made_.emplace_back(type, what);
}

void CudnnPlan::make_tensor(std::int64_t id, const GraphTensor& tensor) {
  BackendDescriptor& d = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "describe " + tensor.name);
  const cudnnDataType_t type = type_of(tensor.element);
  const std::int64_t alignment = 16;
  const bool between = tensor.kind == Kind::between, number = tensor.kind == Kind::number;
  std::array<std::int64_t, 4> extents{}, strides{};
  std::ranges::copy(tensor.extents, extents.begin());
  std::ranges::copy(tensor.strides, strides.begin());
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, extents.data());
  d.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &between);
  d.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &number);
  d.finalize();
  tensors_.push_back(d.get());
}

void CudnnPlan::make_operation(const GraphOperation& operation) {
  const std::string what = "make " + graph_.tensors[operation.output].name;
  const auto input = [&](std::size_t i) { return tensors_[operation.inputs[i]]; };
  const cudnnBackendDescriptor_t output = tensors_[operation.output];
  const cudnnDataType_t in_float = CUDNN_DATA_FLOAT;
  BackendDescriptor* made = nullptr;
  if (operation.kind == Operation::matmul) {
    BackendDescriptor& how = make(CUDNN_BACKEND_MATMUL_DESCRIPTOR, what);
    how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &in_float);
    how.finalize();
    made = &make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, what);
    made->set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how.get());
    made->set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, input(0));
    made->set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, input(1));
    made->set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, output);
  } else if (operation.kind == Operation::sum || operation.kind == Operation::max) {
    const cudnnReduceTensorOp_t mode =
        operation.kind == Operation::sum ? CUDNN_REDUCE_TENSOR_ADD : CUDNN_REDUCE_TENSOR_MAX;
    BackendDescriptor& how = make(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, what);
    how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &in_float);
    how.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &mode);
    how.finalize();
    made = &make(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, what);
    made->set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how.get());
    made->set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, input(0));
    made->set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, output);
  } else if (operation.kind == Operation::transpose) {
    made = &make(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, what);
    made->set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, input(0));
    made->set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, output);
  } else {
    const cudnnPointwiseMode_t mode = mode_of(operation.kind);
    const cudnnDataType_t type = operation.kind == Operation::greater_or_equal ? CUDNN_DATA_BOOLEAN : in_float;
    BackendDescriptor& how = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, what);
    how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    const std::int64_t axis = operation.axis;
    if (operation.kind == Operation::index) how.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, 1, &axis);
    how.finalize();
    made = &make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, what);
    made->set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how.get());
    constexpr cudnnBackendAttributeName_t kInputs[] = {CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                                                       CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                                                       CUDNN_ATTR_OPERATION_POINTWISE_TDESC};
    for (std::size_t i = 0; i < operation.inputs.size(); ++i) made->set(kInputs[i], input(i));
    made->set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, output);
  }
  made->finalize();
  operations_.push_back(made->get());
}

bool CudnnPlan::make_plan(cudnnBackendHeurMode_t mode) {
  BackendDescriptor& heuristics = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "ask for plans");
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operation_graph_);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (card_) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, card_);
  heuristics.finalize();
  constexpr std::int64_t kMost = 16;
  std::vector<cudnnBackendDescriptor_t> configurations;
  for (std::int64_t i = 0; i < kMost; ++i)
    configurations.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "take a plan's engine").get());
  std::int64_t count = 0;
  check(cudnn().cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                         kMost, &count, configurations.data()),
        "tell its plans (cudnnBackendGetAttribute)");
  for (std::int64_t i = 0; i < std::min(count, kMost); ++i) {
    BackendDescriptor& plan = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "make a plan");
    if (handle_) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle_);
    if (card_) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, card_);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations[static_cast<std::size_t>(i)]);
    try {
      plan.finalize();
    } catch (const CudnnError& error) {
      if (CUDNN_STATUS_CATEGORY(error.status) != CUDNN_STATUS_NOT_SUPPORTED) throw;
      if (refusal_.empty()) refusal_ = error.what();
      continue;
    }
    plan_ = plan.get();
    return true;
  }
  return false;
}

std::size_t CudnnPlan::workspace_bytes() const {
  std::int64_t bytes = 0, count = 0;
  check(cudnn().cudnnBackendGetAttribute(plan_, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                         &bytes),
        "size a plan's memory (cudnnBackendGetAttribute)");
  return static_cast<std::size_t>(bytes);
}

void CudnnPlan::bind(const std::map<std::string, void*>& memory, void* workspace) {
  std::vector<std::int64_t> ids;
  std::vector<void*> pointers;
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    GraphTensor& tensor = graph_.tensors[i];
    if (tensor.kind == Kind::between) continue;
    ids.push_back(static_cast<std::int64_t>(i) + 1);
    pointers.push_back(tensor.kind == Kind::number ? &tensor.value : memory.at(tensor.name));
  }
  BackendDescriptor& pack = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "take the arrays");
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::ssize(ids), ids.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::ssize(pointers), pointers.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize();
  pack_ = pack.get();
}

void CudnnPlan::run() {
  require(pack_ != nullptr, "a plan of cuDNN's runs once its arrays are bound");
  check(cudnn().cudnnBackendExecute(handle_, plan_, pack_), "run a plan (cudnnBackendExecute)");
}

}  // namespace polonaise::bench
