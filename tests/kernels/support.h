#pragma once

// What kernel tests share: tensors of seeded random numbers, a copy in double for the oracle, and the error measure.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "kernels/base/bf16.h"
#include "kernels/base/random.h"
#include "kernels/base/view.h"

namespace polonaise::testing {

// A tensor that owns its memory and hands out views of it.
template <class T, int N>
class Array {
 public:
  explicit Array(std::array<Index, N> extents, T fill = T{}) : extents_(extents) {
    Index size = 1;
    for (Index extent : extents) size *= extent;
    values_.assign(static_cast<std::size_t>(size), fill);
  }
  View<T, N> view() { return {values_.data(), extents_}; }
  View<const T, N> view() const { return {values_.data(), extents_}; }
  std::vector<T>& values() { return values_; }
  const std::vector<T>& values() const { return values_; }
  T& operator[](Index i) { return values_[static_cast<std::size_t>(i)]; }
  const T& operator[](Index i) const { return values_[static_cast<std::size_t>(i)]; }
  Index size() const { return static_cast<Index>(values_.size()); }

 private:
  std::array<Index, N> extents_;
  std::vector<T> values_;
};

// Uniform in [-scale, scale), a function of the seed alone; as bf16 these are the same numbers, rounded.
template <class T, int N>
Array<T, N> random_array(std::array<Index, N> extents, std::uint64_t seed, float scale = 1.0f) {
  Array<T, N> array(extents);
  const kernels::RandomStream stream{seed, 0, 0};
  for (Index i = 0; i < array.size(); ++i)
    array[i] = static_cast<T>(scale * (2.0f * kernels::uniform(stream, 0, static_cast<std::uint32_t>(i)) - 1.0f));
  return array;
}
template <int N>
Array<float, N> random_array(std::array<Index, N> extents, std::uint64_t seed, float scale = 1.0f) {
  return random_array<float, N>(extents, seed, scale);
}

inline double to_double(double value) {
  return value;
}
inline double to_double(bf16 value) {
  return static_cast<double>(static_cast<float>(value));
}

// What an oracle is fed: the tensor's own numbers, as its type has rounded them.
template <class T>
std::vector<double> to_double(const std::vector<T>& values) {
  std::vector<double> doubles;
  for (const T& value : values) doubles.push_back(to_double(value));
  return doubles;
}

// To the bit, NaN being equal to itself.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// ||actual - expected|| / ||expected||, Euclidean; the absolute norm where the expected one is 0.
template <class T>
double relative_error(const std::vector<T>& actual, const std::vector<double>& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = to_double(actual[i]) - expected[i];
    error += difference * difference;
    norm += expected[i] * expected[i];
  }
  return norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
}

// d f / d x by central differences in double; f must not keep a reference to x.
inline std::vector<double> central_differences(const std::function<double(const std::vector<double>&)>& f,
                                               std::vector<double> x, double step = 1e-5) {
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double saved = x[i];
    x[i] = saved + step;
    const double above = f(x);
    x[i] = saved - step;
    const double below = f(x);
    x[i] = saved;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

// The cases of a test: all of them, or, under the race detector, which is a thousand times slower, the fewest that
// still cross the edges of tiles and blocks.
template <class Case>
std::vector<Case> cases([[maybe_unused]] std::vector<Case> all, [[maybe_unused]] std::vector<Case> fewest) {
#ifdef __SANITIZE_THREAD__
  return fewest;
#else
  return all;
#endif
}

// The relative norm error that a kernel may have against its double oracle, which is fed the same numbers.
inline constexpr double kFloatTolerance = 1e-5;
template <class T>
inline constexpr double kTolerance = kFloatTolerance;
template <>
inline constexpr double kTolerance<bf16> = 5e-3;
inline constexpr double kTf32Tolerance = 1e-3;  // of float products where tf32 is allowed

inline constexpr int kThreadCounts[] = {1, 2, 3, 8};

}  // namespace polonaise::testing
