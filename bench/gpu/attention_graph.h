#pragma once

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"

// Attention as a graph of plain operations on tensors: data, which cudnn_plan.h makes a plan of cuDNN's from, and
// which tests evaluate.
namespace polonaise::bench {

enum class Element { f32, bf16, i32, boolean };

struct GraphTensor {
  enum class Kind {
    memory,   // in the card's memory, bound by name
    between,  // from one operation to another: never in memory
    number,   // one value, the host's
  };
  std::string name;
  std::array<Index, 4> extents;
  std::array<Index, 4> strides;  // in elements
  Element element = Element::f32;
  Kind kind = Kind::between;
  float value = 0;  // of a number
};

// The operations of a graph, computed in float. Pointwise ones broadcast an input along axes of one element.
enum class Operation {
  matmul,            // the last two axes: [M,K] x [K,N]
  transpose,         // the last two axes, of what is given
  index,             // along an axis: the index itself
  add,               // a + b
  subtract,          // a - b
  multiply,          // a b
  divide,            // a / b
  exp,               //
  log,               //
  identity,          //
  greater_or_equal,  // a >= b
  select,            // c ? a : b
  sum,               // along the last axis
  max,               // along the last axis
};

struct GraphOperation {
  Operation kind;
  std::vector<std::size_t> inputs;  // tensors of the graph
  std::size_t output;
  Index axis = -1;  // of an index
};

struct OperationGraph {
  std::vector<GraphTensor> tensors;
  std::vector<GraphOperation> operations;  // each after those that make its inputs
};

// kernels/attention/attention.h's attention without positions, in bf16, after FlashAttention-2 (Dao 2023), on its own
// arrays: q, k and v are columns of qkv [B,T,3*N*D], and likewise their gradients. `masked` stands for scores of keys
// that come later. Memory: q, k, v; y [B,T,N*D] and log_sum [B,N,T] are made.
OperationGraph attention_forward_graph(const kernels::AttentionShape&,
                                       float masked = -std::numeric_limits<float>::infinity());
// Memory: q, k, v, y, log_sum, dy; dq, dk, dv are made; dy_y [B,N,T] and dq_sum [B,N,T,D], floats, are scratch.
OperationGraph attention_backward_graph(const kernels::AttentionShape&,
                                        float masked = -std::numeric_limits<float>::infinity());

}  // namespace polonaise::bench
