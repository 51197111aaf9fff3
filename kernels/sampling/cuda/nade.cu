#include "kernels/sampling/nade.h"

#include <algorithm>
#include <limits>

#include "kernels/base/require.h"
#include "kernels/cuda/device/gather.cuh"
#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/device/sparse.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/embedding/embedding.h"
#include "kernels/sampling/cuda/nade.cuh"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::Floats;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A block takes a row.
constexpr int kThreads = 128;

// What the gradients want beside themselves.
struct Kept {
  View<float, 2> hidden;  // row r's hidden vectors stand at r + its first entry, one more than it has keys
  View<float, 2> dsums;   // [entries, H]: the gradient of what each sounding key added
};

__device__ bool keys_ascend(const SparseRows& targets, const Entries& entries, Index K) {
  std::int32_t before = -1;
  bool known = entries.well_formed;
  for (Index e = entries.begin; e < entries.end; ++e) {
    const std::int32_t key = targets.columns.data()[e];
    known = known && key > before && key < K;
    before = key;
  }
  return known;
}

__device__ void fill(float* x, Index count, float value) {
  for (Index i = threadIdx.x; i < count; i += kThreads) x[i] = value;
}

// The loss, the gradients of the row's own bias and hidden, and what the weights' gradients are made of.
template <int N>
__global__ void nade_rows(NadeLoss l, Kept kept) {
  constexpr Index kWarps = kThreads / 32;
  const Nade& nade = l.nade;
  const NadeGradients& d = l.gradients;
  const Index r = blockIdx.x, K = nade.bias.columns(), H = nade.hidden.columns();
  const Entries entries(l.targets, r);
  const std::int32_t* const keys = l.targets.columns.data() + entries.begin;
  const Index count = entries.end - entries.begin;
  const bool counts = l.mask.empty() || l.mask.data()[r] != 0, with_gradients = !d.bias.empty();
  const auto put_loss = [&](float loss) {
    if (threadIdx.x == 0) l.losses.data()[r] = loss;
  };
  if (!counts || !keys_ascend(l.targets, entries, K)) {
    const float value = counts ? kNan : 0;
    put_loss(value);
    if (!with_gradients) return;  // the whole block leaves
    fill(d.bias.row(r), K, value);
    fill(d.hidden.row(r), H, value);
    for (Index e = entries.begin; e < entries.end; ++e) fill(kept.dsums.row(e), H, value);
    return;
  }

  float* const slopes = simt::dynamic_shared<float>();  // [K]: the gradient of the logits
  const NadeState state(slopes + ceil_div(K, 4) * 4, H);
  float loss = 0;
  for (Index stretch = 0, begin = 0; stretch <= count; ++stretch) {
    add_to_state<kThreads>(state, stretch == 0, stretch == 0 ? nade.hidden.row(r) : nade.key_in.row(keys[stretch - 1]),
                           [&](Index i, float h) {
                             if (with_gradients) kept.hidden.row(r + entries.begin + stretch)[i] = h;
                           });
    __syncthreads();
    const Index end = stretch == count ? K : keys[stretch] + 1;
    for (Index k = begin + threadIdx.x / 32; k < end; k += kWarps) {
      const float z = nade.bias.row(r)[k] + nade_dot<N>(state, nade.key_out.row(k));
      if (threadIdx.x % 32 != 0) continue;
      const bool sounds = stretch < count && k == keys[stretch];
      const float e = expf(-fabsf(z));
      loss += fmaxf(z, 0) - (sounds ? z : 0) + log1pf(e);
      if (!with_gradients) continue;
      const float slope = (z < 0 ? e : 1) / (1 + e) - (sounds ? 1.0f : 0.0f);
      slopes[k] = slope;
      d.bias.row(r)[k] = slope;
    }
    __syncthreads();
    begin = end;
  }
  put_loss(simt::block::sum<kThreads>(loss));
  if (!with_gradients) return;

  // From the last stretch to the first: what a stretch's gradient gets belongs to all that was added before it.
  for (Index i = threadIdx.x; i < H; i += kThreads) {
    float dsum = 0;
    for (Index stretch = count; stretch >= 0; --stretch) {
      const Index begin = stretch == 0 ? 0 : keys[stretch - 1] + 1, end = stretch == count ? K : keys[stretch] + 1;
      float dh = 0;
      for (Index k = begin; k < end; ++k) dh += slopes[k] * nade.key_out.row(k)[i];
      if (kept.hidden.row(r + entries.begin + stretch)[i] != 0) dsum += dh;
      (stretch > 0 ? kept.dsums.row(entries.begin + stretch - 1) : d.hidden.row(r))[i] = dsum;
    }
  }
}

constexpr Index kChunkRows = 64, kMostChunks = 128;

// The part of dkey_out[k,:] that a chunk of rows has: sum_r dbias[r,k] h[r,k,:] in 32 N columns.
template <int N>
__global__ void key_out_chunks(SparseRows targets, View<const float, 2> dbias, View<const float, 2> hidden,
                               Index chunk_rows, float* partials) {
  const Index k = blockIdx.x, first = static_cast<Index>(blockIdx.y) * 32 * N, column = first + threadIdx.x * N;
  const Index begin = blockIdx.z * chunk_rows, end = std::min(begin + chunk_rows, dbias.rows());
  const Index K = dbias.columns(), H = hidden.columns();
  Floats<N> sums = {};
  for (Index turn = begin + threadIdx.y * 32; turn < end; turn += kGatherWarps * 32) {
    const Index r = turn + threadIdx.x;
    const float weight = r < end ? dbias.row(r)[k] : 0;
    int place = 0;
    if (weight != 0) {
      const Entries entries(targets, r);
      Index e = entries.begin;
      while (e < entries.end && targets.columns.data()[e] < k) ++e;
      place = static_cast<int>(r + e);
    }
    add_found_rows<N>(
        weight != 0, weight, hidden, [=](int lane) { return Index{__shfl_sync(simt::kWholeWarp, place, lane)}; },
        column, column < H, sums);
  }
  add_warps<N>(sums, [&](Index c, float sum) {
    if (first + c < H) partials[(blockIdx.z * K + k) * H + first + c] = sum;
  });
}

// A thread owns an element, and adds the chunks in their order.
__global__ void add_key_out_chunks(const float* partials, Index chunks, View<float, 2> dkey_out) {
  const Index k = row_of_thread();
  if (k >= dkey_out.rows()) return;
  for (Index i = first_column(); i < dkey_out.columns(); i += column_step()) {
    float sum = 0;
    for (Index chunk = 0; chunk < chunks; ++chunk)
      sum += partials[(chunk * dkey_out.rows() + k) * dkey_out.columns() + i];
    dkey_out.row(k)[i] += sum;
  }
}

void add_key_out_gradient(Cuda& cuda, const SparseRows& targets, View<const float, 2> dbias,
                          View<const float, 2> hidden, View<float, 2> dkey_out) {
  const Index rows = dbias.rows(), K = dkey_out.rows(), H = dkey_out.columns();
  const Index room = static_cast<Index>(Cuda::kScratchBytes / sizeof(float)) / (K * H);
  require(room >= 1, "there are too many keys and hidden units for the scratch memory of reductions");
  const Index chunk_rows = std::max(kChunkRows, ceil_div(rows, std::min(kMostChunks, room)));
  const Index chunks = ceil_div(rows, chunk_rows);
  auto* const partials = static_cast<float*>(cuda.scratch());
  constexpr int N = simt::kWide<float>;
  const bool wide = simt::is_wide(hidden);
  launch(cuda, "nade_loss", {.grid = {K, ceil_div(H, Index{32} * (wide ? N : 1)), chunks}, .block = {32, kGatherWarps}},
         wide ? key_out_chunks<N> : key_out_chunks<1>, targets, dbias, hidden, chunk_rows, partials);
  launch(cuda, "nade_loss", over_matrix(K, H), add_key_out_chunks, partials, chunks, dkey_out);
}

template <int N>
__global__ void sample_rows(NadeSample s) {
  nade_sample_row<kThreads, N>(s, blockIdx.x, NadeState(simt::dynamic_shared<float>(), s.nade.hidden.columns()));
}

}  // namespace

void nade_loss(Cuda& cuda, const NadeLoss& l) {
  l.check();
  const Nade& nade = l.nade;
  const Index R = nade.bias.rows(), K = nade.bias.columns(), H = nade.hidden.columns(),
              entries = l.targets.columns.size();
  const bool with_gradients = !l.gradients.bias.empty();
  Kept kept;
  if (with_gradients) kept = {l.scratch.row_block(0, R + entries), l.scratch.row_block(R + entries, entries)};
  const auto floats = static_cast<std::size_t>(ceil_div(K, 4) * 4 + kNadeVectors * H);
  launch(cuda, "nade_loss", {.grid = {R}, .block = {kThreads}, .shared_bytes = floats * sizeof(float)},
         simt::is_wide(nade.key_out) ? nade_rows<simt::kWide<float>> : nade_rows<1>, l, kept);
  if (!with_gradients || R == 0) return;
  add_key_out_gradient(cuda, l.targets, l.gradients.bias, kept.hidden, l.gradients.key_out);
  if (entries > 0)
    embedding_backward<float>(cuda, {.ids = l.targets.columns, .dy = kept.dsums, .dtable = l.gradients.key_in});
}

void nade_sample(Cuda& cuda, const NadeSample& s) {
  s.check();
  const Nade& nade = s.nade;
  const auto floats = static_cast<std::size_t>(kNadeVectors * nade.hidden.columns());
  launch(cuda, "nade_sample", {.grid = {nade.bias.rows()}, .block = {kThreads}, .shared_bytes = floats * sizeof(float)},
         simt::is_wide(nade.key_out) ? sample_rows<simt::kWide<float>> : sample_rows<1>, s);
}

}  // namespace polonaise::kernels
