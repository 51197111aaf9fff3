#include "kernels/sampling/nade.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/base/random.h"

namespace polonaise {
namespace {

// A shard of 384 frames of 88 keys, of which four sound, and a head of H hidden units.
struct Frames {
  explicit Frames(Index hidden_units) : H(hidden_units) {
    hidden = numbers(kRows * H, 1);
    bias = numbers(kRows * kKeys, 2);
    key_in = numbers(kKeys * H, 3);
    key_out = numbers(kKeys * H, 4);
    for (std::int32_t r = 0; r < kRows; ++r) {
      for (std::int32_t voice = 0; voice < 4; ++voice) keys.push_back(20 + 12 * voice + (r + 5 * voice) % 12);
      offsets.push_back(static_cast<std::int32_t>(keys.size()));
    }
    scratch.resize(static_cast<std::size_t>(vectors() * H));
    dhidden = hidden, dbias = bias, dkey_in = key_in, dkey_out = key_out;
  }
  static std::vector<float> numbers(Index count, std::uint64_t seed) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = kernels::uniform({seed, 0, 0}, 0, static_cast<std::uint32_t>(i)) - 0.5f;
    return values;
  }
  kernels::Nade view() const {
    return {{hidden.data(), {kRows, H}},
            {bias.data(), {kRows, kKeys}},
            {key_in.data(), {kKeys, H}},
            {key_out.data(), {kKeys, H}}};
  }
  kernels::NadeGradients gradients() {
    return {{dhidden.data(), {kRows, H}},
            {dbias.data(), {kRows, kKeys}},
            {dkey_in.data(), {kKeys, H}},
            {dkey_out.data(), {kKeys, H}}};
  }
  Index vectors() const { return kRows + 2 * static_cast<Index>(keys.size()); }
  kernels::SparseRows targets() const {
    return {{offsets.data(), {kRows + 1}}, {keys.data(), {static_cast<Index>(keys.size())}}, {}};
  }

  static constexpr Index kRows = 384, kKeys = 88;
  Index H;
  std::vector<float> hidden, bias, key_in, key_out, dhidden, dbias, dkey_in, dkey_out, scratch,
      losses = std::vector<float>(kRows);
  std::vector<std::int32_t> offsets{0}, keys;
};

// Arguments: hidden units, whether the gradient is wanted.
void nade_loss(benchmark::State& state) {
  Frames frames(state.range(0));
  Cpu cpu;
  const bool gradients = state.range(1) != 0;
  for (auto _ : state)
    kernels::nade_loss(cpu, {.nade = frames.view(),
                             .targets = frames.targets(),
                             .losses = {frames.losses.data(), {Frames::kRows}},
                             .gradients = gradients ? frames.gradients() : kernels::NadeGradients{},
                             .scratch = gradients ? View<float, 2>{frames.scratch.data(), {frames.vectors(), frames.H}}
                                                  : View<float, 2>{}});
  state.SetItemsProcessed(state.iterations() * Frames::kRows);
}

void nade_sample(benchmark::State& state) {
  Frames frames(state.range(0));
  Cpu cpu;
  std::vector<std::uint8_t> keys(static_cast<std::size_t>(Frames::kRows * Frames::kKeys));
  for (auto _ : state)
    kernels::nade_sample(cpu, {.nade = frames.view(),
                               .options = {.max_keys = 4},
                               .stream = {1, 2, 3},
                               .keys = {keys.data(), {Frames::kRows, Frames::kKeys}}});
  state.SetItemsProcessed(state.iterations() * Frames::kRows);
}

BENCHMARK(nade_loss)->ArgsProduct({{64, 128, 256}, {0, 1}});
BENCHMARK(nade_sample)->Arg(128);

}  // namespace
}  // namespace polonaise
