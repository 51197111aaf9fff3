#include "kernels/sampling/sampling.h"

#include "kernels/cuda/device/philox.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/sampling/cuda/sampling.cuh"
#include "kernels/sampling/sampling_shapes.h"

namespace polonaise::kernels {
namespace {

// A block takes a row. A short one is a warp's, which needs no barriers for its sums.
constexpr int kShort = 32, kLong = 256;
constexpr Index kLongest = 512;  // of the short ones

template <int kThreads>
__global__ void sample_token_rows(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                                  SamplingOptions options, RandomStream stream, Index first_row, std::uint32_t position,
                                  std::int32_t* tokens) {
  const Index r = blockIdx.x;
  const float u = uniform_of(stream, static_cast<std::uint32_t>(first_row + r), position);
  const std::int32_t token =
      sample_token<kThreads>(logits.row(r), allowed.empty() ? nullptr : allowed.row(r), logits.columns(), options, u);
  if (threadIdx.x == 0) tokens[r] = token;
}

template <int kThreads>
__global__ void sample_key_rows(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                                SamplingOptions options, RandomStream stream, Index first_row, std::uint32_t first,
                                View<std::uint8_t, 2> keys) {
  const Index r = blockIdx.x;
  sample_key_row<kThreads>(logits.row(r), allowed.empty() ? nullptr : allowed.row(r), logits.columns(), options, stream,
                           static_cast<std::uint32_t>(first_row + r), first, keys.row(r));
}

}  // namespace

void sample_tokens(Cuda& cuda, View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                   const SamplingOptions& options, const RandomStream& stream, Index first_row, std::uint32_t position,
                   View<std::int32_t, 1> tokens) {
  require_sample_tokens(logits, allowed, options, tokens);
  const bool is_short = logits.columns() <= kLongest;
  launch(cuda, "sample_tokens", {.grid = {logits.rows()}, .block = {is_short ? kShort : kLong}},
         is_short ? sample_token_rows<kShort> : sample_token_rows<kLong>, logits, allowed, options, stream, first_row,
         position, tokens.data());
}

void sample_keys(Cuda& cuda, View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                 const SamplingOptions& options, const RandomStream& stream, Index first_row, std::uint32_t position,
                 View<std::uint8_t, 2> keys) {
  require_sample_keys(logits, allowed, options, position, keys);
  const auto first = static_cast<std::uint32_t>(static_cast<Index>(position) * logits.columns());
  const bool is_short = logits.columns() <= kLongest;
  launch(cuda, "sample_keys", {.grid = {logits.rows()}, .block = {is_short ? kShort : kLong}},
         is_short ? sample_key_rows<kShort> : sample_key_rows<kLong>, logits, allowed, options, stream, first_row,
         first, keys);
}

}  // namespace polonaise::kernels
