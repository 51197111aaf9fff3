#include "bench/gpu/measure.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace polonaise::bench {
namespace {

constexpr std::size_t kFlush = std::size_t{192} << 20;  // more than the second-level cache of any card

double percentile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1))];
}

// What `body` queues, as a graph; nothing where it does what a capture forbids.
std::optional<CudaGraph> captured(StreamHandle stream, const std::function<void()>& body) {
  CudaGraph::begin_capture(stream);
  try {
    body();
    return CudaGraph::end_capture(stream);
  } catch (const std::exception&) {
    try {
      (void)CudaGraph::end_capture(stream);
    } catch (const std::exception&) {
    }
    return std::nullopt;
  }
}

void count(benchmark::State& state, std::vector<double> seconds, const Work& work, bool graph) {
  std::ranges::sort(seconds);
  state.counters["median_us"] = 1e6 * percentile(seconds, 0.5);
  state.counters["p10_us"] = 1e6 * percentile(seconds, 0.1);
  state.counters["p90_us"] = 1e6 * percentile(seconds, 0.9);
  state.counters["runs"] = static_cast<double>(seconds.size());
  state.counters["graph"] = graph;
  state.counters["bytes"] = work.bytes;
  state.counters["flops"] = work.flops;
}

}  // namespace

Options& options() {
  static Options options;
  return options;
}

void time_on_card(benchmark::State& state, const Cuda& cuda, const Work& work, const std::function<void()>& body) {
  const auto stream = cuda.stream();
  for (int i = 0; i < 2; ++i) body();
  synchronise(stream);
  const std::optional<CudaGraph> graph = captured(stream, body);
  if (graph) graph->replay(stream);
  const std::size_t flush_bytes = options().tiny ? 64 : kFlush;
  const CudaMemory flush(flush_bytes);
  const CudaEvent begin, end;
  std::vector<double> seconds;
  for (auto _ : state) {
    fill(stream, flush.data(), static_cast<unsigned char>(seconds.size()), flush_bytes);
    begin.record(stream);
    if (graph)
      graph->replay(stream);
    else
      body();
    end.record(stream);
    end.synchronise();
    seconds.push_back(begin.seconds_until(end));
    state.SetIterationTime(seconds.back());
  }
  count(state, std::move(seconds), work, graph.has_value());
}

void time_steps(benchmark::State& state, const Cuda& cuda, const Work& work, const std::function<void()>& step) {
  constexpr int kWarmUp = 5;  // of a recorded step the third is the first that is replayed
  for (int i = 0; i < kWarmUp; ++i) step();
  const auto runs = static_cast<std::size_t>(state.max_iterations);
  const std::vector<CudaEvent> ends(runs + 1);
  ends[0].record(cuda.stream());
  for (std::size_t i = 1; i <= runs; ++i) {
    step();
    ends[i].record(cuda.stream());
  }
  synchronise(cuda.stream());
  std::vector<double> seconds;
  for (auto _ : state) {
    const std::size_t i = seconds.size();
    seconds.push_back(ends[i].seconds_until(ends[i + 1]));
    state.SetIterationTime(seconds.back());
  }
  count(state, std::move(seconds), work, false);
}

}  // namespace polonaise::bench
