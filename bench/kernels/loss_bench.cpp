#include "kernels/loss/loss.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/base/random.h"

namespace polonaise {
namespace {

// Logits of a shard of 384 events, their gradients and losses; every row's target is 3, alone.
struct Heads {
  explicit Heads(Index columns_)
      : columns(columns_), logits(static_cast<std::size_t>(kRows * columns)), gradient(logits) {
    for (std::size_t i = 0; i < logits.size(); ++i)
      logits[i] = 8 * kernels::uniform({1, 0, 0}, 0, static_cast<std::uint32_t>(i)) - 4;
    for (std::int32_t r = 0; r < kRows; ++r) offsets.push_back(r + 1);
  }
  View<const float, 2> x() const { return {logits.data(), {kRows, columns}}; }
  View<float, 2> dx() { return {gradient.data(), {kRows, columns}}; }

  static constexpr Index kRows = 384;
  Index columns;
  std::vector<float> logits, gradient, losses = std::vector<float>(kRows);
  std::vector<std::int32_t> offsets{0}, targets = std::vector<std::int32_t>(kRows, 3);
};

// Arguments of both: columns, whether the gradient is wanted.
void softmax_cross_entropy(benchmark::State& state) {
  Heads heads(state.range(0));
  Cpu cpu;
  for (auto _ : state)
    kernels::softmax_cross_entropy(cpu, {.logits = heads.x(),
                                         .targets = {heads.targets.data(), {Heads::kRows}},
                                         .losses = {heads.losses.data(), {Heads::kRows}},
                                         .dlogits = state.range(1) ? heads.dx() : View<float, 2>{}});
  state.SetItemsProcessed(state.iterations() * Heads::kRows * heads.columns);
}

void bernoulli_with_logits(benchmark::State& state) {
  Heads heads(state.range(0));
  const kernels::SparseRows keys{
      {heads.offsets.data(), {Heads::kRows + 1}}, {heads.targets.data(), {Heads::kRows}}, {}};
  Cpu cpu;
  for (auto _ : state)
    kernels::bernoulli_with_logits(cpu, {.logits = heads.x(),
                                         .targets = keys,
                                         .losses = {heads.losses.data(), {Heads::kRows}},
                                         .dlogits = state.range(1) ? heads.dx() : View<float, 2>{}});
  state.SetItemsProcessed(state.iterations() * Heads::kRows * heads.columns);
}

BENCHMARK(softmax_cross_entropy)->ArgsProduct({{24, 388}, {0, 1}});
BENCHMARK(bernoulli_with_logits)->ArgsProduct({{88, 106}, {0, 1}});

}  // namespace
}  // namespace polonaise
