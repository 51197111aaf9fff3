#include "kernels/attention/attention.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/position/position.h"

namespace polonaise {
namespace {

using kernels::AttentionPositions;
using kernels::AttentionShape;

enum Kind : std::int64_t { kPlain, kRotary, kRelative };

// Inputs and outputs of one shape. Arguments of a benchmark: B, T, N, D, kind of positions, threads.
struct Fixture {
  explicit Fixture(const benchmark::State& state)
      : s{state.range(0), state.range(1), state.range(2), state.range(3)},
        kind(static_cast<Kind>(state.range(4))),
        cpu{static_cast<int>(state.range(5))} {
    for (std::size_t i = 0; i < qkv.size(); ++i) qkv[i] = 0.001f * static_cast<float>(i * 7919 % 2001) - 1.0f;
    kernels::rotary_angles<float>(cpu, 0, {rotary.data(), {s.T, s.D}});
  }

  static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
  View<const float, 3> inputs() const { return {qkv.data(), {s.B, s.T, 3 * s.N * s.D}}; }
  View<float, 3> outputs() { return {y.data(), {s.B, s.T, s.N * s.D}}; }
  View<float, 3> sums() { return {log_sum.data(), {s.B, s.N, s.T}}; }
  View<float, 1> memory() { return {scratch.data(), {static_cast<Index>(scratch.size())}}; }
  AttentionPositions<float> positions() const {
    return {kind == kRotary ? View<const float, 2>(rotary.data(), {s.T, s.D}) : View<const float, 2>(),
            kind == kRelative ? View<const float, 3>(relative.data(), {s.N, s.T, s.D}) : View<const float, 3>()};
  }
  void forward() {
    kernels::attention_forward<float>(cpu, {.shape = s,
                                            .qkv = inputs(),
                                            .positions = positions(),
                                            .y = outputs(),
                                            .log_sum = sums(),
                                            .scratch = memory()});
  }
  // The useful work of one product over the causal half, in floating-point operations.
  double product() const { return static_cast<double>(s.B * s.N * s.T * (s.T + 1) * s.D); }
  static benchmark::Counter rate(double operations) {
    return {operations, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000};
  }

  AttentionShape s;
  Kind kind;
  Cpu cpu;
  std::vector<float> qkv = std::vector<float>(size(s.B * s.T * 3 * s.N * s.D)),
                     y = std::vector<float>(size(s.B * s.T * s.N * s.D));
  std::vector<float> log_sum = std::vector<float>(size(s.B * s.N * s.T)), rotary = std::vector<float>(size(s.T * s.D));
  std::vector<float> relative = std::vector<float>(size(s.N * s.T * s.D), 0.01f);
  std::vector<float> scratch = std::vector<float>(size(kernels::attention_scratch_size(cpu, s)));
};

void AttentionForward(benchmark::State& state) {
  Fixture f(state);
  for (auto _ : state) {
    f.forward();
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] = Fixture::rate(f.product() * (f.kind == kRelative ? 3 : 2));
}

void AttentionBackward(benchmark::State& state) {
  Fixture f(state);
  f.forward();
  std::vector<float> dqkv(f.qkv.size()), drelative(f.relative.size());
  const std::vector<float> dy(f.y.size(), 0.1f);
  View<float, 3> d_distances;
  if (f.kind == kRelative) d_distances = {drelative.data(), {f.s.N, f.s.T, f.s.D}};
  for (auto _ : state) {
    kernels::attention_backward<float>(f.cpu, {.shape = f.s,
                                               .qkv = f.inputs(),
                                               .positions = f.positions(),
                                               .y = f.outputs(),
                                               .log_sum = f.sums(),
                                               .dy = {dy.data(), f.outputs().extents()},
                                               .dqkv = {dqkv.data(), f.inputs().extents()},
                                               .drelative = d_distances,
                                               .scratch = f.memory()});
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] = Fixture::rate(f.product() * (f.kind == kRelative ? 8 : 5));
}

// One step of decoding with a full cache of T entries.
void AttentionStep(benchmark::State& state) {
  Fixture f(state);
  const auto& s = f.s;
  std::vector<float> keys(Fixture::size(s.B * s.N * s.T * s.D), 0.1f), values = keys;
  const View<float, 4> key_view(keys.data(), {s.B, s.N, s.T, s.D}), value_view(values.data(), {s.B, s.N, s.T, s.D});
  auto positions = f.positions();
  if (f.kind == kRotary) positions.rotary = positions.rotary.row_block(s.T - 1, 1);
  Index position = 10 * s.T;
  for (auto _ : state) {
    kernels::attention_step<float>(f.cpu, {.qkv = {f.qkv.data(), {s.B, 3 * s.N * s.D}},
                                           .positions = positions,
                                           .position = position++,
                                           .keys = key_view,
                                           .values = value_view,
                                           .y = {f.y.data(), {s.B, s.N * s.D}}});
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] = Fixture::rate(4.0 * static_cast<double>(s.B * s.N * s.T * s.D));
}

void training_shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"B", "T", "N", "D", "positions", "threads"})->UseRealTime();
  for (std::int64_t kind : {kPlain, kRotary, kRelative}) bench->Args({8, 200, 4, 32, kind, 1});
  bench->Args({8, 200, 4, 32, kPlain, 2});
  bench->Args({32, 48, 4, 16, kPlain, 1})->Args({4, 200, 4, 64, kPlain, 1})->Args({1, 1024, 4, 32, kPlain, 1});
}
void decoding_shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"B", "T", "N", "D", "positions", "threads"})->UseRealTime();
  for (std::int64_t kind : {kPlain, kRotary, kRelative}) bench->Args({1, 200, 4, 32, kind, 1});
  bench->Args({16, 200, 4, 32, kPlain, 1});
}

BENCHMARK(AttentionForward)->Apply(training_shapes);
BENCHMARK(AttentionBackward)->Apply(training_shapes);
BENCHMARK(AttentionStep)->Apply(decoding_shapes);

}  // namespace
}  // namespace polonaise
