#include "kernels/embedding/embedding.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/base/random.h"
#include "kernels/matmul/matmul.h"

namespace polonaise {
namespace {

constexpr Index kKeys = 107;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Frames of music: four of 107 keys sound.
struct Frames {
  explicit Frames(Index rows) {
    for (Index r = 0; r < rows; ++r) {
      const auto first =
          static_cast<std::int32_t>(kernels::random_words({1, 0, 0}, 0, static_cast<std::uint32_t>(r))[0] % 80);
      for (std::int32_t key : {0, 4, 7, 12}) columns.push_back(first + key);
      offsets.push_back(static_cast<std::int32_t>(columns.size()));
    }
  }
  kernels::SparseRows view() const {
    return {{offsets.data(), {static_cast<Index>(offsets.size())}},
            {columns.data(), {static_cast<Index>(columns.size())}},
            {}};
  }
  std::vector<std::int32_t> offsets{0}, columns;
};

struct Matrix {
  Matrix(Index rows_, Index columns_) : rows(rows_), columns(columns_), values(at(rows * columns), 0.5f) {}
  View<float, 2> view() { return {values.data(), {rows, columns}}; }

  Index rows, columns;
  std::vector<float> values;
};

void count_bytes(benchmark::State& state, Index rows_moved) {
  state.SetBytesProcessed(state.iterations() * rows_moved * state.range(1) * static_cast<Index>(sizeof(float)));
}

// Arguments of all: rows, columns of the table.
void bag_forward(benchmark::State& state) {
  const Index rows = state.range(0);
  const Frames frames(rows);
  Matrix table(kKeys, state.range(1)), y(rows, state.range(1));
  Cpu cpu;
  for (auto _ : state)
    kernels::embedding_bag_forward<float>(cpu, {.x = frames.view(), .table = table.view(), .y = y.view()});
  count_bytes(state, 5 * rows);
}

void bag_backward(benchmark::State& state) {
  const Index rows = state.range(0);
  const Frames frames(rows);
  Matrix dtable(kKeys, state.range(1)), dy(rows, state.range(1));
  std::vector<float> dbias(at(state.range(1)));
  Cpu cpu;
  for (auto _ : state)
    kernels::embedding_bag_backward<float>(
        cpu, {.x = frames.view(), .dy = dy.view(), .dtable = dtable.view(), .dbias = {dbias.data(), {state.range(1)}}});
  count_bytes(state, 9 * rows);
}

// What the bag spares: the same frames as a dense matrix.
void dense_product(benchmark::State& state) {
  const Index rows = state.range(0);
  Matrix x(rows, kKeys), table(kKeys, state.range(1)), y(rows, state.range(1));
  Cpu cpu;
  for (auto _ : state) kernels::matmul<float>(cpu, {.a = x.view(), .b = table.view(), .c = y.view()});
  count_bytes(state, 5 * rows);
}

void gather(benchmark::State& state) {
  const Index rows = state.range(0);
  const Frames frames(rows);
  Matrix table(kKeys, state.range(1)), y(rows, state.range(1));
  Cpu cpu;
  for (auto _ : state)
    kernels::embedding_forward<float>(cpu,
                                      {.ids = {frames.columns.data(), {rows}}, .table = table.view(), .y = y.view()});
  count_bytes(state, 2 * rows);
}

void scatter(benchmark::State& state) {
  const Index rows = state.range(0);
  const Frames frames(rows);
  Matrix dtable(kKeys, state.range(1)), dy(rows, state.range(1));
  Cpu cpu;
  for (auto _ : state)
    kernels::embedding_backward<float>(
        cpu, {.ids = {frames.columns.data(), {rows}}, .dy = dy.view(), .dtable = dtable.view()});
  count_bytes(state, 3 * rows);
}

// A shard of eight pieces of 48 steps, into the gates of an LSTM of 64 units, or into 128 features.
BENCHMARK(bag_forward)->Args({384, 256})->Args({384, 128});
BENCHMARK(bag_backward)->Args({384, 256})->Args({384, 128});
BENCHMARK(dense_product)->Args({384, 256})->Args({384, 128});
BENCHMARK(gather)->Args({384, 128});
BENCHMARK(scatter)->Args({384, 128});

}  // namespace
}  // namespace polonaise
