#include "kernels/sampling/sampling.h"

#include "kernels/cuda/device/philox.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/sampling/cuda/sampling.cuh"

namespace polonaise::kernels {
namespace {

// A block takes a row. A short one is a warp's, which needs no barriers for its sums.
constexpr int kShort = 32, kLong = 256;
constexpr Index kLongest = 512;  // of the short ones

template <int kThreads>
__global__ void sample_token_rows(SampleTokens s) {
  const Index r = blockIdx.x;
  const float u = uniform_of(s.stream, static_cast<std::uint32_t>(s.first_row + r), s.position);
  const std::int32_t token = sample_token<kThreads>(s.logits.row(r), s.allowed.empty() ? nullptr : s.allowed.row(r),
                                                    s.logits.columns(), s.options, u);
  if (threadIdx.x == 0) s.tokens.data()[r] = token;
}

template <int kThreads>
__global__ void sample_key_rows(SampleKeys s) {
  const Index r = blockIdx.x, K = s.logits.columns();
  sample_key_row<kThreads>(s.logits.row(r), s.allowed.empty() ? nullptr : s.allowed.row(r), K, s.options, s.stream,
                           static_cast<std::uint32_t>(s.first_row + r), s.position * static_cast<std::uint32_t>(K),
                           s.keys.row(r));
}

}  // namespace

void sample_tokens(Cuda& cuda, const SampleTokens& s) {
  s.check();
  const bool is_short = s.logits.columns() <= kLongest;
  launch(cuda, "sample_tokens", {.grid = {s.logits.rows()}, .block = {is_short ? kShort : kLong}},
         is_short ? sample_token_rows<kShort> : sample_token_rows<kLong>, s);
}

void sample_keys(Cuda& cuda, const SampleKeys& s) {
  s.check();
  const bool is_short = s.logits.columns() <= kLongest;
  launch(cuda, "sample_keys", {.grid = {s.logits.rows()}, .block = {is_short ? kShort : kLong}},
         is_short ? sample_key_rows<kShort> : sample_key_rows<kLong>, s);
}

}  // namespace polonaise::kernels
