#include "kernels/sampling/sampling.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace polonaise {
namespace {

std::vector<float> random_logits(Index columns) {
  std::vector<float> logits;
  for (Index i = 0; i < columns; ++i)
    logits.push_back(10 * kernels::uniform({1, 0, 0}, 0, static_cast<std::uint32_t>(i)) - 5);
  return logits;
}

// Arguments: columns, top_k, 100 top_p.
kernels::SamplingOptions options(const benchmark::State& state) {
  return {.temperature = 0.9f,
          .top_k = static_cast<int>(state.range(1)),
          .top_p = static_cast<float>(state.range(2)) / 100};
}

void sample_tokens(benchmark::State& state) {
  const Index columns = state.range(0);
  const auto logits = random_logits(columns);
  Cpu cpu;
  std::int32_t token = 0;
  std::uint32_t position = 0;
  for (auto _ : state)
    kernels::sample_tokens(cpu, {.logits = {logits.data(), {1, columns}},
                                 .options = options(state),
                                 .stream = {},
                                 .position = position++,
                                 .tokens = {&token, {1}}});
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sample_tokens)
    ->Args({24, 0, 100})
    ->Args({388, 0, 100})
    ->Args({388, 40, 100})
    ->Args({388, 0, 90})
    ->Args({388, 40, 90});

void sample_keys(benchmark::State& state) {
  const Index columns = state.range(0);
  const auto logits = random_logits(columns);
  Cpu cpu;
  std::vector<std::uint8_t> keys(static_cast<std::size_t>(columns));
  std::uint32_t position = 0;
  for (auto _ : state)
    kernels::sample_keys(cpu, {.logits = {logits.data(), {1, columns}},
                               .options = options(state),
                               .stream = {},
                               .position = position++,
                               .keys = {keys.data(), {1, columns}}});
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sample_keys)->Args({106, 0, 100})->Args({106, 10, 100})->Args({106, 0, 90});

}  // namespace
}  // namespace polonaise
