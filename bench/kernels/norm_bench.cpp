#include "kernels/norm/norm.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace polonaise {
namespace {

// Arguments: rows, features, threads. Bytes are those that must be read and written once.
struct Fixture {
  explicit Fixture(const benchmark::State& state)
      : R(state.range(0)), D(state.range(1)), cpu{static_cast<int>(state.range(2))} {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.001f * static_cast<float>(i * 7919 % 2001) - 1.0f;
  }
  static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
  View<float, 2> matrix(std::vector<float>& v) const { return {v.data(), {R, D}}; }
  View<float, 1> of_columns(std::vector<float>& v) const { return {v.data(), {D}}; }
  View<float, 1> of_rows(std::vector<float>& v) const { return {v.data(), {R}}; }
  void forward(View<const float, 2> added, View<float, 2> kept) {
    kernels::layer_norm_forward<float>(cpu, {.x = matrix(x),
                                             .residual = added,
                                             .weight = of_columns(weight),
                                             .bias = of_columns(bias),
                                             .sum = kept,
                                             .y = matrix(y),
                                             .mean = of_rows(mean),
                                             .rstd = of_rows(rstd)});
  }
  void count(benchmark::State& state, int matrices) const {
    const double elements = static_cast<double>(R * D);
    const auto rate = benchmark::Counter::kIsIterationInvariantRate;
    state.counters["bytes/s"] = benchmark::Counter(matrices * 4 * elements, rate);
    state.counters["elements/s"] = benchmark::Counter(elements, rate);
  }

  Index R, D;
  Cpu cpu;
  std::vector<float> x = std::vector<float>(size(R * D)), residual = x, sum = x, y = x;
  std::vector<float> weight = std::vector<float>(size(D), 1.0f), bias = std::vector<float>(size(D));
  std::vector<float> mean = std::vector<float>(size(R)), rstd = mean;
};

void LayerNormForward(benchmark::State& state) {
  Fixture f(state);
  for (auto _ : state) {
    f.forward(f.matrix(f.residual), f.matrix(f.sum));
    benchmark::ClobberMemory();
  }
  f.count(state, 4);
}

void LayerNormBackward(benchmark::State& state) {
  Fixture f(state);
  f.forward({}, {});
  std::vector<float> dy = f.x, ds(f.x.size()), dweight(f.weight.size()), dbias(f.bias.size());
  for (auto _ : state) {
    kernels::layer_norm_backward<float>(f.cpu, {.sum = f.matrix(f.x),
                                                .weight = f.of_columns(f.weight),
                                                .mean = f.of_rows(f.mean),
                                                .rstd = f.of_rows(f.rstd),
                                                .dy = f.matrix(dy),
                                                .dsum = f.matrix(f.residual),
                                                .ds = f.matrix(ds),
                                                .dweight = f.of_columns(dweight),
                                                .dbias = f.of_columns(dbias)});
    benchmark::ClobberMemory();
  }
  f.count(state, 4);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"R", "D", "threads"})->UseRealTime();
  bench->Args({1600, 128, 1})->Args({1600, 128, 2})->Args({1, 128, 1})->Args({1600, 100, 1});
}

BENCHMARK(LayerNormForward)->Apply(shapes);
BENCHMARK(LayerNormBackward)->Apply(shapes);

}  // namespace
}  // namespace polonaise
