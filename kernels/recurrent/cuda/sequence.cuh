#pragma once

// The recurrent cells on a card, one launch a layer or several, whatever carries its rows: the step's place in time,
// what it reads and leaves behind, and the cell itself.
//
// A RecurrentTeam is the blocks that carry a few rows of the batch through all steps, with the recurrent weights in
// their registers: one block (team_of_one.cuh) or several (team_of_many.cuh). Rows are independent, so teams never wait
// for each other. It says:
//   kThreads, kPairs     of a block; pairs of a row and a unit that a thread owns, the same in every step
//   kUnits               of a block; Arguments, what its constructor takes besides the number of units
//   first_row(), rows()  the team's rows; row(pair), of these; unit(pair), of the block's units, after first_unit()
//   clear()              makes what was passed on 0; a barrier of the block follows before the first put()
//   load(), load_transposed()   take the weights up
//   put(pair, part, value), pass()   hand values on: what all of the team put is seen by its next multiply()
//   multiply(sums)       adds the products of the thread's own pairs with what was passed last, gate by gate
//   cell(), reverse()    which of the loop's cells is the team's, and whether it runs from the last step to the first
//   kInWavefronts        whether it may be a layer's of a wavefront (wavefront.cuh), whose Arguments,
//                        await(), show() and show_all() are then its own; else these do nothing

#include "kernels/recurrent/cuda/pairs.cuh"
#include "kernels/recurrent/cuda/units.cuh"
#include "kernels/recurrent/cuda/wavefront.cuh"

namespace polonaise::kernels::recurrent {

template <class Cell, RecurrentTeam Team, class T>
__global__ void __launch_bounds__(Team::kThreads, 1)
    forward_sequence(RecurrentLoop<T> loop, typename Team::Arguments arguments) {
  using State = typename Cell::State;
  constexpr int kGates = Cell::kGates, kPairs = Team::kPairs, kKept = std::max(1, Cell::kKept);
  // The two biases of a gate are added once, except for the gate whose recurrent part is kept apart.
  constexpr int kApart = Cell::kLastApart ? kGates - 1 : -1;
  SHARED(float, bias, [kGates][Team::kUnits]);
  SHARED(float, bias_apart, [Team::kUnits]);
  if constexpr (Team::kInWavefronts)
    if (arguments.between_layers()) return hand_inputs_on<Team>(loop, arguments);
  const CellSequence<T>& cell = loop.cells[Team::cell(arguments)];
  const bool reverse = Team::reverse(arguments);
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H), steps = static_cast<int>(loop.steps);
  Team team(arguments, H);
  const int longest = longest_row(loop, team);
  team.load(cell.weight_hh, H);
  Pair pairs[kPairs];
  find_pairs(loop, team, pairs);

  State state[kPairs];
  team.clear();
  for (int u = threadIdx.x; u < Team::kUnits; u += Team::kThreads)
    for (int g = 0; g < kGates; ++g) {
      const int unit = team.first_unit() + u;
      const float of_x = unit < H ? to_float(cell.bias_ih[g * H + unit]) : 0.0f;
      const float of_r = unit < H ? to_float(cell.bias_hh[g * H + unit]) : 0.0f;
      bias[g][u] = g == kApart ? of_x : of_x + of_r;
      if (g == kApart) bias_apart[u] = of_r;
    }
  __syncthreads();
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    state[p] = {};
    if (!pair.owned()) continue;
    state[p].h = element(cell.h0, pair.row, pair.unit);
    for (int i = 0; i < Cell::kStates; ++i) state[p].c[i] = element(cell.c0, pair.row, i * H + pair.unit);
    team.put(p, 0, state[p].h);
  }
  if (longest > 0) team.await(0);
  team.pass();

  // The inputs of a step are loaded one step ahead, to hide the latency of memory.
  float ahead[kPairs][kGates] = {};
  const auto look_ahead = [&](int s) {
    const int t = reverse ? steps - 1 - s : s;
    for (int p = 0; p < kPairs; ++p)
      if (t < pairs[p].length)
        for (int g = 0; g < kGates; ++g) ahead[p][g] = to_float(at(cell.product, t * B, g * H, pairs[p]));
  };
  look_ahead(0);
  for (int s = 0; s < steps; ++s) {
    const int t = reverse ? steps - 1 - s : s;
    // The sums begin with the input's share, which needs no registers of its own then.
    float x[kPairs][kGates] = {}, r[kPairs][kGates];
    for (int p = 0; p < kPairs; ++p)
      for (int g = 0; g < kGates; ++g) {
        const float share = ahead[p][g] + bias[g][team.unit(p)];
        if (g == kApart) x[p][g] = share;
        r[p][g] = g == kApart ? bias_apart[team.unit(p)] : share;
      }
    if (s + 1 < steps) look_ahead(s + 1);
    // The team waits for what a step passes on: that goes first, then what only memory gets.
    float kept[kPairs][kKept] = {};
    State out[kPairs] = {};
    if (t < longest) {
      team.multiply(r);
      for (int p = 0; p < kPairs; ++p) {
        const Pair& pair = pairs[p];
        if (!pair.owned()) continue;
        if (t < pair.length) out[p] = state[p] = Cell::forward(x[p], r[p], state[p], kept[p]);
        team.put(p, 0, state[p].h);
      }
      if (s + 2 < longest) team.await(s + 2);  // which the next step looks ahead to
      team.pass();
      team.show(s);
    }
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      for (int k = 0; k < Cell::kKept; ++k) at(cell.gates, t * B, k * H, pair) = from_float<T>(kept[p][k]);
      for (int i = 0; i < Cell::kStates; ++i) at(cell.c, t * B, i * H, pair) = from_float<T>(out[p].c[i]);
      at(cell.y, t * B, 0, pair) = from_float<T>(out[p].h);
    }
  }
  team.show_all(longest);
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    if (!pair.owned()) continue;
    if (!cell.hn.empty()) at(cell.hn, 0, 0, pair) = from_float<T>(state[p].h);
    for (int i = 0; i < Cell::kStates; ++i)
      if (!cell.cn.empty()) at(cell.cn, 0, i * H, pair) = from_float<T>(state[p].c[i]);
  }
}

template <class Cell, RecurrentTeam Team, class T>
__global__ void __launch_bounds__(Team::kThreads, 1)
    backward_sequence(RecurrentLoop<T> loop, typename Team::Arguments arguments) {
  using State = typename Cell::State;
  constexpr int kGates = Cell::kGates, kPairs = Team::kPairs, kKept = std::max(1, Cell::kKept);
  if constexpr (Team::kInWavefronts)
    if (arguments.between_layers()) return hand_gradients_on<Team>(loop, arguments);
  const CellSequence<T>& cell = loop.cells[Team::cell(arguments)];
  const bool reverse = Team::reverse(arguments);
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H), steps = static_cast<int>(loop.steps);
  Team team(arguments, H);
  const int longest = longest_row(loop, team);
  team.load_transposed(cell.weight_hh, H);
  Pair pairs[kPairs];
  find_pairs(loop, team, pairs);
  team.clear();
  if (longest > 0) team.await(0);
  __syncthreads();

  // States are read once: what was before a step is after the one that is next here.
  struct Ahead {
    State before;
    float dy, kept[kKept];
  };
  State carried[kPairs], after[kPairs];
  Ahead ahead[kPairs];
  const auto time = [=](int s) { return reverse ? steps - 1 - s : s; };
  const auto before = [&](const View<T, 2>& states, const View<const T, 2>& initial, int s, int i, const Pair& pair) {
    if (s == 0) return element(initial, pair.row, i * H + pair.unit);
    return to_float(at(states, time(s - 1) * B, i * H, pair));
  };
  const auto look_ahead = [&](int s) {
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      Ahead& a = ahead[p];
      const Index now = time(s) * B;
      a.before.h = before(cell.y, cell.h0, s, 0, pair);
      for (int i = 0; i < Cell::kStates; ++i) a.before.c[i] = before(cell.c, cell.c0, s, i, pair);
      a.dy = cell.dy.empty() ? 0.0f : to_float(at(cell.dy, now, 0, pair));
      for (int k = 0; k < Cell::kKept; ++k) a.kept[k] = to_float(at(cell.gates, now, k * H, pair));
    }
  };
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    ahead[p] = {};
    carried[p] = after[p] = {};
    if (!pair.owned()) continue;
    const Index last = time(steps - 1) * B;
    carried[p].h = element(cell.dhn, pair.row, pair.unit);
    after[p].h = to_float(at(cell.y, last, 0, pair));
    for (int i = 0; i < Cell::kStates; ++i) after[p].c[i] = to_float(at(cell.c, last, i * H, pair));
  }
  look_ahead(steps - 1);
  bool passed = false;
  for (int s = steps - 1; s >= 0; --s) {
    const int t = time(s);
    Ahead here[kPairs];
    for (int p = 0; p < kPairs; ++p) here[p] = ahead[p];
    if (s > 0) look_ahead(s - 1);
    float sums[kPairs][kGates] = {};
    if (passed && t < longest) team.multiply(sums);
    typename Cell::Gradient d[kPairs] = {};
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      d[p].before = carried[p];
      if (t < pair.length) {
        State d_next = carried[p];
        d_next.h += here[p].dy;
        for (int g = 0; g < kGates; ++g) d_next.h += sums[p][g];
        d[p] = Cell::backward(here[p].kept, here[p].before, after[p], d_next);
      }
      after[p] = here[p].before;
      carried[p] = d[p].before;
      if (t < longest)
        for (int g = 0; g < kGates; ++g) team.put(p, g, Cell::kLastApart && g == kGates - 1 ? d[p].d_last : d[p].dx[g]);
    }
    if (t < longest) {
      const int since = longest - 1 - t;
      if (since + 2 < longest) team.await(since + 2);  // which the next step looks ahead to
      team.pass();
      team.show(since);
      passed = true;
    }
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      const Index now = t * B;
      for (int g = 0; g < kGates; ++g) {
        at(cell.dgates, now, g * H, pair) = from_float<T>(d[p].dx[g]);
        if (!cell.dinput.empty()) {
          T& sum = at(cell.dinput, now, g * H, pair);
          sum = from_float<T>(to_float(sum) + d[p].dx[g]);
        }
      }
      if constexpr (Cell::kLastApart) at(cell.gates, now, (Cell::kSlots - 1) * H, pair) = from_float<T>(d[p].d_last);
    }
  }
  team.show_all(longest);
}

}  // namespace polonaise::kernels::recurrent
