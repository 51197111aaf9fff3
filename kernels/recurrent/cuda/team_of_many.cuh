#pragma once

// A team of several blocks (sequence.cuh), for layers whose weights one multiprocessor has no room for:
// each block keeps the weights of its units, and what a step passes on goes to all of the team.
//
// How it goes there a TeamExchange says: put(), publish() (all that the block has put is for the step of that number),
// wait() (until all blocks have published it), begin() before the first put(), and stride(), a row's.

#include "kernels/cuda/host/api.h"
#include "kernels/recurrent/cuda/product_slices.cuh"
#include "kernels/recurrent/cuda/units.cuh"

namespace polonaise::kernels::recurrent {

template <class Exchange, class Element>
concept TeamExchange = requires(const Exchange& exchange, void* memory, int place, Element value, unsigned step) {
  Exchange(memory, place);
  { Exchange::stride(place) } -> std::same_as<int>;
  exchange.begin();
  exchange.put(place, value);
  exchange.publish(step);
  exchange.wait(step);
  { exchange.values() } -> std::same_as<const Element*>;
};

struct TeamArguments {
  int first_row = 0;         // of the batch, the first team's
  int rows = 0;              // of a team
  void* exchange = nullptr;  // memory of the Exchange's
};

// A block of kSliceThreads owns kUnits of all kTeamRows rows, a thread each pair; neighbouring threads have
// neighbouring units. Blocks of a team stand along x, teams along y, directions along z.
template <TeamSlices TheSlices, TeamExchange<typename TheSlices::Element> Exchange>
class ManyBlocks {
 public:
  using Slices = TheSlices;
  using Arguments = TeamArguments;
  using Element = typename Slices::Element;
  static constexpr int kThreads = kSliceThreads, kPairs = 1, kUnits = Slices::kUnits, kTeamRows = kThreads / kUnits;
  static constexpr int kGates = Slices::kGates;
  static constexpr bool kInWavefronts = false;

  __device__ ManyBlocks(const Arguments& arguments, int /*H*/)
      : rows_(arguments.rows),
        first_row_(arguments.first_row + static_cast<int>(blockIdx.y) * arguments.rows),
        row_stride_(Exchange::stride(units())),
        exchange_(arguments.exchange, 2 * slot()) {
    SHARED(float, partials, [kSliceWarps * kSums * kThreads]);
    partials_ = partials;
  }

  static __device__ int cell(const Arguments&) { return static_cast<int>(blockIdx.z); }
  static __device__ bool reverse(const Arguments&) { return blockIdx.z == 1; }
  __device__ int first_row() const { return first_row_; }
  __device__ int rows() const { return rows_; }
  static __device__ int first_unit() { return static_cast<int>(blockIdx.x) * kUnits; }
  static __device__ int row(int /*pair*/) { return static_cast<int>(threadIdx.x) / kUnits; }
  static __device__ int unit(int /*pair*/) { return static_cast<int>(threadIdx.x) % kUnits; }
  __device__ bool owns(int pair) const { return row(pair) < rows_; }

  __device__ void await(int /*step*/) const {}
  __device__ void show(int /*step*/) const {}
  __device__ void show_all(int /*steps*/) const {}

  template <class T>
  __device__ void load(View<const T, 2> weight, Index H) {
    slices_.load(weight, first_unit(), H);
  }
  template <class T>
  __device__ void load_transposed(View<const T, 2> weight, Index H) {
    slices_.load(weight, first_unit(), H);
  }

  __device__ void clear() {
    exchange_.begin();
    for (int i = 0; i < 2 * Slices::kParts; ++i) exchange_.put(i * part() + place(), from_float<Element>(0.0f));
  }
  __device__ void put(int /*pair*/, int which, float value) {
    exchange_.put(static_cast<int>(passed_ % 2) * slot() + which * part() + place(), from_float<Element>(value));
  }
  __device__ void pass() { exchange_.publish(++passed_); }

  __device__ void multiply(float (&sums)[1][Slices::kGates]) {
    exchange_.wait(passed_);
    const Element* const values = exchange_.values() + static_cast<int>((passed_ + 1) % 2) * slot();
    slices_.multiply({values, part(), row_stride_, units(), rows_}, partials_ + (threadIdx.x / 32) * kSums * kThreads);
    __syncthreads();
    for (int w = 0; w < kSliceWarps; ++w)
      for (int sum = 0; sum < kSums; ++sum) sums[0][sum] += partials_[(w * kSums + sum) * kThreads + threadIdx.x];
  }

  // Elements of what all blocks of a team pass on, two steps of it.
  static Index exchanged(Index blocks) { return 2 * Slices::kParts * kTeamRows * Exchange::stride(blocks * kUnits); }

 private:
  static constexpr int kSums = Slices::kSums;

  static __device__ int units() { return static_cast<int>(gridDim.x) * kUnits; }
  __device__ int part() const { return kTeamRows * row_stride_; }
  __device__ int slot() const { return Slices::kParts * part(); }
  __device__ int place() const { return row(0) * row_stride_ + first_unit() + unit(0); }

  int rows_, first_row_, row_stride_;
  Exchange exchange_;
  unsigned passed_ = 0;  // steps; of two slots put() fills one while multiply() may still read the other
  Slices slices_;
  float* partials_;
};

// Through global memory, in a cooperative launch: every block has a flag, on which it counts what it has published.
// Memory: the flags of all teams, 0 at first, then the teams' values.
template <class Element>
class ThroughMemory {
 public:
  __device__ ThroughMemory(void* memory, int elements) {
    const std::size_t team = blockIdx.z * gridDim.y + blockIdx.y, teams = gridDim.y * gridDim.z;
    flags_ = static_cast<unsigned*>(memory) + team * gridDim.x;
    values_ = reinterpret_cast<Element*>(static_cast<unsigned char*>(memory) + flag_bytes(teams * gridDim.x)) +
              team * static_cast<std::size_t>(elements);
  }
  template <class N>
  static constexpr N stride(N units) {
    return units;
  }
  static constexpr std::size_t flag_bytes(std::size_t blocks) { return (blocks * sizeof(unsigned) + 255) / 256 * 256; }

  __device__ void begin() const {}
  __device__ void put(int place, Element value) const { values_[place] = value; }
  __device__ const Element* values() const { return values_; }
  __device__ void publish(unsigned step) const {
    __syncthreads();
    if (threadIdx.x == 0) simt::store_release(flags_ + blockIdx.x, step);
  }
  __device__ void wait(unsigned step) const {
    for (unsigned block = threadIdx.x; block < gridDim.x; block += blockDim.x)
      while (simt::load_acquire(flags_ + block) < step) simt::spin_wait();
    __syncthreads();
  }

 private:
  unsigned* flags_;
  Element* values_;
};

// Returns the rows of a team where `teams` teams share B rows: fewer rows make a shorter step.
template <class Team>
Index rows_of_team(Index B, Index teams) {
  constexpr Index kTogether = Team::Slices::kRows;  // rows are multiplied together
  return std::min(Index{Team::kTeamRows}, ceil_div(ceil_div(B, teams), kTogether) * kTogether);
}

// Launches teams for all rows of the layer, as many at once as the GPU has room for; further rows wait for another
// launch. Returns false where not even one team has room.
template <class Team, class T>
bool launch_teams(Cuda& cuda, const char* name, const RecurrentLoop<T>& loop,
                  void (*kernel)(RecurrentLoop<T>, TeamArguments)) {
  using Memory = ThroughMemory<T>;
  if (loop.H > Team::Slices::kMostH) return false;
  const Index blocks = ceil_div(loop.H, Index{Team::kUnits}), of_all_directions = blocks * loop.direction_count;
  Launch shape{
      .grid = {blocks, 1, loop.direction_count}, .block = {Team::kThreads}, .shared_bytes = 0, .cooperative = true};
  const auto bytes = [&](Index teams) {
    return Memory::flag_bytes(static_cast<std::size_t>(teams * of_all_directions)) +
           static_cast<std::size_t>(teams * loop.direction_count * Team::exchanged(blocks)) * sizeof(T);
  };
  Index teams = resident_blocks(cuda, shape, kernel) / of_all_directions;
  while (teams > 0 && bytes(teams) > Cuda::kScratchBytes) --teams;
  if (teams == 0) return false;
  const Index rows = rows_of_team<Team>(loop.B, teams);
  for (Index first = 0; first < loop.B; first += teams * rows) {
    shape.grid.y = std::min(teams, ceil_div(loop.B - first, rows));
    cuda.make_current();
    fill(cuda.stream(), cuda.scratch(), 0,
         Memory::flag_bytes(static_cast<std::size_t>(shape.grid.y * of_all_directions)));
    launch(cuda, name, shape, kernel, loop,
           TeamArguments{static_cast<int>(first), static_cast<int>(rows), cuda.scratch()});
  }
  return true;
}

}  // namespace polonaise::kernels::recurrent
