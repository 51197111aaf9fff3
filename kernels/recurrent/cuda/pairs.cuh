#pragma once

// Pairs of a row and a unit, which the threads of a RecurrentTeam (sequence.cuh) own.

#include <concepts>

#include "kernels/recurrent/cuda/units.cuh"

namespace polonaise::kernels::recurrent {

template <class Team>
concept RecurrentTeam = requires(Team team, const typename Team::Arguments& arguments, int i, float value, Index H,
                                 View<const typename Team::Element, 2> weight,
                                 float (&sums)[Team::kPairs][Team::kGates]) {
  Team(arguments, i);
  requires Team::kThreads >
  0 && Team::kUnits > 0;
  { Team::kInWavefronts } -> std::convertible_to<bool>;
  { Team::cell(arguments) } -> std::same_as<int>;
  { Team::reverse(arguments) } -> std::same_as<bool>;
  { team.first_row() } -> std::same_as<int>;
  { team.rows() } -> std::same_as<int>;
  { team.first_unit() } -> std::same_as<int>;
  { team.row(i) } -> std::same_as<int>;
  { team.unit(i) } -> std::same_as<int>;
  { team.owns(i) } -> std::same_as<bool>;
  team.load(weight, H);
  team.load_transposed(weight, H);
  team.clear();
  team.put(i, i, value);
  team.pass();
  team.multiply(sums);
  team.await(i);
  team.show(i);
  team.show_all(i);
};

// A pair's row of the batch and unit, and the row's steps; no row where the thread writes nothing for it. Ints, as
// registers are dear where weights live in them.
struct Pair {
  int row = -1, unit = 0, length = 0;
  __device__ bool owned() const { return row >= 0; }
};

// Column `column` and the pair's unit of row `first` and the pair's row. What all threads share stands in the pointer,
// what is the thread's own in an offset of 32 bits: so a step's addresses take few registers.
template <class T>
__device__ T& at(const View<T, 2>& matrix, Index first, int column, const Pair& pair) {
  T* const shared = matrix.row(first) + column;
  return shared[static_cast<unsigned>(pair.row) * static_cast<unsigned>(matrix.stride()) +
                static_cast<unsigned>(pair.unit)];
}

template <class Team, class T>
__device__ void find_pairs(const RecurrentLoop<T>& loop, const Team& team, Pair (&pairs)[Team::kPairs]) {
  for (int p = 0; p < Team::kPairs; ++p) {
    const int row = team.first_row() + team.row(p), unit = team.first_unit() + team.unit(p);
    if (!team.owns(p) || row >= loop.B || unit >= loop.H) continue;
    pairs[p] = {row, unit, loop.lengths != nullptr ? loop.lengths[row] : static_cast<int>(loop.steps)};
  }
}

// Steps of the team's longest row.
template <class Team, class T>
__device__ int longest_row(const RecurrentLoop<T>& loop, const Team& team) {
  if (loop.lengths == nullptr) return static_cast<int>(loop.steps);
  int longest = 0;
  const Index first = team.first_row();
  for (Index row = first; row < std::min(first + team.rows(), loop.B); ++row)
    longest = std::max(longest, loop.lengths[row]);
  return longest;
}

}  // namespace polonaise::kernels::recurrent
