#include <cstdint>

#include "kernels/attention/attention.h"
#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles.cuh"

namespace polonaise::kernels {
namespace attention {
namespace {

// Eight lanes hold a row of the cache, four numbers of every 32 each, and take kKeys neighbouring slots at a time. Such
// a group keeps its own maximum, sum and output; at the end the block joins them, from the first to the last.
constexpr int kThreads = 256, kGroups = kThreads / 8, kKeys = 4;

// Four numbers of a row from d on; zeros past its end.
template <class T>
__device__ simt::Vector<float, 4> load_four(const T* row, int d, int columns, bool wide) {
  simt::Vector<float, 4> x = {};
  if (wide && d < columns) {
    const auto values = simt::load<4>(row + d);
    for (int e = 0; e < 4; ++e) x[e] = simt::to_float(values[e]);
  } else {
    for (int e = 0; e < 4; ++e)
      if (d + e < columns) x[e] = simt::to_float(row[d + e]);
  }
  return x;
}

// A block is one head of one row. `wide`: rows of the cache and of relative may be read four numbers at a time.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads) decode(AttentionStep<T> p, float scale, bool wide) {
  constexpr int kParts = kWidth / 32;
  const int D = static_cast<int>(p.keys.extent(3)), thread = static_cast<int>(threadIdx.x);
  const Index N = p.keys.extent(1), b = blockIdx.x / N, n = blockIdx.x % N, position = p.position.now();
  const int capacity = static_cast<int>(p.keys.extent(2));  // short numbers: registers are few
  const int newest = static_cast<int>(position % capacity), count = position < capacity ? newest + 1 : capacity;
  const Index first_row = static_cast<Index>(blockIdx.x) * capacity;
  const auto& [rotary, relative] = p.positions;

  SHARED(float, query, [kWidth]);
  for (int d = thread; d < kWidth; d += kThreads) {
    float value = 0.0f;
    if (d < D) {
      const T *q = p.qkv.row(b) + n * D, *k = q + N * D, *v = k + N * D;
      const float* angles = rotary.data();
      value = angles == nullptr ? simt::to_float(q[d]) : turned(q, angles, Turn::forward, d, D);
      p.keys.row(first_row + newest)[d] =
          angles == nullptr ? k[d] : simt::from_float<T>(turned(k, angles, Turn::forward, d, D));
      p.values.row(first_row + newest)[d] = v[d];
    }
    query[d] = value * scale;
  }
  __syncthreads();

  simt::Vector<float, 4> q[kParts], out[kParts] = {};
  for (int i = 0; i < kParts; ++i) q[i] = simt::load<4>(query + 32 * i + 4 * lane_column());
  float maximum = kMasked, sum = 0.0f;
  for (int chunk = 0; chunk < count; chunk += kGroups * kKeys) {  // the whole block, as shuffles need
    const int slot = chunk + thread / 8 * kKeys;
    float s[kKeys] = {};
    for (int j = 0; j < kKeys; ++j) {
      if (slot + j >= count) continue;
      const T* key = p.keys.row(first_row + slot + j);
      const int distance = newest - (slot + j) + (slot + j > newest ? capacity : 0);
      const T* of_distance = relative.empty() ? nullptr : relative.row(n * relative.extent(1) + distance);
      for (int i = 0; i < kParts; ++i) {
        const int d = 32 * i + 4 * lane_column();
        auto x = load_four(key, d, D, wide);
        if (of_distance != nullptr) {
          const auto more = load_four(of_distance, d, D, wide);
          for (int e = 0; e < 4; ++e) x[e] += more[e];
        }
        for (int e = 0; e < 4; ++e) s[j] += q[i][e] * x[e];
      }
    }
    float top = maximum;
    for (int j = 0; j < kKeys; ++j) {
      for (int lanes = 1; lanes < 8; lanes *= 2) s[j] += simt::shuffle_xor(simt::kWholeWarp, s[j], lanes);
      if (slot + j >= count) s[j] = kMasked;
      top = fmaxf(top, s[j]);
    }
    const float keep = expf(maximum - top);
    maximum = top;
    sum *= keep;
    for (auto& part : out)
      for (int e = 0; e < 4; ++e) part[e] *= keep;
    for (int j = 0; j < kKeys; ++j) {
      if (slot + j >= count) continue;
      const float weight = expf(s[j] - top);
      sum += weight;
      const T* value = p.values.row(first_row + slot + j);
      for (int i = 0; i < kParts; ++i) {
        const auto x = load_four(value, 32 * i + 4 * lane_column(), D, wide);
        for (int e = 0; e < 4; ++e) out[i][e] += weight * x[e];
      }
    }
  }

  SHARED(float, maxima, [kGroups]);
  SHARED(float, sums, [kGroups]);
  SHARED(float, outputs, [kGroups][kWidth]);
  const int group = thread / 8;
  if (lane_column() == 0) {
    maxima[group] = maximum;
    sums[group] = sum;
  }
  for (int i = 0; i < kParts; ++i) simt::store(outputs[group] + 32 * i + 4 * lane_column(), out[i]);
  __syncthreads();
  for (int d = thread; d < D; d += kThreads) {
    float top = maxima[0], total = 0.0f, value = 0.0f;
    for (float of_group : maxima) top = fmaxf(top, of_group);
    for (int g = 0; g < kGroups; ++g) {  // a group without keys has a sum of 0
      const float weight = expf(maxima[g] - top);
      total += weight * sums[g];
      value += weight * outputs[g][d];
    }
    p.y.row(b)[n * D + d] = simt::from_float<T>(value / total);
  }
}

template <class T, int N>
bool rows_are_aligned(View<const T, N> x) {
  constexpr Index kBytes = 4 * sizeof(T);
  return reinterpret_cast<std::uintptr_t>(x.data()) % kBytes == 0 && x.stride() % 4 == 0 && x.columns() % 4 == 0;
}

}  // namespace
}  // namespace attention

template <class T>
void attention_step(Cuda& cuda, const AttentionStep<T>& a) {
  using namespace attention;
  a.check();
  const Index B = a.keys.extent(0), N = a.keys.extent(1), D = a.keys.extent(3);
  const bool wide = rows_are_aligned<T, 4>(a.keys) && rows_are_aligned<T, 4>(a.values) &&
                    (a.positions.relative.empty() || rows_are_aligned(a.positions.relative));
  with_width(D, [&](auto width) {
    launch(cuda, "attention_step", {.grid = {B * N}, .block = {kThreads}}, decode<T, width()>, a, score_scale(D), wide);
  });
}

template void attention_step<float>(Cuda&, const AttentionStep<float>&);
template void attention_step<bf16>(Cuda&, const AttentionStep<bf16>&);

}  // namespace polonaise::kernels
