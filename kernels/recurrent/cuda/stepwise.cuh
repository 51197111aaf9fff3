#pragma once

// The recurrent cells on a card, one launch a step: the variant that reads as the definition, for any H. A thread owns
// one unit of one row; blocks of them multiply the rows' states by the recurrent weights, tile by tile in shared
// memory.

#include "kernels/recurrent/cuda/units.cuh"

namespace polonaise::kernels::recurrent {

// A block's tile of units and rows, a thread each; it is multiplied by kInner numbers at a time.
inline constexpr int kUnits = 32, kRows = 8, kInner = 32;

struct Place {
  Index row, unit;
};

__device__ inline Place place_of_thread() {
  return {static_cast<Index>(blockIdx.y) * kRows + threadIdx.y, static_cast<Index>(blockIdx.x) * kUnits + threadIdx.x};
}

// sums[g] += sum_k x[row, k] weight[g H + unit, k] for the thread's row and unit. The whole block calls.
template <int kGates, class T>
__device__ void multiply(View<const T, 2> x, View<const T, 2> weight, float (&sums)[kGates]) {
  SHARED(float, x_tile, [kRows][kInner]);
  SHARED(float, weight_tile, [kGates][kUnits][kInner + 1]);  // a column more, so that lanes meet different banks
  const Place at = place_of_thread();
  const Index H = weight.rows() / kGates, K = weight.columns(), first_unit = at.unit - threadIdx.x;
  for (Index first = 0; first < K; first += kInner) {
    const Index k = first + threadIdx.x;
    x_tile[threadIdx.y][threadIdx.x] = at.row < x.rows() && k < K ? to_float(x.row(at.row)[k]) : 0.0f;
    for (int u = threadIdx.y; u < kUnits; u += kRows)
      for (int g = 0; g < kGates; ++g)
        weight_tile[g][u][threadIdx.x] =
            first_unit + u < H && k < K ? to_float(weight.row(g * H + first_unit + u)[k]) : 0.0f;
    __syncthreads();
    for (int i = 0; i < kInner; ++i)
      for (int g = 0; g < kGates; ++g) sums[g] += x_tile[threadIdx.y][i] * weight_tile[g][threadIdx.x][i];
    __syncthreads();
  }
}

// sum + sum_k x[row, k] weight[k, unit] for the thread's row and unit. The whole block calls.
template <class T>
__device__ float multiply_transposed(View<const T, 2> x, View<const T, 2> weight, float sum) {
  SHARED(float, x_tile, [kRows][kInner]);
  SHARED(float, weight_tile, [kInner][kUnits]);
  const Place at = place_of_thread();
  const Index H = weight.columns(), K = weight.rows();
  for (Index first = 0; first < K; first += kInner) {
    const Index k = first + threadIdx.x;
    x_tile[threadIdx.y][threadIdx.x] = at.row < x.rows() && k < K ? to_float(x.row(at.row)[k]) : 0.0f;
    for (int i = threadIdx.y; i < kInner; i += kRows)
      weight_tile[i][threadIdx.x] = first + i < K && at.unit < H ? to_float(weight.row(first + i)[at.unit]) : 0.0f;
    __syncthreads();
    for (int i = 0; i < kInner; ++i) sum += x_tile[threadIdx.y][i] * weight_tile[i][threadIdx.x];
    __syncthreads();
  }
  return sum;
}

// Step s of a direction, in its order of time: the first rows of the matrices at it and at its neighbours.
template <class T>
struct Step {
  __device__ Step(const RecurrentLoop<T>& loop, bool reverse, Index s)
      : t(reverse ? loop.steps - 1 - s : s),
        now(t * loop.B),
        before(now + (reverse ? loop.B : -loop.B)),
        later(now + (reverse ? -loop.B : loop.B)) {}
  Index t, now, before, later;
};

template <class T>
__device__ bool silent(const RecurrentLoop<T>& loop, Index t, Index row) {
  return loop.lengths != nullptr && t >= loop.lengths[row];
}

// The states of all rows before step s: empty where they are 0.
template <class T>
__device__ View<const T, 2> states_before(View<const T, 2> steps, View<const T, 2> initial, Index s, Index before,
                                          Index B) {
  return s == 0 ? initial : steps.row_block(before, B);
}

template <class Cell, class T>
__global__ void forward_step(RecurrentLoop<T> loop, Index s) {
  constexpr int kGates = Cell::kGates;
  const CellSequence<T>& cell = loop.cells[blockIdx.z];
  const Index B = loop.B, H = loop.H;
  const Step step(loop, blockIdx.z == 1, s);
  const View<const T, 2> h_before = states_before<T>(cell.y, cell.h0, s, step.before, B);
  float x[kGates] = {}, r[kGates] = {};
  if (cell.product.empty()) multiply(View<const T, 2>(cell.x), cell.weight_ih, x);
  if (!h_before.empty()) multiply(h_before, cell.weight_hh, r);

  const auto [row, unit] = place_of_thread();
  if (row >= B || unit >= H) return;
  const Index now = step.now + row;
  float kept[std::max(1, Cell::kKept)] = {};
  typename Cell::State state{};
  if (!silent(loop, step.t, row)) {
    for (int g = 0; g < kGates; ++g) {
      x[g] += element(cell.product, now, g * H + unit) + to_float(cell.bias_ih[g * H + unit]);
      r[g] += to_float(cell.bias_hh[g * H + unit]);
    }
    state.h = element(h_before, row, unit);
    for (int i = 0; i < Cell::kStates; ++i)
      state.c[i] = element(states_before<T>(cell.c, cell.c0, s, step.before, B), row, i * H + unit);
    state = Cell::forward(x, r, state, kept);
  }
  if (!cell.gates.empty())
    for (int k = 0; k < Cell::kKept; ++k) cell.gates.row(now)[k * H + unit] = from_float<T>(kept[k]);
  for (int i = 0; i < Cell::kStates; ++i) cell.c.row(now)[i * H + unit] = from_float<T>(state.c[i]);
  cell.y.row(now)[unit] = from_float<T>(state.h);
}

// dh and dc of a step are what the later one left: through the recurrent weights, and what its cell handed on.
template <class Cell, class T>
__global__ void backward_step(RecurrentLoop<T> loop, Index s) {
  constexpr int kGates = Cell::kGates, kShared = Cell::kLastApart ? kGates - 1 : kGates;
  const CellSequence<T>& cell = loop.cells[blockIdx.z];
  const Index B = loop.B, H = loop.H;
  const Step step(loop, blockIdx.z == 1, s);
  const bool last = s + 1 == loop.steps;
  float dh = 0;
  if (!last) {
    const auto share = [&](View<const T, 2> dz, Index first_gate) {
      return multiply_transposed(dz, cell.weight_hh.row_block(first_gate * H, dz.columns()), dh);
    };
    dh = share(cell.dgates.row_block(step.later, B).column_block(0, kShared * H), 0);
    if constexpr (Cell::kLastApart)
      dh = share(cell.gates.row_block(step.later, B).column_block((Cell::kSlots - 1) * H, H), kShared);
  }

  const auto [row, unit] = place_of_thread();
  if (row >= B || unit >= H) return;
  const Index now = step.now + row;
  const auto carried = [&, row = row, unit = unit](int i) -> float& {
    return cell.dc[(row * Cell::kStates + i) * H + unit];
  };
  typename Cell::Gradient d{};
  typename Cell::State d_next{last ? element(cell.dhn, row, unit) : cell.dh[row * H + unit], {}};
  for (int i = 0; i < Cell::kStates; ++i) d_next.c[i] = last ? 0.0f : carried(i);
  if (silent(loop, step.t, row)) {
    d.before = d_next;
  } else {
    float kept[std::max(1, Cell::kKept)] = {};
    for (int k = 0; k < Cell::kKept; ++k) kept[k] = to_float(cell.gates.row(now)[k * H + unit]);
    typename Cell::State before{element(states_before<T>(cell.y, cell.h0, s, step.before, B), row, unit), {}};
    typename Cell::State after{to_float(cell.y.row(now)[unit]), {}};
    for (int i = 0; i < Cell::kStates; ++i) {
      before.c[i] = element(states_before<T>(cell.c, cell.c0, s, step.before, B), row, i * H + unit);
      after.c[i] = to_float(cell.c.row(now)[i * H + unit]);
    }
    d_next.h = dh + d_next.h + element(cell.dy, now, unit);
    d = Cell::backward(kept, before, after, d_next);
  }
  cell.dh[row * H + unit] = d.before.h;
  for (int i = 0; i < Cell::kStates; ++i) carried(i) = d.before.c[i];
  for (int g = 0; g < kGates; ++g) {
    cell.dgates.row(now)[g * H + unit] = from_float<T>(d.dx[g]);
    if (!cell.dinput.empty()) {
      T& sum = cell.dinput.row(now)[g * H + unit];
      sum = from_float<T>(to_float(sum) + d.dx[g]);
    }
  }
  if constexpr (Cell::kLastApart) cell.gates.row(now)[(Cell::kSlots - 1) * H + unit] = from_float<T>(d.d_last);
}

// A thread owns an element. Where a row had no step its state is the initial one, which may be the same memory.
template <class Cell, class T>
__global__ void last_states(RecurrentLoop<T> loop) {
  const bool reverse = blockIdx.z == 1;
  const CellSequence<T>& cell = loop.cells[blockIdx.z];
  const auto [row, unit] = place_of_thread();
  if (row >= loop.B || unit >= loop.H) return;
  const Index length = loop.lengths != nullptr ? loop.lengths[row] : loop.steps;
  const Index last = (reverse ? 0 : length - 1) * loop.B + row;
  const auto gather = [&, row = row](View<const T, 2> steps, View<const T, 2> initial, View<T, 2> out, Index column) {
    if (out.empty()) return;
    const T zero = from_float<T>(0.0f);
    out.row(row)[column] = length > 0 ? steps.row(last)[column] : initial.empty() ? zero : initial.row(row)[column];
  };
  gather(cell.y, cell.h0, cell.hn, unit);
  for (int i = 0; i < Cell::kStates; ++i) gather(cell.c, cell.c0, cell.cn, i * loop.H + unit);
}

template <class T>
Launch over_tiles(const RecurrentLoop<T>& loop) {
  return {.grid = {ceil_div(loop.H, Index{kUnits}), ceil_div(loop.B, Index{kRows}), loop.direction_count},
          .block = {kUnits, kRows}};
}

template <class Cell, class T>
void forward_stepwise(Cuda& cuda, const RecurrentLoop<T>& loop) {
  for (Index s = 0; s < loop.steps; ++s) launch(cuda, Cell::kForward, over_tiles(loop), forward_step<Cell, T>, loop, s);
  if (!loop.cells[0].hn.empty() || !loop.cells[0].cn.empty())
    launch(cuda, Cell::kForward, over_tiles(loop), last_states<Cell, T>, loop);
}

template <class Cell, class T>
void backward_stepwise(Cuda& cuda, const RecurrentLoop<T>& loop) {
  for (Index s = loop.steps - 1; s >= 0; --s)
    launch(cuda, Cell::kBackward, over_tiles(loop), backward_step<Cell, T>, loop, s);
}

}  // namespace polonaise::kernels::recurrent
