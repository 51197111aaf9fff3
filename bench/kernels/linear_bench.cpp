#include "kernels/linear/linear.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/base/random.h"
#include "kernels/matmul/matmul.h"

namespace polonaise {
namespace {

using kernels::Activation;

struct Matrix {
  Matrix(Index rows_, Index columns_)
      : rows(rows_), columns(columns_), values(static_cast<std::size_t>(rows * columns)) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = kernels::uniform({1, 0, 0}, 0, static_cast<std::uint32_t>(i)) - 0.5f;
  }
  View<float, 2> view() { return {values.data(), {rows, columns}}; }

  Index rows, columns;
  std::vector<float> values;
};

void count(benchmark::State& state, double products) {
  const double flops = 2 * products * static_cast<double>(state.range(0) * state.range(1) * state.range(2));
  state.counters["flops"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: rows, inputs, outputs, whether gelu follows.
void linear_forward(benchmark::State& state) {
  Matrix x(state.range(0), state.range(1)), weight(state.range(2), state.range(1)), y(state.range(0), state.range(2));
  std::vector<float> bias(static_cast<std::size_t>(state.range(2)));
  Cpu cpu;
  for (auto _ : state)
    kernels::linear_forward<float>(cpu, {.x = x.view(),
                                         .weight = weight.view(),
                                         .bias = {bias.data(), {y.columns}},
                                         .activation = state.range(3) ? Activation::gelu : Activation::none,
                                         .y = y.view()});
  count(state, 1);
}

void linear_backward(benchmark::State& state) {
  Matrix x(state.range(0), state.range(1)), weight(state.range(2), state.range(1)), dx = x, dweight = weight;
  Matrix z(state.range(0), state.range(2)), dy = z, dz = z;
  std::vector<float> dbias(static_cast<std::size_t>(state.range(2)));
  const bool gelu = state.range(3) != 0;
  Cpu cpu;
  for (auto _ : state)
    kernels::linear_backward<float>(cpu, {.x = x.view(),
                                          .weight = weight.view(),
                                          .saved = gelu ? z.view() : View<float, 2>{},
                                          .activation = gelu ? Activation::gelu : Activation::none,
                                          .dy = dy.view(),
                                          .dz = gelu ? dz.view() : View<float, 2>{},
                                          .dx = dx.view(),
                                          .dweight = dweight.view(),
                                          .dbias = {dbias.data(), {z.columns}}});
  count(state, 2);
}

// The product alone, as the ladder's first rung.
void product(benchmark::State& state) {
  Matrix x(state.range(0), state.range(1)), weight(state.range(2), state.range(1)), y(state.range(0), state.range(2));
  Cpu cpu;
  for (auto _ : state)
    kernels::matmul<float>(cpu, {.a = x.view(), .b = weight.view(), .op_b = kernels::Op::transpose, .c = y.view()});
  count(state, 1);
}

// A head and the transformer's two layers, for one event and for a shard of a batch.
void shapes(benchmark::internal::Benchmark* bench) {
  for (long rows : {1, 2, 4, 8, 384, 1600}) bench->Args({rows, 64, 130, 0})->Args({rows, 128, 512, 1});
}
BENCHMARK(product)->Apply(shapes);
BENCHMARK(linear_forward)->Apply(shapes);
BENCHMARK(linear_backward)->Args({384, 64, 130, 0})->Args({1600, 128, 512, 1});

}  // namespace
}  // namespace polonaise
