#pragma once

// The layers of a stack as a wavefront in one launch, each a few steps behind the one before it. Every tile of rows has
// a chain of blocks, along y: those of layers, which are sequence.cuh's teams of one block, and between
// two of them one that makes of what the first leaves behind what the second reads, with weight_ih in its registers by
// the layers' own Product. Such a block has no step that waits for the one before, so it keeps up with the layers.
//
// Chains never wait for each other, and in a chain each block only for the one before: they are resident together, so
// all of them end. How far a block is it counts on a flag, a chunk of steps at a time, since a flag takes about as long
// as a few steps. Steps count in the order of work, from the first that any row of the tile has: in backward from the
// last one on. Steps that no row has are nobody's to wait for.
//
// Each number is made by one thread in one order, so that results repeat bit for bit. They are not the bits of a layer
// at a time, whose products between layers are cuBLASLt's, and in bf16 round once more where there is dropout.

#include "kernels/cuda/device/philox.cuh"
#include "kernels/recurrent/cuda/pairs.cuh"
#include "kernels/recurrent/cuda/units.cuh"

namespace polonaise::kernels::recurrent {

inline constexpr int kStepsOfChunk = 8;  // at least 2: what a step looks ahead to has been waited for one step before

// A block's place in its chain, and the flags by which the chain's blocks tell each other of their progress.
struct Wavefront {
  unsigned* flags = nullptr;  // [chain's blocks, tiles], 0 at first; null where the launch is no wavefront

  __device__ bool between_layers() const { return flags != nullptr && blockIdx.y % 2 == 1; }
  // Returns the index of the cell of the layer, or of the layer below where the block stands between two layers.
  __device__ int cell() const { return static_cast<int>(flags != nullptr ? blockIdx.y / 2 : blockIdx.y); }

  // Called by the whole block. What the block before left in a step may be read after the barrier that follows.
  __device__ void await(int step) const {
    if (step % kStepsOfChunk != 0 || flags == nullptr || blockIdx.y == 0 || threadIdx.x != 0) return;
    while (simt::load_acquire(flag(blockIdx.y - 1)) <= static_cast<unsigned>(step)) simt::spin_wait();
  }
  // Called by the whole block after a barrier: all that it left in steps before this one has been written.
  __device__ void show(int step) const {
    if (step % kStepsOfChunk == 0 && step > 0 && is_awaited() && threadIdx.x == 0)
      simt::store_release(flag(blockIdx.y), static_cast<unsigned>(step));
  }
  // Tells the chain that all steps are done.
  __device__ void show_all(int steps) const {
    if (!is_awaited()) return;
    __syncthreads();
    if (threadIdx.x == 0) simt::store_release(flag(blockIdx.y), static_cast<unsigned>(steps));
  }

 private:
  __device__ bool is_awaited() const { return flags != nullptr && blockIdx.y + 1 < gridDim.y; }
  __device__ unsigned* flag(unsigned block) const { return flags + block * gridDim.x + blockIdx.x; }
};

// Dropout of what is handed on. Four numbers that Philox makes together are drawn by one thread, before the step in
// which the elements' own threads ask for them.
template <class Team>
class HandedOn {
 public:
  template <class T>
  __device__ HandedOn(const RecurrentLoop<T>& loop, const CellSequence<T>& lower, const Team& team)
      : keep_(loop.dropout.keep),
        stream_(at_this_step(loop.dropout.stream)),
        H_(static_cast<int>(loop.H)),
        row_(static_cast<std::uint32_t>(loop.dropout.first_row + team.first_row())) {
    SHARED(unsigned char, kept, [2][Team::kRows * kGroups]);
    kept_ = kept[0];
    stream_.op += static_cast<std::uint32_t>(lower.layer);
  }

  __device__ bool drops() const { return keep_.least > 0; }

  // Between it and the step's elements stands a barrier, and another between these and the step after the next.
  __device__ void draw(int t) const {
    const int i = static_cast<int>(threadIdx.x), row = i / kGroups, unit = i % kGroups * 4;
    if (!drops() || row >= Team::kRows || unit >= H_) return;
    const std::uint32_t first = static_cast<std::uint32_t>(t) * static_cast<std::uint32_t>(H_) + unit;
    Philox4 words{};
    unsigned bits = 0;
#pragma unroll 1
    for (std::uint32_t k = 0; k < 4; ++k) {
      if (k == 0 || (first + k) % 4 == 0) words = random_words(stream_, row_ + row, (first + k) / 4);
      if (keep_.keeps(word_at(words, first + k))) bits |= 1u << k;
    }
    kept_[t % 2 * Team::kRows * kGroups + i] = static_cast<unsigned char>(bits);
  }
  __device__ float element(int t, int row, int unit, float value) const {
    if (!drops()) return value;
    const unsigned bits = kept_[(t % 2 * Team::kRows + row) * kGroups + unit / 4];
    return (bits >> unit % 4 & 1) != 0 ? keep_.scale * value : 0;
  }

 private:
  static constexpr int kGroups = Team::kUnits / 4;  // of four units
  static_assert(Team::kRows * kGroups <= Team::kThreads);

  Keep keep_;
  RandomStream stream_;
  int H_;
  std::uint32_t row_;
  unsigned char* kept_;
};

// y of a layer to the product of the one above it, and in between to its x, where dropout makes that another.
template <class Team, class T>
__device__ void hand_inputs_on(const RecurrentLoop<T>& loop, const Wavefront& wavefront) {
  constexpr int kGates = Team::kGates, kPairs = Team::kPairs;
  const CellSequence<T>&lower = loop.cells[wavefront.cell()], &upper = loop.cells[wavefront.cell() + 1];
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H);
  Team team(wavefront, H);
  const int longest = longest_row(loop, team);
  team.load(upper.weight_ih, H);
  Pair pairs[kPairs];
  find_pairs(loop, team, pairs);
  team.clear();
  const HandedOn<Team> handed(loop, lower, team);
  handed.draw(0);

  float ahead[kPairs] = {};
  const auto look_ahead = [&](int t) {
    for (int p = 0; p < kPairs; ++p)
      if (pairs[p].owned()) ahead[p] = to_float(at(lower.y, t * B, 0, pairs[p]));
  };
  for (int t = 0; t < longest; ++t) {
    if (t % kStepsOfChunk == 0) {
      __syncthreads();
      team.show(t);
      team.await(t);
      __syncthreads();
      look_ahead(t);
    }
    for (int p = 0; p < kPairs; ++p) {
      if (!pairs[p].owned()) continue;
      const float value = handed.element(t, team.row(p), team.unit(p), ahead[p]);
      if (handed.drops()) at(upper.x, t * B, 0, pairs[p]) = from_float<T>(value);
      team.put(p, 0, value);
    }
    if (t + 1 < longest) {
      handed.draw(t + 1);
      if ((t + 1) % kStepsOfChunk != 0) look_ahead(t + 1);
    }
    team.pass();
    float sums[kPairs][kGates] = {};
    team.multiply(sums);
    for (int p = 0; p < kPairs; ++p)
      for (int g = 0; g < kGates; ++g)
        if (pairs[p].owned()) at(upper.gates, t * B, g * H, pairs[p]) = from_float<T>(sums[p][g]);
  }
  team.show_all(longest);
  // Weight gradients read x of silent steps too.
  for (int t = longest; handed.drops() && t < loop.steps; ++t)
    for (int p = 0; p < kPairs; ++p)
      if (pairs[p].owned()) at(upper.x, t * B, 0, pairs[p]) = from_float<T>(0.0f);
}

// dgates of a layer to dy of the one below it. All layers' dy are one matrix: a step of it is written anew only when
// the layer that reads it is past that step.
template <class Team, class T>
__device__ void hand_gradients_on(const RecurrentLoop<T>& loop, const Wavefront& wavefront) {
  constexpr int kGates = Team::kGates, kPairs = Team::kPairs;
  const CellSequence<T>&upper = loop.cells[wavefront.cell()], &lower = loop.cells[wavefront.cell() + 1];
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H);
  Team team(wavefront, H);
  const int longest = longest_row(loop, team);
  team.load_transposed(upper.weight_ih, H);
  Pair pairs[kPairs];
  find_pairs(loop, team, pairs);
  team.clear();
  const HandedOn<Team> handed(loop, lower, team);

  float ahead[kPairs][kGates] = {};
  const auto look_ahead = [&](int t) {
    for (int p = 0; p < kPairs; ++p)
      for (int g = 0; g < kGates; ++g)
        if (pairs[p].owned()) ahead[p][g] = to_float(at(upper.dgates, t * B, g * H, pairs[p]));
  };
  for (int step = 0; step < longest; ++step) {
    const int t = longest - 1 - step;
    if (step % kStepsOfChunk == 0) {
      __syncthreads();
      team.show(step);
      team.await(step);
      __syncthreads();
      look_ahead(t);
    }
    for (int p = 0; p < kPairs; ++p)
      for (int g = 0; g < kGates; ++g)
        if (pairs[p].owned()) team.put(p, g, ahead[p][g]);
    handed.draw(t);
    if (t > 0 && (step + 1) % kStepsOfChunk != 0) look_ahead(t - 1);
    team.pass();
    float sums[kPairs][kGates] = {};
    team.multiply(sums);
    for (int p = 0; p < kPairs; ++p) {
      if (!pairs[p].owned()) continue;
      float sum = 0;
      for (int g = 0; g < kGates; ++g) sum += sums[p][g];
      at(upper.dx, t * B, 0, pairs[p]) = from_float<T>(handed.element(t, team.row(p), team.unit(p), sum));
    }
  }
  team.show_all(longest);
}

}  // namespace polonaise::kernels::recurrent
