#include "runtime/device/recorder.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/api.h"
#endif

namespace polonaise {

#ifdef POLONAISE_HAS_CUDA

namespace {

// A step has few shapes: all windows of a batch full or not, an epoch's last batch, more or less room for sparse rows;
// and each comes from either side of the inbox.
constexpr std::size_t kMostRecords = 128;

CudaGraph record(const Cuda& cuda, const std::function<void()>& work) {
  cuda.make_current();
  CudaGraph::begin_capture(cuda.stream());
  try {
    work();
  } catch (...) {
    try {
      CudaGraph::end_capture(cuda.stream());
    } catch (const std::runtime_error&) {  // the capture is given up in any case
    }
    throw;
  }
  return CudaGraph::end_capture(cuda.stream());
}

}  // namespace

struct Recorder::Records {
  std::size_t generation = 0;
  std::vector<std::pair<Key, std::optional<CudaGraph>>> graphs;  // none yet: the key came once
};

#else

struct Recorder::Records {};

#endif

Recorder::Recorder(AnyDevice& device) : device_(&device) {
#ifdef POLONAISE_HAS_CUDA
  const Cuda* const cuda = std::get_if<Cuda>(&device);
  if (cuda != nullptr && !cuda->synchronous()) records_ = std::make_unique<Records>();
#endif
}

Recorder::~Recorder() = default;

void Recorder::run([[maybe_unused]] const Key& key, [[maybe_unused]] std::size_t generation,
                   const std::function<void()>& work) {
  if (!records_) return work();
#ifdef POLONAISE_HAS_CUDA
  const Cuda& cuda = std::get<Cuda>(*device_);
  Records& records = *records_;
  if (records.generation != generation || records.graphs.size() > kMostRecords) records.graphs.clear();
  records.generation = generation;
  const auto found =
      std::ranges::find(records.graphs, key, [](const auto& record) -> const Key& { return record.first; });
  if (found == records.graphs.end()) {
    records.graphs.emplace_back(key, std::nullopt);
    return work();
  }
  std::optional<CudaGraph>& graph = found->second;
  if (graph)
    ++replays_;
  else
    graph = record(cuda, work);
  cuda.make_current();
  graph->replay(cuda.stream());
#endif
}

}  // namespace polonaise
