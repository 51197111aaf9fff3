#include "kernels/pointwise/pointwise.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace polonaise {
namespace {

// Arguments: time steps, rows of the batch, features.
void dropout(benchmark::State& state) {
  const std::array<Index, 3> extents{state.range(0), state.range(1), state.range(2)};
  const Index size = extents[0] * extents[1] * extents[2];
  std::vector<float> x(static_cast<std::size_t>(size), 1.0f), y = x;
  Cpu cpu;
  kernels::RandomStream stream{.seed = 1};
  for (auto _ : state) {
    ++stream.step;
    kernels::dropout<float>(cpu, {.x = {x.data(), extents}, .y = {y.data(), extents}, .p = 0.1f, .stream = stream});
  }
  state.SetBytesProcessed(state.iterations() * size * 2 * static_cast<Index>(sizeof(float)));
}
BENCHMARK(dropout)->Args({48, 8, 64})->Args({1, 8, 200 * 128});

// Arguments of both: rows, columns.
void copy(benchmark::State& state) {
  const std::array<Index, 2> extents{state.range(0), state.range(1)};
  std::vector<float> x(static_cast<std::size_t>(extents[0] * extents[1]), 1.0f), y = x;
  Cpu cpu;
  for (auto _ : state) kernels::copy<float>(cpu, {x.data(), extents}, {y.data(), extents}, Accumulate::yes);
  state.SetBytesProcessed(state.iterations() * extents[0] * extents[1] * 3 * static_cast<Index>(sizeof(float)));
}
BENCHMARK(copy)->Args({1600, 128});

void transpose(benchmark::State& state) {
  const std::array<Index, 2> extents{state.range(0), state.range(1)};
  std::vector<float> x(static_cast<std::size_t>(extents[0] * extents[1]), 1.0f), y = x;
  Cpu cpu;
  for (auto _ : state)
    kernels::transpose<float>(cpu, {x.data(), extents}, {y.data(), {extents[1], extents[0]}}, Accumulate::no);
  state.SetBytesProcessed(state.iterations() * extents[0] * extents[1] * 2 * static_cast<Index>(sizeof(float)));
}
BENCHMARK(transpose)->Args({256, 107})->Args({512, 128});

}  // namespace
}  // namespace polonaise
