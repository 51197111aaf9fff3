#pragma once

// sm90/recurrent.h: the team of team_of_many.cuh as a thread block cluster.

#include "kernels/recurrent/cuda/cells.cuh"
#include "kernels/recurrent/cuda/sequence.cuh"
#include "kernels/recurrent/cuda/sm90/cluster.h"
#include "kernels/recurrent/cuda/team_of_many.cuh"

namespace polonaise::kernels::recurrent {

// The Exchange through shared memory: each block has all that its cluster passes on, and who puts something puts it
// into every block's.
template <class Element>
class ThroughCluster {
 public:
  __device__ ThroughCluster(void* /*memory*/, int /*elements*/) : values_(simt::dynamic_shared<Element>()) {}

  // A row's neighbour lies half of all banks on, so that the two that a quarter of a warp reads meet different ones.
  template <class N>
  static constexpr N stride(N units) {
    constexpr N kBanks = static_cast<N>(128 / sizeof(Element));
    return (units + kBanks - 1) / kBanks * kBanks + kBanks / 2;
  }

  __device__ void begin() const { simt::cluster_sync(); }
  __device__ void put(int place, Element value) const {
    for (unsigned rank = 0; rank < gridDim.x; ++rank) *simt::cluster_shared(values_ + place, rank) = value;
  }
  __device__ const Element* values() const { return values_; }
  __device__ void publish(unsigned /*step*/) const { simt::cluster_sync(); }
  __device__ void wait(unsigned /*step*/) const {}  // publish() has

 private:
  Element* values_;
};

// 32 units a block, 8 rows a team: eight blocks, the most that every card takes in a cluster, have 256 units.
template <class T, int kGates>
struct ClusterTeams {
  using Forward = ManyBlocks<QuadSlices<kGates, 4, 8, 2>, ThroughCluster<float>>;
  using Backward = ManyBlocks<LaneSlices<kGates, 4, 8, 256>, ThroughCluster<float>>;
};
template <int kGates>
struct ClusterTeams<bf16, kGates> {
  using Forward = ManyBlocks<MmaSlices<kGates, 4, 8, 1, false>, ThroughCluster<bf16>>;
  using Backward = ManyBlocks<MmaSlices<kGates, 4, 8, 1, true>, ThroughCluster<bf16>>;
};

// Clusters wait for nobody, so there may be more than are resident; while there is room, each has fewer rows.
template <class Team, class T>
bool launch_clusters(Cuda& cuda, const char* name, const RecurrentLoop<T>& loop,
                     void (*kernel)(RecurrentLoop<T>, TeamArguments)) {
  const CudaProperties& card = cuda.properties();
  if (card.major != 9 || card.minor != 0 || loop.H > Team::Slices::kMostH) return false;
  const Index blocks = ceil_div(loop.H, Index{Team::kUnits});
  Launch shape{.grid = {blocks, 1, loop.direction_count},
               .block = {Team::kThreads},
               .shared_bytes = static_cast<std::size_t>(Team::exchanged(blocks)) * sizeof(T),
               .cluster = blocks};
  const Index teams = resident_blocks(cuda, shape, kernel) / (blocks * loop.direction_count);
  if (teams == 0) return false;
  const Index rows = rows_of_team<Team>(loop.B, teams);
  shape.grid.y = ceil_div(loop.B, rows);
  launch(cuda, name, shape, kernel, loop, TeamArguments{.rows = static_cast<int>(rows)});
  return true;
}

template <class Cell, class T>
bool forward_on_cluster(Cuda& cuda, const RecurrentLoop<T>& loop) {
  using Team = typename ClusterTeams<T, Cell::kGates>::Forward;
  return launch_clusters<Team>(cuda, Cell::kForward, loop, forward_sequence<Cell, Team, T>);
}

template <class Cell, class T>
bool backward_on_cluster(Cuda& cuda, const RecurrentLoop<T>& loop) {
  using Team = typename ClusterTeams<T, Cell::kGates>::Backward;
  return launch_clusters<Team>(cuda, Cell::kBackward, loop, backward_sequence<Cell, Team, T>);
}

}  // namespace polonaise::kernels::recurrent
