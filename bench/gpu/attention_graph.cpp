#include "bench/gpu/attention_graph.h"

#include <cmath>
#include <utility>

namespace polonaise::bench {
namespace {

using kernels::AttentionShape;
using Extents = std::array<Index, 4>;
using Id = std::size_t;
using Kind = GraphTensor::Kind;

Extents packed(const Extents& e) {
  return {e[1] * e[2] * e[3], e[2] * e[3], e[3], 1};
}

Extents transposed(Extents e) {
  std::swap(e[2], e[3]);
  return e;
}

class Builder {
 public:
  Builder(const AttentionShape& shape, float masked) : s_(shape), masked_(number("masked", masked)) {}

  OperationGraph take() { return std::move(graph_); }

  Id number(const char* name, float value) {
    return add({name, {1, 1, 1, 1}, {1, 1, 1, 1}, Element::f32, Kind::number, value});
  }
  // A head's rows [T,D] of an array [B,T,columns*N*D], or the same as columns [D,T].
  Id rows(const char* name, Index columns) { return add(heads(name, columns)); }
  Id columns(const char* name, Index columns) {
    GraphTensor t = heads(name, columns);
    t.extents = transposed(t.extents);
    t.strides = transposed(t.strides);
    return add(std::move(t));
  }
  // Floats of the graph's own layout.
  Id floats(const char* name, Index width) {
    const Extents e{s_.B, s_.N, s_.T, width};
    return add({name, e, packed(e), Element::f32, Kind::memory});
  }

  // An operation whose result is as large as its first input.
  Id apply(Operation kind, const char* name, std::vector<Id> inputs, Element element = Element::f32, Index axis = -1) {
    return between(kind, name, inputs, graph_.tensors[inputs[0]].extents, element, axis);
  }
  Id reduce(Operation kind, const char* name, Id input) {
    Extents e = graph_.tensors[input].extents;
    e[3] = 1;
    return between(kind, name, {input}, e, Element::f32, -1);
  }
  Id product(const char* name, Id a, Id b) {
    Extents e = graph_.tensors[a].extents;
    e[3] = graph_.tensors[b].extents[3];
    return between(Operation::matmul, name, {a, b}, e, Element::f32, -1);
  }
  // A view: rows become columns where they are.
  Id transpose(const char* name, Id input, Element element) {
    GraphTensor t = graph_.tensors[input];
    t = {name, transposed(t.extents), transposed(t.strides), element, Kind::between};
    const Id output = add(std::move(t));
    into(Operation::transpose, {input}, output);
    return output;
  }
  // An operation whose result is a tensor that there is.
  void into(Operation kind, std::vector<Id> inputs, Id output) {
    graph_.operations.push_back({kind, std::move(inputs), output});
  }

  // q_i . k_j / sqrt(D) [B,N,T,T].
  Id scores(Id q, Id keys, Id scale) {
    return apply(Operation::multiply, "scaled", {product("products", q, keys), scale});
  }
  Id causal(Id scores) {
    const Id row = apply(Operation::index, "row", {scores}, Element::i32, 2);
    const Id column = apply(Operation::index, "column", {scores}, Element::i32, 3);
    const Id seen = apply(Operation::greater_or_equal, "seen", {row, column}, Element::boolean);
    return apply(Operation::select, "causal", {scores, masked_, seen});
  }
  // Rounded for a product: what tensor cores read.
  void round(Id tensor) { graph_.tensors[tensor].element = Element::bf16; }

 private:
  GraphTensor heads(const char* name, Index columns) const {
    const Index row = columns * s_.N * s_.D;
    return {name, {s_.B, s_.N, s_.T, s_.D}, {s_.T * row, s_.D, row, 1}, Element::bf16, Kind::memory};
  }
  Id between(Operation kind, const char* name, std::vector<Id> inputs, const Extents& e, Element element, Index axis) {
    const Id output = add({name, e, packed(e), element, Kind::between});
    graph_.operations.push_back({kind, std::move(inputs), output, axis});
    return output;
  }
  Id add(GraphTensor tensor) {
    graph_.tensors.push_back(std::move(tensor));
    return graph_.tensors.size() - 1;
  }

  AttentionShape s_;
  OperationGraph graph_;
  Id masked_;
};

float scale_of(const AttentionShape& s) {
  return 1 / std::sqrt(static_cast<float>(s.D));
}

}  // namespace

OperationGraph attention_forward_graph(const AttentionShape& shape, float masked) {
  using enum Operation;
  Builder b(shape, masked);
  const Id q = b.rows("q", 3), keys = b.columns("k", 3), v = b.rows("v", 3), y = b.rows("y", 1),
           log_sum = b.floats("log_sum", 1), scale = b.number("scale", scale_of(shape));
  const Id scores = b.causal(b.scores(q, keys, scale));
  const Id most = b.reduce(max, "most", scores);
  const Id powers = b.apply(exp, "powers", {b.apply(subtract, "below_most", {scores, most})});
  const Id total = b.reduce(sum, "total", powers);
  b.into(add, {most, b.apply(log, "log_total", {total})}, log_sum);
  const Id p = b.apply(divide, "p", {powers, total});
  b.round(p);
  b.into(matmul, {p, v}, y);
  return b.take();
}

OperationGraph attention_backward_graph(const AttentionShape& shape, float masked) {
  using enum Operation;
  Builder b(shape, masked);
  const Id q = b.rows("q", 3), keys = b.columns("k", 3), values = b.columns("v", 3), y = b.rows("y", 1),
           dy = b.rows("dy", 1), log_sum = b.floats("log_sum", 1), dq = b.rows("dq", 3), dk = b.rows("dk", 3),
           dv = b.rows("dv", 3), dy_y = b.floats("dy_y", 1), dq_sum = b.floats("dq_sum", shape.D);
  const Id scale = b.number("scale", scale_of(shape)), one = b.number("one", 1);
  // What all of a row's gradients of scores have in common. cuDNN knows the pattern with a factor, dropout's.
  b.into(multiply, {b.reduce(sum, "dy_y_of_all", b.apply(multiply, "dy_y_of_each", {dy, y})), one}, dy_y);
  // The probabilities anew, from the sums that forward kept.
  const Id p = b.apply(exp, "p", {b.causal(b.apply(subtract, "below_log_sum", {b.scores(q, keys, scale), log_sum}))});
  b.into(matmul, {b.transpose("p_transposed", p, Element::bf16), dy}, dv);
  const Id dp = b.product("dp", dy, values);
  const Id ds =
      b.apply(multiply, "ds", {b.apply(multiply, "ds_unscaled", {b.apply(subtract, "dp_less", {dp, dy_y}), p}), scale});
  b.into(matmul, {b.transpose("ds_transposed", ds, Element::bf16), q}, dk);
  b.into(matmul, {ds, b.transpose("k_rows", keys, Element::bf16)}, dq_sum);
  b.into(identity, {dq_sum}, dq);
  return b.take();
}

}  // namespace polonaise::bench
