// The recurrent stacks on one thread: forward, forward and backward, and a step. Arguments: H, layers, directions, B,
// T.

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/recurrent/recurrent.h"

namespace polonaise {
namespace {

using kernels::Cell;
using kernels::RecurrentLayer;
using kernels::RecurrentShape;

class Stack {
 public:
  Stack(Cell cell, const benchmark::State& state)
      : s{state.range(4), state.range(3), state.range(0), state.range(1), state.range(2), cell} {
    const Index rows = s.gates() * s.H, width = s.directions * s.H;
    for (Index i = 0; i < s.layers * s.directions; ++i) {
      const bool first = i < s.directions;
      weights_.push_back({first ? View<const float, 2>() : View<const float, 2>(numbers(rows * width), {rows, width}),
                          {numbers(rows * s.H), {rows, s.H}},
                          {numbers(rows), {rows}},
                          {numbers(rows), {rows}}});
      gradients_.push_back({first ? View<float, 2>() : View<float, 2>(numbers(rows * width), {rows, width}),
                            {numbers(rows * s.H), {rows, s.H}},
                            {numbers(rows), {rows}},
                            {numbers(rows), {rows}}});
    }
    packed = vector(recurrent_packed_size(cpu, s));
    recurrent_pack<float>(cpu, s, weights_, packed);
    input = {numbers(s.T * s.B * s.directions * rows), {s.T, s.B, s.directions * rows}};
    dinput = {numbers(s.T * s.B * s.directions * rows), {s.T, s.B, s.directions * rows}};
    y = {numbers(s.T * s.B * width), {s.T, s.B, width}};
    dy = {numbers(s.T * s.B * width), {s.T, s.B, width}};
    saved = vector(recurrent_saved_size(cpu, s, 0));
    scratch = vector(recurrent_scratch_size(cpu, s));
    state_h = {numbers(s.layers * s.B * s.H), {s.layers, s.B, s.H}};
    state_c = {numbers(s.layers * s.B * s.states() * s.H), {s.layers, s.B, s.states() * s.H}};
  }

  void forward() {
    recurrent_forward<float>(cpu, s, {.input = input, .weights = weights_, .packed = packed, .y = y, .saved = saved});
  }
  void backward() {
    recurrent_backward<float>(cpu, s,
                              {.weights = weights_,
                               .packed = packed,
                               .y = y,
                               .saved = saved,
                               .dy = dy,
                               .dinput = dinput,
                               .gradients = gradients_,
                               .scratch = scratch});
  }
  void step() {
    recurrent_step<float>(cpu, s,
                          {.input = {input.data(), {s.B, s.gates() * s.H}},
                           .weights = weights_,
                           .packed = packed,
                           .h = state_h,
                           .c = state_c});
  }
  // Multiplications and additions of all products of a forward pass, the first layer's input product not counted.
  double operations() const {
    const Index cells = s.layers * s.directions, above = (s.layers - 1) * s.directions;
    return 2.0 * static_cast<double>(s.T * s.B * s.gates() * s.H * (cells * s.H + above * s.directions * s.H));
  }

  RecurrentShape s;

 private:
  float* numbers(Index n) {
    std::vector<float>& values = memory_.emplace_back(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.0002f * static_cast<float>(i * 7919 % 1001) - 0.1f;
    return values.data();
  }
  View<float, 1> vector(Index n) { return {numbers(n), {n}}; }

  Cpu cpu{1};
  std::vector<std::vector<float>> memory_;
  std::vector<RecurrentLayer<const float>> weights_;
  std::vector<RecurrentLayer<float>> gradients_;
  View<float, 1> packed, saved, scratch;
  View<float, 3> input, dinput, y, dy, state_h, state_c;
};

benchmark::Counter rate(double operations) {
  return {operations, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000};
}

void forward(benchmark::State& state, Cell cell) {
  Stack stack(cell, state);
  for (auto _ : state) stack.forward();
  state.counters["FLOP/s"] = rate(stack.operations());
}

void forward_backward(benchmark::State& state, Cell cell) {
  Stack stack(cell, state);
  for (auto _ : state) {
    stack.forward();
    stack.backward();
  }
  state.counters["FLOP/s"] = rate(3 * stack.operations());
}

void step(benchmark::State& state, Cell cell) {
  Stack stack(cell, state);
  for (auto _ : state) stack.step();
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->Unit(benchmark::kMicrosecond)->Args({64, 2, 1, 8, 64})->Args({64, 2, 2, 8, 64})->Args({256, 1, 1, 8, 64});
}
void one_row(benchmark::internal::Benchmark* bench) {
  bench->Unit(benchmark::kMicrosecond)->Args({64, 2, 1, 1, 1})->Args({256, 2, 1, 1, 1});
}

BENCHMARK_CAPTURE(forward, rnn, Cell::rnn)->Apply(shapes);
BENCHMARK_CAPTURE(forward, lstm, Cell::lstm)->Apply(shapes);
BENCHMARK_CAPTURE(forward, gru, Cell::gru)->Apply(shapes);
BENCHMARK_CAPTURE(forward, slstm, Cell::slstm)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, rnn, Cell::rnn)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, lstm, Cell::lstm)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, gru, Cell::gru)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, slstm, Cell::slstm)->Apply(shapes);
BENCHMARK_CAPTURE(step, rnn, Cell::rnn)->Apply(one_row);
BENCHMARK_CAPTURE(step, lstm, Cell::lstm)->Apply(one_row);
BENCHMARK_CAPTURE(step, gru, Cell::gru)->Apply(one_row);
BENCHMARK_CAPTURE(step, slstm, Cell::slstm)->Apply(one_row);

}  // namespace
}  // namespace polonaise
