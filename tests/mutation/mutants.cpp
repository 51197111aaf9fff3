#include "tests/mutation/mutants.h"

#include <algorithm>
#include <iterator>

namespace polonaise::testing {
namespace {

const std::string kNorm = "kernels/norm/cuda/norm.cu", kColumnSums = "kernels/cuda/device/column_sums.cuh",
                  kOptimizer = "kernels/optimizer/cuda/adamw.cu", kLoss = "kernels/loss/cuda/loss.cu",
                  kAttention = "kernels/attention/cuda/forward_mma.cu",
                  kTeam = "kernels/recurrent/cuda/team_of_many.cuh",
                  kSlices = "kernels/recurrent/cuda/product_slices.cuh", kRnn = "kernels/recurrent/cuda/rnn.cu",
                  kCluster = "kernels/recurrent/cuda/sm90/cluster.cuh",
                  kRnnOnCluster = "kernels/recurrent/cuda/sm90/rnn.cu",
                  kWavefront = "kernels/recurrent/cuda/wavefront.cuh";
const std::string kGeneration = "kernels/sampling/cuda/generation.cuh",
                  kGenerationSource = "kernels/sampling/cuda/generation.cu";
// Kernels of the tests, for what is plainer there.
const std::string kVocabulary = "tests/kernels/cuda/vocabulary.cu";

const std::string kInbox = "runtime/device/inbox.cpp", kTraining = "runtime/training/training.cpp",
                  kRecorder = "runtime/device/recorder.cpp", kPointwise = "kernels/pointwise/cuda/pointwise.cu",
                  kUploads = "Devices/MemoryOf.UploadsOfAStep*/cuda";

const std::string kOverrun = "AddressSanitizer: (use-after-poison|heap-buffer-overflow)|index .* out of bounds";
const std::string kRace = "ThreadSanitizer: data race";

std::vector<Mutant> overruns() {
  return {
      {"SharedMemoryOffByOne",
       kColumnSums,
       "of_threads[i][threadIdx.y][threadIdx.x] = sums[i];",
       "(&of_threads[i][threadIdx.y][threadIdx.x])[1] = sums[i];",
       "LayerNorm/cuda.Backward*",
       kOverrun,
       "= sums[i];",
       {},
       kNorm},
      {"DynamicSharedMemoryTooSmall", kVocabulary, ".shared_bytes = 2 * 128 * sizeof(float)",
       ".shared_bytes = 2 * 128 * sizeof(float) - 4", "Vocabulary.Asynchronous*", kOverrun, "copy_async<16>(",
       kVocabulary},
      {"WriteOutsideOfATensor", kNorm, "f.mean.data()[row] = mean;", "f.mean.data()[row + 1] = mean;",
       "LayerNorm/cuda.Forward*", kOverrun, "f.mean.data()[row + 1]"},
      {"ReadOutsideOfATensor", kOptimizer, "float total = accumulate ? sum[i] : 0.0f;",
       "float total = accumulate ? sum[i + 1] : 0.0f;", "Optimizer/cuda.Sum*", kOverrun, "sum[i + 1]"},
      {"ARowTooMany", kNorm, "if (row >= f.x.rows()) return;", "if (row > f.x.rows()) return;",
       "LayerNorm/cuda.Forward*", kOverrun, "row_mean<N>"},
      {"AsynchronousCopyNotWaitedFor", kVocabulary, "      copy_async_wait<1>();", "      copy_async_wait<2>();",
       "Vocabulary.Asynchronous*", "AddressSanitizer: use-after-poison", "= buffers["},
      {"AsynchronousCopyOfALoopNotWaitedFor", kAttention, "    finish_copies();",
       "    simt::copy_async_commit(), simt::copy_async_wait<1>(), simt::sync_block();", "Attention/cuda_bf16.Forward*",
       "AddressSanitizer: use-after-poison", "add_dots<Tile>(q, keys, s);", kAttention},
      {"BarrierInDivergentCode",
       kColumnSums,
       "  __syncthreads();",
       "  if (threadIdx.y < 4) __syncthreads();",
       // Which of the two sentences it is depends on who runs first.
       "LayerNorm/cuda.Backward*",
       "(others of its block wait at __syncthreads|__syncthreads.. after block .* has exited)",
       "__syncthreads()",
       {},
       kNorm},
      {"ExitBeforeAShuffle", kVocabulary, "  const float value = x[lane];",
       "  const float value = x[lane]; if (lane == 9) return;", "Vocabulary.Shuffles*", "thread .9,0,0.",
       "__shfl_sync"},
  };
}

std::vector<Mutant> races() {
  return {
      {"BarrierRemoved",
       kColumnSums,
       "  __syncthreads();",
       "  ;",
       "LayerNorm/cuda.Backward*",
       kRace,
       "sums[i] += of_threads[i][y][threadIdx.x];",
       {},
       kNorm},
      {"BarrierOfALoopRemoved", kOptimizer, "    __syncthreads();", "    ;", "Optimizer/cuda.Squared*", kRace,
       "sums[threadIdx.x] += "},
      {"BarrierBetweenLayersRemoved",
       kGeneration,
       "step(layer, now);\n        __syncthreads();",
       "step(layer, now);\n        ;",
       "Generate/cuda.ACallOfMany*",
       kRace,
       "states(1 - now, layer)[place] = state.h;",
       {},
       kGenerationSource},
      {"WarpBarrierRemoved", kVocabulary, "  __syncwarp();  // a shuffle orders no memory", "  ;",
       "Vocabulary.AShared*", kRace, "y[lane] = values[source]"},
      {"WarpBarrierBeforeAnotherLanesWorkRemoved", kLoss, "    __syncwarp();  // the gradient of keys", "    ;  //",
       "BernoulliWithLogits/cuda.GradientMay*", kRace, "[columns[e]] -= 1;"},
      {"WarpBarrierBeforeLdmatrixRemoved", kVocabulary, "b_tile[i] = b[i];\n  __syncwarp();", "b_tile[i] = b[i];\n  ;",
       "Vocabulary.TensorCores*", kRace, "ldmatrix_x4("},
      {"TwoBlocksWriteOneWord",
       kColumnSums,
       "partials + (static_cast<Index>(blockIdx.z) * gridDim.y + blockIdx.y) * kSums * columns",
       "partials",
       "LayerNorm/cuda.Backward*",
       kRace,
       "of_chunk[i * columns + column] = sums[i];",
       {},
       kNorm},
      {"GridBarrierRemoved", kVocabulary, "numbers[blockIdx.x] += 1;\n    grid_sync(barrier);",
       "numbers[blockIdx.x] += 1;\n    ;", "Vocabulary.TheWholeGrid*", kRace, "sum += numbers[i]"},
      {"FlagOfATeamNotWaitedFor", kTeam, "while (simt::load_acquire(flags_ + block) < step) simt::spin_wait();",
       "(void)block;", "Rnn/RecurrentStackTest/cuda.Forward*", kRace, "const auto x = simt::load<4>(inputs.values",
       kSlices, kRnn},
      {"FlagOfATeamRaisedBeforeTheBlockHasPutAll", kTeam, "__syncthreads();\n    if (threadIdx.x == 0) simt::store",
       ";\n    if (threadIdx.x == 0) simt::store", "Rnn/RecurrentStackTest/cuda.Forward*", kRace,
       "const auto x = simt::load<4>(inputs.values", kSlices, kRnn},
      {"ClusterBarrierOfATeamRemoved", kCluster, "void publish(unsigned /*step*/) const { simt::cluster_sync(); }",
       "void publish(unsigned) const { simt::sync_block(); }", "Rnn/RecurrentStackTest/cuda.Forward*", kRace,
       "const auto x = simt::load<4>(inputs.values", kSlices, kRnnOnCluster},
      {"FlagOfALayerNotWaitedFor",
       kWavefront,
       "while (simt::load_acquire(flag(blockIdx.y - 1)) <= static_cast<unsigned>(step)) simt::spin_wait();",
       ";",
       "Rnn/RecurrentStackTest/cuda.Forward*",
       kRace,
       "ahead[p] = to_float(at(lower.y,",
       {},
       kRnn},
      {"FlagOfALayerRaisedBeforeTheBlockHasWrittenAll",
       kWavefront,
       "__syncthreads();\n    if (threadIdx.x == 0) simt::store",
       ";\n    if (threadIdx.x == 0) simt::store",
       "Rnn/RecurrentStackTest/cuda.Forward*",
       kRace,
       "ahead[p] = to_float(at(lower.y,",
       {},
       kRnn},
      {"FlagWithoutRelease", kVocabulary, "store_release(flag, 1);", "atomicExch(flag, 1u);", "Vocabulary.AReleased*",
       kRace, "*result = *number;"},
      {"ClusterBarrierRemoved", kVocabulary, "= cluster_rank();\n  cluster_sync();", "= cluster_rank();\n  ;",
       "Vocabulary.BlocksOfACluster*", kRace, "received[blockIdx.x] = mailbox;"},
  };
}

// What the host does around kernels: of the runtime, whose tests find it.
std::vector<Mutant> of_runtime(std::vector<Mutant> mutants) {
  for (Mutant& mutant : mutants) mutant.room = "runtime";
  return mutants;
}

std::vector<Mutant> overruns_of_the_host() {
  return of_runtime({
      {"AStepMoreThanThereIsRoomFor", kTraining, "if (pending_ == kSlots) collect();",
       "if (pending_ == kSlots + 1) collect();", "Devices/TrainingOn.ReportsEveryStep*/cuda", kOverrun,
       "slot.numbers.adamw = "},
      {"RecordKeptAfterItsMemoryIsGone", kRecorder, "if (records.generation != generation || ", "if (",
       "RecorderTest.ForgetsRecords*", "AddressSanitizer: heap-use-after-free",
       "const auto before = simt::load_floats<N>(y.row(r) + c);", kPointwise},
  });
}

std::vector<Mutant> races_of_the_host() {
  return of_runtime({
      {"BatchOverwrittenBeforeItsCopyIsDone", kInbox, "  next.sent->synchronise();", "  ;", kUploads, kRace,
       "numbers(static_cast<float>(step)), host);", "tests/runtime/memory_test.cpp"},
      {"KernelsDoNotWaitForWhatIsSent", kInbox, "  side.sent->wait_on(kernels);", "  ;", kUploads, kRace,
       "auto values = simt::load_floats<N>(x.row(r) + c);", kPointwise},
      {"CopiesDoNotWaitForKernelsThatReadTheirPlace", kInbox, "  next.read->wait_on(stream_->handle());", "  ;",
       kUploads, kRace, "auto values = simt::load_floats<N>(x.row(r) + c);", kPointwise},
      {"CopiesDoNotWaitForTheirNewMemory", kInbox, "  side.read->wait_on(stream_->handle());", "  ;", kUploads, kRace,
       "    grow(side, std::max("},  // which took the memory
      {"ReportsReadBeforeTheyHaveCome", kTraining, "  copies_.wait();", "  ;", "Devices/TrainingOn.DropsOther*/cuda",
       kRace, "std::accumulate(result.losses.begin()"},
  });
}

}  // namespace

std::vector<Mutant> mutants(const std::string& sanitizer) {
  const bool thread = sanitizer == "thread";
  std::vector<Mutant> all = thread ? races() : overruns();
  std::ranges::copy(thread ? races_of_the_host() : overruns_of_the_host(), std::back_inserter(all));
  return all;
}

}  // namespace polonaise::testing
