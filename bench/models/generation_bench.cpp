// Sampling, one event after the other, batch 1: the step (embedding, network, head) and the draw.
//   build/cpu/bench/generation_bench

#include <benchmark/benchmark.h>

#include "models/sampling/generate.h"

namespace polonaise {
namespace {

EventShape frames() {
  return {.kind = EventKind::frames, .keys = 106, .duration_classes = kDurationClassCount, .width = 107};
}

// `steps` events after a prime of `primed`; the time of one event is the counter's inverse.
void sample(benchmark::State& state, const ModelConfig& config, Index primed, Index steps) {
  AnyDevice device = open_device("cpu", 1);
  const auto model = make_model(device, config, 1);
  Events prime(config.events.kind);
  if (config.events.is_tokens()) prime.tokens.assign(static_cast<std::size_t>(primed), 7);
  std::uint64_t seed = 0;
  for (auto _ : state) {
    ++seed;
    const Generated drawn = generate(*model, prime.view(), {.steps = steps, .seed = seed});
    benchmark::DoNotOptimize(drawn.size());
  }
  state.SetItemsProcessed(state.iterations() * (primed + steps));
}

void register_cases() {
  const auto add = [](const std::string& name, const ModelConfig& config, Index primed, Index steps) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      sample(state, config, primed, steps);
    })->Unit(benchmark::kMicrosecond);
  };
  for (const Architecture a : {Architecture::rnn, Architecture::lstm, Architecture::gru, Architecture::slstm})
    add("sample_" + std::string(name_of(a)), {.architecture = a, .events = frames()}, 0, 200);
  // Across the end of the context: 200 events fill it, 400 more slide or encode again.
  for (const PositionEncoding position :
       {PositionEncoding::learned, PositionEncoding::rotary, PositionEncoding::relative})
    add("sample_transformer_" + std::string(name_of(position)),
        {.architecture = Architecture::transformer,
         .events = {.vocabulary = 388},
         .hidden = 128,
         .layers = 4,
         .sequence = 200,
         .heads = 4,
         .position = position},
        200, 400);
}

[[maybe_unused]] const bool registered = (register_cases(), true);

}  // namespace
}  // namespace polonaise
