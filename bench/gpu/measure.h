#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/base/bf16.h"
#include "kernels/base/view.h"
#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/context.h"

// The rows of the GPU benchmarks share these: arrays on the GPU, and the clock.
namespace polonaise::bench {

// The least that one run of a row moves and computes: the bytes of the algorithm, not of an implementation, and its
// FLOP, two for a multiply-add.
struct Work {
  double bytes = 0;
  double flops = 0;
};

// Options of the command line that hold for all rows.
struct Options {
  int runs = 100;     // of each row, after two to warm up
  bool tiny = false;  // the smallest shapes: to rehearse where there is no card
};
Options& options();

// Runs `body`, which queues work on the card's stream, as one CUDA graph (where it can be captured: the counter `graph`
// tells) and measures every run with the card's own clock. Before each, memory beyond the second-level cache's size is
// written, so that inputs come from memory. The median, the 10th and the 90th percentile are counters of the state.
void time_on_card(benchmark::State&, const Cuda&, const Work&, const std::function<void()>& body);

// Sets the same counters for `step`, which queues work and returns, called repeatedly as training does, without waiting
// in between and without clearing caches. A run's time is that between the ends of two steps on the GPU, so the host's
// where the GPU waits for it. `graph` is left to the caller.
void time_steps(benchmark::State&, const Cuda&, const Work&, const std::function<void()>& step);

// Elements on the card: random in [-scale, scale), or zeros where scale is 0.
template <class T>
class CardArray {
 public:
  CardArray(const Cuda& cuda, Index size, float scale) : memory_(bytes(size)), size_(size) {
    std::vector<T> values(static_cast<std::size_t>(size), T{});
    if (scale != 0)
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(scale * number(i));
    upload(cuda, values);
  }
  CardArray(const Cuda& cuda, const std::vector<T>& values)
      : memory_(bytes(static_cast<Index>(values.size()))), size_(static_cast<Index>(values.size())) {
    upload(cuda, values);
  }

  T* data() const { return static_cast<T*>(memory_.data()); }
  Index size() const { return size_; }
  template <int N>
  View<T, N> view(std::array<Index, N> extents) const {
    return {data(), extents};
  }
  View<T, 1> view() const { return {data(), {size_}}; }

 private:
  static std::size_t bytes(Index size) { return static_cast<std::size_t>(size < 1 ? 1 : size) * sizeof(T); }
  // Returns a number in [-1, 1), without a pattern that could cancel in products (SplitMix64's finaliser).
  static float number(std::uint64_t i) {
    i = (i + 1) * 0x9E3779B97F4A7C15u;
    i = (i ^ (i >> 30)) * 0xBF58476D1CE4E5B9u;
    i = (i ^ (i >> 27)) * 0x94D049BB133111EBu;
    return static_cast<float>(static_cast<double>((i ^ (i >> 31)) >> 11) * 0x1p-52 - 1.0);
  }
  void upload(const Cuda& cuda, const std::vector<T>& values) {
    if (values.empty()) return;
    copy(cuda.stream(), memory_.data(), values.data(), values.size() * sizeof(T));
    synchronise(cuda.stream());
  }

  CudaMemory memory_;
  Index size_;
};

template <class T>
constexpr const char* name_of() {
  return std::is_same_v<T, float> ? "float" : "bf16";
}

// Adds "ROW/WHO": a row of the results, measured of one implementation ("polonaise", or a peer's name). What it throws
// becomes the row's error.
template <class Body>
void add_row(const std::string& row, const std::string& who, Body body) {
  benchmark::RegisterBenchmark((row + "/" + who).c_str(),
                               [body](benchmark::State& state) {
                                 try {
                                   body(state);
                                 } catch (const std::exception& error) {
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseManualTime()
      ->Iterations(options().runs);
}

// The files of rows; each registers its own.
void add_ceiling_rows(Cuda&);
void add_recurrent_rows(Cuda&);
void add_attention_rows(Cuda&);
void add_flat_rows(Cuda&);
void add_generation_rows(Cuda&);
void add_linear_rows(Cuda&);
void add_training_rows(Cuda&);
void add_cudnn_rows(Cuda&);
void add_cudnn_attention_rows(Cuda&);

}  // namespace polonaise::bench
