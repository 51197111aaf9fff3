#include "bench/gpu/attention_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace polonaise::bench {
namespace {

using kernels::AttentionShape;
using Place = std::array<Index, 4>;

Index offset(const GraphTensor& t, const Place& at) {
  Index sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum += (t.extents[i] == 1 ? 0 : at[i]) * t.strides[i];
  return sum;
}

void for_each(const Place& extents, const std::function<void(Place)>& body) {
  Place at{};
  for (at[0] = 0; at[0] < extents[0]; ++at[0])
    for (at[1] = 0; at[1] < extents[1]; ++at[1])
      for (at[2] = 0; at[2] < extents[2]; ++at[2])
        for (at[3] = 0; at[3] < extents[3]; ++at[3]) body(at);
}

// What a graph says, operation by operation, in double.
class Evaluation {
 public:
  Evaluation(const OperationGraph& graph, const std::map<std::string, float*>& memory) : graph_(graph) {
    for (const GraphTensor& t : graph.tensors) {
      Place last = t.extents;
      for (Index& i : last) --i;
      values_.emplace_back(static_cast<std::size_t>(offset(t, last) + 1), t.value);
      if (t.kind != GraphTensor::Kind::memory) continue;
      float* const from = memory.at(t.name);
      for_each(t.extents, [&](Place at) { value(values_.size() - 1, at) = from[offset(t, at)]; });
    }
    for (const GraphOperation& operation : graph.operations) evaluate(operation);
    for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
      const GraphTensor& t = graph.tensors[i];
      if (t.kind != GraphTensor::Kind::memory) continue;
      float* const to = memory.at(t.name);
      for_each(t.extents, [&](Place at) { to[offset(t, at)] = static_cast<float>(value(i, at)); });
    }
  }

 private:
  double& value(std::size_t tensor, const Place& at) {
    return values_[tensor].at(static_cast<std::size_t>(offset(graph_.tensors[tensor], at)));
  }

  void evaluate(const GraphOperation& operation) {
    const auto& in = operation.inputs;
    for_each(graph_.tensors[operation.output].extents, [&](Place at) {
      const Index along = graph_.tensors[in[0]].extents[3];
      const auto of = [&](std::size_t i) { return value(in[i], at); };
      const auto fold = [&](double first, auto&& join) {
        for (Index j = 0; j < along; ++j) first = join(first, j);
        return first;
      };
      double result = 0;
      switch (operation.kind) {
        case Operation::matmul:
          result = fold(0, [&](double sum, Index j) {
            return sum + value(in[0], {at[0], at[1], at[2], j}) * value(in[1], {at[0], at[1], j, at[3]});
          });
          break;
        case Operation::transpose:
          result = value(in[0], {at[0], at[1], at[3], at[2]});
          break;
        case Operation::index:
          result = static_cast<double>(at[static_cast<std::size_t>(operation.axis)]);
          break;
        case Operation::add:
          result = of(0) + of(1);
          break;
        case Operation::subtract:
          result = of(0) - of(1);
          break;
        case Operation::multiply:
          result = of(0) * of(1);
          break;
        case Operation::divide:
          result = of(0) / of(1);
          break;
        case Operation::exp:
          result = std::exp(of(0));
          break;
        case Operation::log:
          result = std::log(of(0));
          break;
        case Operation::identity:
          result = of(0);
          break;
        case Operation::greater_or_equal:
          result = of(0) >= of(1);
          break;
        case Operation::select:
          result = of(2) != 0 ? of(0) : of(1);
          break;
        case Operation::sum:
          result = fold(0, [&](double sum, Index j) { return sum + value(in[0], {at[0], at[1], at[2], j}); });
          break;
        case Operation::max:
          result = fold(-INFINITY, [&](double most, Index j) {
            return std::max(most, value(in[0], {at[0], at[1], at[2], j}));
          });
          break;
      }
      value(operation.output, at) = result;
    });
  }

  const OperationGraph& graph_;
  std::vector<std::vector<double>> values_;
};

std::vector<float> numbers(Index size, float seed) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(seed + 1.7f * static_cast<float>(i));
  return values;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected) {
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-5) << i;
}

// The CPU's kernels read and write the same arrays, which pins the layout too.
TEST(AttentionGraph, SaysWhatTheKernelsCompute) {
  const AttentionShape s{2, 7, 3, 4};
  const Index C = s.N * s.D, values = s.B * s.T * C, sums = s.B * s.N * s.T;
  std::vector<float> qkv = numbers(3 * values, 0), dy = numbers(values, 0.5f), y = numbers(values, 1), dqkv(qkv),
                     log_sum = numbers(sums, 2), dy_y(log_sum), dq_sum(y);
  const std::map<std::string, float*> memory{
      {"q", qkv.data()},     {"k", qkv.data() + C},       {"v", qkv.data() + 2 * C}, {"y", y.data()},
      {"dy", dy.data()},     {"log_sum", log_sum.data()}, {"dq", dqkv.data()},       {"dk", dqkv.data() + C},
      {"dy_y", dy_y.data()}, {"dv", dqkv.data() + 2 * C}, {"dq_sum", dq_sum.data()}};
  Evaluation(attention_forward_graph(s), memory);
  Evaluation(attention_backward_graph(s), memory);

  Cpu cpu;
  std::vector<float> expected_y(y.size()), expected_dqkv(qkv.size()), expected_log_sum(log_sum.size()),
      scratch(static_cast<std::size_t>(kernels::attention_scratch_size(cpu, s)));
  const View<float, 3> of_y(expected_y.data(), {s.B, s.T, C}), of_sums(expected_log_sum.data(), {s.B, s.N, s.T});
  const View<float, 1> of_scratch(scratch.data(), {static_cast<Index>(scratch.size())});
  const View<const float, 3> of_qkv(qkv.data(), {s.B, s.T, 3 * C});
  kernels::attention_forward<float>(cpu,
                                    {.shape = s, .qkv = of_qkv, .y = of_y, .log_sum = of_sums, .scratch = of_scratch});
  kernels::attention_backward<float>(cpu, {.shape = s,
                                           .qkv = of_qkv,
                                           .y = of_y,
                                           .log_sum = of_sums,
                                           .dy = {dy.data(), {s.B, s.T, C}},
                                           .dqkv = {expected_dqkv.data(), {s.B, s.T, 3 * C}},
                                           .scratch = of_scratch});
  expect_near(y, expected_y);
  expect_near(log_sum, expected_log_sum);
  expect_near(dqkv, expected_dqkv);
}

}  // namespace
}  // namespace polonaise::bench
